"""Certificates for contract tests: planted in a run's tree, ready to be taken out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, OWNER, Community, meter_details
from tests.support.evm import Receipt

CERTIFICATE_WH: Final = 100


def certificate(number: int, owner: str) -> dict[str, Any]:
    """Return the certificate of one stretch of 100 Wh of a solar device in the first interval."""
    return {
        "number": number,
        "device": keccak(text="device"),
        "interval": FIRST_INTERVAL,
        "fromWh": number * CERTIFICATE_WH,
        "toWh": (number + 1) * CERTIFICATE_WH,
        "owner": owner,
        "source": 1,
        "state": 1,
        "carbon": 0,
    }


def salt_of(values: Mapping[str, Any]) -> bytes:
    """Return the salt that `plant` gives a certificate: its own for each number."""
    return keccak(text=f"salt {values['number']}")


def leaf_of(values: Mapping[str, Any], salt: bytes | None = None) -> bytes:
    """Return the leaf of a certificate, by eth_account."""
    return typed_data.leaf(typed_data.struct_hash("Certificate", values), salt or salt_of(values))


def plant(
    community: Community,
    opened: Sequence[Mapping[str, Any]],
    *,
    step: int = 0,
    certified_wh: int | None = None,
    readings: Sequence[Mapping[str, Any]] = (),
) -> list[list[bytes]]:
    """Settle a run over one interval with these certificates; return a proof for each."""
    root, proofs = typed_data.tree([leaf_of(values) for values in opened])
    root_of_readings = readings_root(readings) if readings else None
    community.attest(step, export_wh=max(1, len(opened)) * CERTIFICATE_WH, readings_root=root_of_readings)
    run = community.next_run(certificatesRoot=root)
    community.settle(run if certified_wh is None else run | {"certifiedWh": certified_wh})
    assert run["lastInterval"] == FIRST_INTERVAL + step * INTERVAL_LENGTH
    return proofs


def materialise(
    community: Community, opened: Sequence[Mapping[str, Any]], proofs: Sequence[Any], *, run_id: int = 1
) -> list[int]:
    """Take certificates out of their run, each by its owner; return the ids of their bundles."""
    for values, proof in zip(opened, proofs, strict=True):
        arguments = (run_id, values, salt_of(values), proof)
        community.certificates.transact("materialise", *arguments, sender=values["owner"])
    return [int.from_bytes(leaf_of(values), "big") for values in opened]


def reading(meter: bytes, import_wh: int, *, step: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a final reading of a meter that drew energy."""
    return {
        "meter": meter,
        "interval": FIRST_INTERVAL + step * INTERVAL_LENGTH,
        "period": INTERVAL_LENGTH,
        "importWh": import_wh,
        "exportWh": 0,
        "importIndexWh": import_wh,
        "exportIndexWh": 0,
        "quality": 2 << 8 | 17,
        "flags": 0,
        "sequence": step,
        "previousHash": bytes(32),
        "rawHash": bytes(32),
        "observedAt": FIRST_INTERVAL + (step + 1) * INTERVAL_LENGTH,
    } | changes


def readings_root(readings: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the root that the oracles attest for the readings of an interval."""
    return typed_data.tree([_reading_leaf(values) for values in readings])[0]


def open_readings(readings: Sequence[Mapping[str, Any]]) -> dict[bytes, dict[str, Any]]:
    """Return the opening of each reading of an interval, by meter."""
    _, proofs = typed_data.tree([_reading_leaf(values) for values in readings])
    return {
        values["meter"]: {"reading": values, "salt": keccak(values["meter"]), "proof": proof}
        for values, proof in zip(readings, proofs, strict=True)
    }


def _reading_leaf(values: Mapping[str, Any]) -> bytes:
    return typed_data.leaf(typed_data.struct_hash("Reading", values), keccak(values["meter"]))


def enrol(community: Community, meter: bytes, account: str, source: int = 0) -> Receipt:
    """Enrol a meter of a member."""
    details = meter_details(account, source=source)
    return community.registry.transact("enrolMeter", meter, details, sender=OWNER)

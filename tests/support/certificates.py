"""Certificates for contract tests: planted in a run's tree, ready to be taken out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, Community

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
    community: Community, opened: Sequence[Mapping[str, Any]], *, step: int = 0, certified_wh: int | None = None
) -> list[list[bytes]]:
    """Settle a run over one interval with these certificates; return a proof for each."""
    root, proofs = typed_data.tree([leaf_of(values) for values in opened])
    community.attest(step, export_wh=max(1, len(opened)) * CERTIFICATE_WH)
    run = community.next_run(certificatesRoot=root)
    community.settle(run if certified_wh is None else run | {"certifiedWh": certified_wh})
    assert run["lastInterval"] == FIRST_INTERVAL + step * INTERVAL_LENGTH
    return proofs

"""Oracles for tests: keys behind guards in a temporary folder, and a decoder of frames that tests write by hand."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from energy.errors import Unavailable
from energy.identity import Address, Digest, MeterId
from energy.results import Rejected
from metering.readings import Reading
from metering.rejections import MeteringReject
from oracles.attestation import Oracle
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.hashing import keccak
from oracles.signatures import address_of
from oracles.signers import KeySigner, Signer
from oracles.typed_data import community_domain, reading_hash
from tests.support.evidence import CHAIN_ID, FIRST_INTERVAL, ORACLE_KEYS, PERIOD_S, READINGS_CONTRACT, make_reading

DOMAIN: Final = community_domain(CHAIN_ID, READINGS_CONTRACT)


@dataclass(frozen=True, slots=True)
class FrameSample:
    """What `decode_frame` reads in a frame."""

    import_index_wh: int
    export_index_wh: int
    metered_at: int


class SilentSigner:
    """A key that is out of reach."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def sign(self, digest: Digest) -> bytes:
        """Fail as a key in unplugged hardware does."""
        raise Unavailable("the key is out of reach")


def frame(import_index_wh: int, export_index_wh: int, metered_at: int) -> bytes:
    """Return a raw frame."""
    return f"{import_index_wh} {export_index_wh} {metered_at}".encode()


def decode_frame(meter: MeterId, raw: bytes) -> FrameSample | Rejected:
    """Return what a raw frame says; a frame that starts with ``!`` is damaged."""
    if raw.startswith(b"!"):
        return Rejected(MeteringReject.CHECKSUM, {"group": 0})
    return FrameSample(*(int(part) for part in raw.split()))


@contextmanager
def open_oracles(folder: Path, *, silent: int = 0, last_readings: Sequence[Reading] = ()) -> Iterator[list[Oracle]]:
    """Yield three oracles, each with its own key and store; the keys of the last ones may be out of reach."""
    with ExitStack() as stores:
        oracles = []
        for place, key in enumerate(ORACLE_KEYS):
            signer: Signer = KeySigner(key) if place < len(ORACLE_KEYS) - silent else SilentSigner(address_of(key))
            store = stores.enter_context(closing(GuardStore(folder / f"{place}.guard", signer.address)))
            guarded = GuardedSigner(signer, store)
            oracles.append(Oracle(f"oracle-{place}", guarded, DOMAIN, decode_frame, last_readings))
        yield oracles


def framed(reading: Reading, late_s: int = 0, moved_wh: int = 0) -> tuple[Reading, bytes]:
    """Return a reading with the frame that backs it, taken that much after the boundary and that many Wh further on."""
    metered_at = reading.interval + reading.period_s + late_s
    raw = frame(reading.import_index_wh + moved_wh, reading.export_index_wh + moved_wh, metered_at)
    return replace(reading, raw_hash=keccak(raw), observed_at=metered_at), raw


def following(last: Reading, import_wh: int = 120, export_wh: int = 480) -> Reading:
    """Return the next reading of the meter, an interval later."""
    return replace(
        last,
        interval=last.interval + last.period_s,
        import_wh=import_wh,
        export_wh=export_wh,
        import_index_wh=last.import_index_wh + import_wh,
        export_index_wh=last.export_index_wh + export_wh,
        sequence=last.sequence + 1,
        previous_hash=reading_hash(last),
        observed_at=last.observed_at + last.period_s,
    )


def first_reading(meter: MeterId) -> Reading:
    """Return the first reading that a meter ever has."""
    return make_reading(
        meter, FIRST_INTERVAL, sequence=0, previous_hash=bytes(32), observed_at=FIRST_INTERVAL + PERIOD_S
    )

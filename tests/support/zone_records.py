"""Steps, certificates and exports for tests of what zones send each other."""

from hashlib import sha256

from hypothesis import strategies as st

from energy.identity import ZERO_DIGEST, Digest, MeterId
from interconnect.curves import Step
from interconnect.origin import SignedExport
from interconnect.records import Export, record_digest
from oracles.signatures import address_of
from tests.support.zones import START, Goods, Keys

STEPS = st.lists(st.builds(Step, st.integers(-20, 20).map(lambda n: n * 1_000), st.integers(1, 500)), max_size=12)

HOME, BUYER, OTHER = (Digest(sha256(name).digest()) for name in (b"home", b"buyer", b"other"))
KEYS = Keys("home")
RECIPIENT = address_of(KEYS.link)
METER = MeterId(b"m" * 32)


def goods(from_wh: int = 0, to_wh: int = 100) -> Goods:
    return Goods(METER, START, from_wh, to_wh)


def signed(export: Export) -> SignedExport:
    return SignedExport(export, KEYS.attest(record_digest(export)))


def export(number: int = 1, from_wh: int = 0, to_wh: int = 100, destination: Digest = BUYER) -> SignedExport:
    made = Export(HOME, number, destination, RECIPIENT, METER, START, from_wh, to_wh, 1, 30, ZERO_DIGEST)
    return signed(made)

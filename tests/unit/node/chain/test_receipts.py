import pytest
import rlp

from energy.identity import Address
from node.chain.receipts import Log, Receipt

BLOOM = bytes(256)
LOG = Log(Address(b"\x22" * 20), (b"\x01" * 32, b"\x02" * 32), b"data")
PAYLOAD = rlp.encode([b"\x01", b"\x52\x08", BLOOM, [[LOG.address, list(LOG.topics), LOG.data]]])


def test_decodes_legacy_and_typed_receipts() -> None:
    for raw, kind in [(PAYLOAD, 0), (b"\x02" + PAYLOAD, 2)]:
        receipt = Receipt.decode(raw)
        assert (receipt.kind, receipt.succeeded, receipt.cumulative_gas_used) == (kind, True, 21_000)
        assert (receipt.logs_bloom, receipt.logs) == (BLOOM, (LOG,))


def test_an_empty_status_is_a_failure() -> None:
    assert not Receipt.decode(rlp.encode([b"", b"\x52\x08", BLOOM, []])).succeeded


@pytest.mark.parametrize(
    "raw", [b"", b"\x02", b"\xc0", rlp.encode([b"\x01"] * 3), rlp.encode([b"", b"", BLOOM, [b"x"]])]
)
def test_refuses_what_is_no_receipt(raw: bytes) -> None:
    with pytest.raises(ValueError):
        Receipt.decode(raw)

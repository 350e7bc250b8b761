from dataclasses import replace

import pytest
from eth_abi.abi import decode

from energy.identity import Address, Digest
from oracles.disputes import Dispute, OpenedRun, find_frauds
from oracles.hashing import keccak
from oracles.merkle import leaf, verify
from oracles.openings import SignedReceipt, open_leaves
from oracles.typed_data import CERTIFICATE, ENTRY, ORDER, READING, SIGNED_ORDER, TRADE, community_domain
from tests.support.evm import artifact

ZERO = Digest(bytes(32))
BUYER, SELLER, SUPPLIER = (Address(bytes([number]) * 20) for number in (1, 2, 3))
TRADE_VALUES = (900, 0, 120_000, 50, b"b" * 32, b"s" * 32, BUYER, SELLER, 0, 0, 7, 300)
ORDER_VALUES = (BUYER, 900, 0, 50, 120_000, 0, 1, 0, 0, 0, ZERO, 0, 0, 0, ZERO)
ENTRY_VALUES = (BUYER, 1, 1, 900, 50, 120_000, -6_000_000, 7_000_000, 1_000_000, ZERO)
CERTIFICATE_VALUES = (1, b"d" * 32, 900, 0, 50, BUYER, 1, 1, 0)
READING_VALUES = (b"d" * 32, 900, 900, 0, 50, 0, 50, 2 << 8 | 17, 0, 0, ZERO, ZERO, 1_800)
RUN = OpenedRun(1, community_domain(1, SUPPLIER), SUPPLIER, 900, 900, 900)

TRADES, _ = open_leaves(TRADE, [(TRADE_VALUES, ZERO)])
ENTRIES, _ = open_leaves(ENTRY, [(ENTRY_VALUES, ZERO)])
CERTIFICATES, _ = open_leaves(CERTIFICATE, [(CERTIFICATE_VALUES, ZERO)])
READINGS, _ = open_leaves(READING, [(READING_VALUES, ZERO)])
ORDERS, _ = open_leaves(SIGNED_ORDER, [((ORDER_VALUES, bytes(65)), ZERO)])
RECEIPT = SignedReceipt((7, ZERO, Digest(b"b" * 32), 1, 300), bytes(65))


def test_opening_leads_to_the_root() -> None:
    records = [((*TRADE_VALUES[:1], number, *TRADE_VALUES[2:]), Digest(bytes([number]) * 32)) for number in range(5)]
    openings, root = open_leaves(TRADE, records)
    for opening, (values, salt) in zip(openings, records, strict=True):
        assert opening.leaf == leaf(TRADE.hash(values), salt)
        assert verify(opening.leaf, opening.proof, root)


def test_opening_tells_fields_by_name() -> None:
    assert (TRADES[0].integer("quantityWh"), TRADES[0].data("seller")) == (50, SELLER)


DISPUTES = [
    Dispute("proveOrderSignature", 1, (ORDERS[0],)),
    *(
        Dispute(function, 1, (TRADES[0], ORDER_VALUES))
        for function in (
            "proveLimitPrice",
            "proveWrongInterval",
            "proveWrongParty",
            "proveOverfill",
            "proveExpiredOrder",
        )
    ),
    Dispute("proveEndedOrder", 1, (TRADES[0], RECEIPT)),
    Dispute("proveWrongTime", 1, (TRADES[0], RECEIPT)),
    Dispute("proveForkedTrade", 1, (TRADES[0], TRADES[0])),
    Dispute("proveEntryAgainstTrade", 1, (ENTRIES[0], TRADES[0])),
    Dispute("proveRepeatedLine", 1, (ENTRIES[0], ENTRIES[0])),
    Dispute("proveForeignCertificate", 1, (CERTIFICATES[0],)),
    Dispute("proveDoubleClaim", 2, (CERTIFICATES[0], 1, CERTIFICATES[0])),
    Dispute("proveDoubleFill", 1, (TRADES[0], TRADES[0])),
    Dispute("proveSelfTrade", 1, (TRADES[0],)),
    Dispute("proveWrongLine", 1, (ENTRIES[0],)),
    Dispute("proveBalanceStep", 1, (ENTRIES[0], ENTRIES[0])),
    Dispute("proveForkedStatement", 1, (ENTRIES[0], ENTRIES[0])),
    Dispute("proveEntryBeyondReadings", 1, (ENTRIES[0], (READINGS[0], READINGS[0]))),
    Dispute("proveCertificateBeyondExport", 1, (CERTIFICATES[0], READINGS[0])),
    Dispute("proveCertificateFromEstimate", 1, (CERTIFICATES[0], READINGS[0])),
    Dispute("proveOverlappingCertificates", 1, (CERTIFICATES[0], CERTIFICATES[0])),
]


@pytest.mark.parametrize("dispute", DISPUTES, ids=lambda dispute: dispute.function)
def test_calldata_is_what_the_contract_takes(dispute: Dispute) -> None:
    (entry,) = (each for each in artifact("Disputes")["abi"] if each.get("name") == dispute.function)
    kinds = [_kind(each) for each in entry["inputs"]]
    assert dispute.calldata[:4] == keccak(f"{dispute.function}({','.join(kinds)})".encode())[:4]
    assert decode(kinds, dispute.calldata[4:])[0] == dispute.run_id


def test_every_proof_of_the_contract_can_be_built() -> None:
    proofs = {each["name"] for each in artifact("Disputes")["abi"] if each.get("name", "").startswith("prove")}
    assert proofs == {dispute.function for dispute in DISPUTES} | {"proveEquivocation"}


def test_who_holds_nothing_finds_nothing() -> None:
    assert list(find_frauds(RUN)) == []


def test_a_leaf_that_is_held_twice_contradicts_nothing() -> None:
    run = replace(RUN, receipts=[RECEIPT] * 2, trades=TRADES * 2, entries=ENTRIES * 2, certificates=CERTIFICATES * 2)
    assert list(find_frauds(run)) == []


def test_without_the_readings_of_all_meters_no_line_is_judged() -> None:
    supply = (BUYER, 1, 3, 900, 99, 1, -99, 100, 1, b"d" * 32)
    entries, _ = open_leaves(ENTRY, [(supply, ZERO)])
    run = replace(RUN, entries=entries, readings=READINGS)
    known, other = b"d" * 32, b"e" * 32
    assert list(find_frauds(replace(run, meters={BUYER: frozenset({known, other})}))) == []
    (dispute,) = find_frauds(replace(run, meters={BUYER: frozenset({known})}))
    assert dispute == Dispute("proveEntryBeyondReadings", 1, (entries[0], (READINGS[0],)))


def test_suppliers_sums_are_mirrored() -> None:
    mirrored = (SUPPLIER, 1, 3, 900, 99, 1, 99, 0, 99, ZERO)
    entries, _ = open_leaves(ENTRY, [(mirrored, ZERO)])
    assert list(find_frauds(replace(RUN, entries=entries))) == []
    (dispute,) = find_frauds(replace(RUN, entries=entries, supplier=SELLER))
    assert dispute.function == "proveWrongLine"


def test_order_of_the_wrong_side_is_a_wrong_party() -> None:
    order = (*ORDER_VALUES[:2], 1, *ORDER_VALUES[3:])
    orders, _ = open_leaves(SIGNED_ORDER, [((order, bytes(65)), ZERO)])
    digest = keccak(b"\x19\x01" + RUN.domain.separator + ORDER.hash(order))
    trades, _ = open_leaves(TRADE, [((*TRADE_VALUES[:4], digest, *TRADE_VALUES[5:]), ZERO)])
    functions = [dispute.function for dispute in find_frauds(replace(RUN, orders=orders, trades=trades))]
    assert functions == ["proveOrderSignature", "proveWrongParty"]


def _kind(entry: dict[str, object]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    components = entry["components"]
    assert isinstance(components, list)
    return f"({','.join(_kind(each) for each in components)})" + kind.removeprefix("tuple")

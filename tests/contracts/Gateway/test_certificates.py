"""A certificate leaves once, comes in once, is used once; whoever holds what was sold twice is paid."""

from collections.abc import Callable

import pytest

from energy.identity import Digest, MeterId, address_from_hex
from interconnect.records import Export, record_digest, record_values
from tests.contracts.Certificates.conftest import BOILER, BUNDLE_WH, Market, market
from tests.contracts.Certificates.conftest import HOLDER as OWNS
from tests.contracts.Gateway.conftest import HOLDER, PARENT, PRICE, THEIRS, Gate
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, OWNER, STRANGER
from tests.support.evm import reverts

__all__ = ["market"]

NONE, HELD, CLAIMED, GIVEN_UP = range(4)


def _status(gate: Gate, export: Export) -> int:
    found: int = gate.contract.call("importOf", gate.nullifier(export))[2]
    return found


def test_bundle_leaves_for_good_under_the_next_number(market: Market, gate: Gate) -> None:
    market.act("setApprovalForAll", gate.contract, True, sender=OWNS)
    digests = [bytes(32)]
    for number, bundle in enumerate(market.ids[:2], start=1):
        said = gate.act("exportBundle", bundle, PARENT, STRANGER.address, sender=OWNS).event("Exported")
        export = Export(
            gate.name, number, PARENT, address_from_hex(STRANGER.address), market.bundle(bundle)["device"],
            market.bundle(bundle)["interval"], market.bundle(bundle)["fromWh"], market.bundle(bundle)["toWh"],
            market.bundle(bundle)["source"], market.bundle(bundle)["carbon"], Digest(digests[-1]),
        )  # fmt: skip
        assert said["digest"] == record_digest(export) == gate.contract.call("lastExport")
        digests.append(said["digest"])
        assert market.held_wh(OWNS, bundle) == 0
        with reverts("NotCirculating", bundle, 6):
            gate.act("exportBundle", bundle, PARENT, STRANGER.address, sender=OWNS)
    assert gate.contract.call("exports") == 2


def test_part_of_a_bundle_leaves_whole(market: Market, gate: Gate) -> None:
    market.act("setApprovalForAll", gate.contract, True, sender=OWNS)
    part = market.act("split", market.ids[0], 40).event("Split")["second"]
    exported = gate.act("exportBundle", part, PARENT, STRANGER.address, sender=OWNS).event("Exported")["exported"]
    assert exported[6:8] == (40, BUNDLE_WH)
    assert market.held_wh(OWNS, part) == 0


def test_only_its_holder_lets_a_bundle_leave(market: Market, gate: Gate) -> None:
    with reverts("ERC1155MissingApprovalForAll", gate.contract.address, OWNS):
        gate.act("exportBundle", market.ids[0], PARENT, STRANGER.address, sender=OWNS)
    market.act("setApprovalForAll", gate.contract, True, sender=STRANGER.address)
    with reverts("ERC1155InsufficientBalance", STRANGER.address, 0, BUNDLE_WH, market.ids[0]):
        gate.act("exportBundle", market.ids[0], PARENT, STRANGER.address, sender=STRANGER.address)


def test_converted_energy_stays(market: Market, gate: Gate) -> None:
    market.act("setApprovalForAll", gate.contract, True, sender=OWNS)
    heat = _heated(market)
    with reverts("NotElectricity", heat):
        gate.act("exportBundle", heat, PARENT, STRANGER.address, sender=OWNS)


def _heated(market: Market) -> int:
    market.act("enrolConverter", BOILER, 1, 900, sender=OWNER)
    converted = market.act("convert", market.ids[0], market.drawn[BOILER, 0])
    found: int = converted.event("Converted")["newId"]
    return found


def test_certificate_comes_in_once_and_is_used_once(gate: Gate) -> None:
    export = gate.export()
    gate.import_(export)
    key = gate.nullifier(export)
    with reverts("AlreadyImported", key):
        gate.import_(export)
    # The same energy under another number has the same nullifier.
    with reverts("AlreadyImported", key):
        gate.import_(gate.export(2))
    with reverts("NotHeld", key, STRANGER.address):
        gate.act("claimImport", key, sender=STRANGER.address)
    gate.act("claimImport", key, sender=HOLDER)
    assert _status(gate, export) == CLAIMED
    with reverts("NotHeld", key, HOLDER):
        gate.act("claimImport", key, sender=HOLDER)


def test_only_what_the_origin_let_go_to_us_comes_in(gate: Gate) -> None:
    with reverts("NotForUs", PARENT):
        gate.import_(gate.export(destination=PARENT))
    unknown = Digest(b"u" * 32)
    with reverts("NotLinked", unknown):
        gate.import_(gate.export(origin=unknown))
    with reverts("QuorumNotMet", 1, 2):
        gate.import_(gate.export(), THEIRS[:1])


def _same_energy(gate: Gate, ours: Export) -> Export:
    return gate.export(1, destination=PARENT)


def _part_of_it(gate: Gate, ours: Export) -> Export:
    return gate.export(1, destination=PARENT, from_wh=60, to_wh=61)


def _same_number(gate: Gate, ours: Export) -> Export:
    others = (gate.export(2, destination=PARENT, from_wh=wh, to_wh=wh + 1) for wh in range(100, 200))
    return next(each for each in others if record_digest(each) < record_digest(ours))


@pytest.mark.parametrize("lower_first", [True, False])
@pytest.mark.parametrize("sold_before", [_same_energy, _part_of_it, _same_number])
def test_what_was_sold_twice_is_given_up_and_paid_for(
    gate: Gate, sold_before: Callable[[Gate, Export], Export], lower_first: bool
) -> None:
    gate.post_bond()
    ours = gate.export(2)
    gate.import_(ours)
    first = sold_before(gate, ours)
    both = (first, ours) if lower_first else (ours, first)
    proven = gate.prove("proveDoubleExport", *both)
    given_up = proven.event("GivenUp")
    assert (given_up["stands"], given_up["falls"]) == (record_digest(first), record_digest(ours))
    paid = proven.event("BondPaid")
    assert (paid["amount"], gate.money(HOLDER)) == (100 * PRICE, 100 * PRICE)
    assert _status(gate, ours) == GIVEN_UP
    with reverts("NotHeld", gate.nullifier(ours), HOLDER):
        gate.prove("proveDoubleExport", first, ours)
    with reverts("NotHeld", gate.nullifier(ours), HOLDER):
        gate.act("claimImport", gate.nullifier(ours), sender=HOLDER)
    with reverts("AlreadyImported", gate.nullifier(ours)):
        gate.import_(ours)


def test_holder_is_paid_for_the_energy_that_falls(gate: Gate) -> None:
    gate.post_bond()
    ours = gate.export(2, from_wh=60)
    gate.import_(ours)
    gate.prove("proveDoubleExport", gate.export(1, destination=PARENT), ours)
    assert gate.money(HOLDER) == 40 * PRICE


def test_what_was_not_let_in_does_not_fall(gate: Gate) -> None:
    held = gate.export(2)
    gate.import_(held)
    with reverts("NotHeld", gate.nullifier(held), HOLDER):
        gate.prove("proveDoubleExport", gate.export(1, destination=PARENT), gate.export(3))
    assert _status(gate, held) == HELD


def test_claimed_certificate_never_falls(gate: Gate) -> None:
    ours = gate.export(2)
    gate.import_(ours)
    gate.act("claimImport", gate.nullifier(ours), sender=HOLDER)
    with reverts("NotHeld", gate.nullifier(ours), HOLDER):
        gate.prove("proveDoubleExport", gate.export(1, destination=PARENT), ours)


def test_exports_that_fit_together_prove_nothing(gate: Gate) -> None:
    one, two = gate.export(1), gate.export(2, from_wh=100, to_wh=200)
    gate.import_(two)
    elsewhere = gate.export(3, device=MeterId(b"e" * 32))
    later = gate.export(3, interval=FIRST_INTERVAL + INTERVAL_LENGTH)
    for first, second in ((one, two), (two, one), (one, elsewhere), (one, later)):
        with reverts("NoContradiction", record_digest(first), record_digest(second)):
            gate.prove("proveDoubleExport", first, second)
    with reverts("NoContradiction", record_digest(two), record_digest(two)):
        gate.prove("proveDoubleExport", two, two)
    foreign = gate.export(2, origin=PARENT)
    with reverts("NoContradiction", record_digest(foreign), record_digest(two)):
        gate.prove("proveDoubleExport", foreign, two)
    with reverts("QuorumNotMet", 1, 2):
        gate.prove("proveDoubleExport", gate.export(2, destination=PARENT), two, THEIRS[:1])
    unknown = Digest(b"u" * 32)
    with reverts("NotLinked", unknown):
        gate.prove("proveDoubleExport", gate.export(1, origin=unknown), gate.export(2, origin=unknown))


def test_hash_of_an_export_is_public(gate: Gate) -> None:
    assert gate.contract.call("hashExport", record_values(gate.export())) == record_digest(gate.export())

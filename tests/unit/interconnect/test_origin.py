from dataclasses import replace

import pytest

from energy.identity import ZERO_DIGEST
from energy.results import Accepted, Rejected
from interconnect.origin import Claims, Exports, Imports, SignedExport, between
from interconnect.records import Export, nullifier, record_digest
from interconnect.rejections import LinkReject
from oracles.rejections import OracleReject
from tests.support.zone_records import BUYER, HOME, KEYS, OTHER, RECIPIENT, export, goods, signed
from tests.support.zones import Goods, Keys, let_go


@pytest.fixture
def imports() -> Imports:
    return Imports(BUYER, {HOME: KEYS.attestors}, {HOME: 100_000})


def code(result: Accepted[object] | Rejected) -> object:
    return result.code if isinstance(result, Rejected) else None


def test_exports_are_one_chain_of_numbers() -> None:
    exports = Exports(HOME)
    made: list[Export] = []
    first = let_go(made, HOME, goods(), BUYER, RECIPIENT)
    second = let_go(made, HOME, goods(100, 150), OTHER, RECIPIENT)
    assert code(exports.take(second)) is LinkReject.GAP
    assert isinstance(exports.take(first), Accepted)
    assert code(exports.take(first)) is LinkReject.EXPORT_REPEATED
    assert code(exports.take(replace(second, previous_export=ZERO_DIGEST))) is LinkReject.GAP
    assert code(exports.take(replace(second, origin=OTHER))) is LinkReject.WRONG_LINK
    assert isinstance(exports.take(second), Accepted)
    assert exports.made == made


@pytest.mark.parametrize("piece", [goods(), goods(99, 120), goods(50, 50)], ids=["same", "overlap", "empty"])
def test_energy_leaves_once(piece: Goods) -> None:
    exports = Exports(HOME)
    made: list[Export] = []
    exports.take(let_go(made, HOME, goods(), BUYER, RECIPIENT))
    assert code(exports.take(let_go(made, HOME, piece, OTHER, RECIPIENT))) is LinkReject.EXPORT_OVERLAP
    assert len(exports.made) == 1


def test_certificate_is_taken_in_once(imports: Imports) -> None:
    assert isinstance(imports.take(export()), Accepted)
    assert code(imports.take(export())) is LinkReject.EXPORT_REPEATED
    assert len(imports.held) == 1


def test_certificate_for_somebody_else_or_of_a_stranger_is_refused(imports: Imports) -> None:
    assert code(imports.take(export(destination=OTHER))) is LinkReject.WRONG_LINK
    foreign = replace(export().export, origin=OTHER)
    assert code(imports.take(signed(foreign))) is LinkReject.UNKNOWN_ORIGIN
    forged = SignedExport(export().export, Keys("stranger").attest(record_digest(export().export)))
    assert code(imports.take(forged)) is OracleReject.UNKNOWN_SIGNER


def test_second_sale_to_the_same_buyer_falls_whichever_comes_first() -> None:
    for sequence in ((export(1), export(2, 50, 150)), (export(2, 50, 150), export(1))):
        imports = Imports(BUYER, {HOME: KEYS.attestors}, {HOME: 100_000})
        for each in sequence:
            imports.take(each)
        assert [each.export.number for each in imports.held.values()] == [1]


def test_sale_to_two_buyers_is_found_by_their_parent_and_one_is_paid(imports: Imports) -> None:
    mine, theirs = export(5), export(4, destination=OTHER)
    other = Imports(OTHER, {HOME: KEYS.attestors}, {HOME: 100_000})
    assert isinstance(imports.take(mine), Accepted)
    assert isinstance(other.take(theirs), Accepted)
    claims = Claims()
    assert claims.take(mine, BUYER) == []
    (conflict,) = claims.take(theirs, OTHER)
    assert claims.take(theirs, OTHER) == []
    assert imports.reconcile(conflict)
    assert not imports.reconcile(conflict), "it can be given up once"
    assert not other.reconcile(conflict)
    assert (len(imports.held), len(other.held)) == (0, 1)
    assert (imports.compensation_neur, other.compensation_neur) == (100 * 100_000, 0)
    assert code(imports.take(mine)) is LinkReject.EXPORT_REPEATED


def test_one_number_for_two_sales_falls_by_digest(imports: Imports) -> None:
    first, second = export(1, 0, 100), export(1, 500, 600, OTHER)
    assert between(first, second) == between(second, first)
    assert Claims().take(first, BUYER) == []
    claims = Claims()
    claims.take(second, BUYER)
    (conflict,) = claims.take(first, BUYER)
    lower = min(first, second, key=lambda each: record_digest(each.export))
    assert conflict.stands == lower


def test_made_up_conflict_takes_nothing_away(imports: Imports) -> None:
    imports.take(export(5))
    forged = replace(export(4, destination=OTHER), signatures=Keys("stranger").attest(HOME))
    assert not imports.reconcile(between(forged, export(5)))
    assert not imports.reconcile(between(export(4, 100, 120, OTHER), export(5)))
    turned = between(export(4, destination=OTHER), export(5))
    assert not imports.reconcile(replace(turned, stands=turned.falls, falls=turned.stands))
    assert len(imports.held) == 1


def test_nullifier_names_the_energy_not_the_buyer() -> None:
    assert nullifier(export(1).export) == nullifier(export(9, destination=OTHER).export)
    assert nullifier(export(1).export) != nullifier(export(1, 0, 99).export)

"""Hands, parts, locks and ends of bundles."""

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from tests.contracts.Certificates.conftest import BUNDLE_WH, HOLDER, HOUSE, OTHER, Market
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, OWNER, SUPPLIER, Community
from tests.support.evm import reverts

LOCKED, SPLIT, WITHDRAWN, EXPIRED = 2, 3, 6, 7
NO_LOCK = ("0x" + 40 * "0", 0)
EXPIRY = FIRST_INTERVAL + INTERVAL_LENGTH + 365 * 86_400


@pytest.mark.parametrize("wh", [1, 40, 99])
def test_split_keeps_every_wh_in_one_part(market: Market, wh: int) -> None:
    whole = market.bundle(market.ids[0])
    event = market.act("split", market.ids[0], wh).event("Split")
    first, second = market.bundle(event["first"]), market.bundle(event["second"])
    assert first == whole | {"toWh": wh, "parent": market.ids[0]}
    assert second == whole | {"fromWh": wh, "parent": market.ids[0]}
    assert (market.held_wh(HOLDER, event["first"]), market.held_wh(HOLDER, event["second"])) == (wh, BUNDLE_WH - wh)
    assert market.held_wh(HOLDER, market.ids[0]) == 0
    assert market.bundle(market.ids[0])["status"] == SPLIT
    shared = keccak(encode(["bytes32", "uint8", "uint64"], [whole["device"], whole["carrier"], whole["interval"]]))
    assert [bytes(market.view("issuanceId", event[part])) for part in ("first", "second")] == [shared, shared]


@pytest.mark.parametrize("wh", [0, 100, 101])
def test_neither_part_is_empty(market: Market, wh: int) -> None:
    with reverts("SplitOutside", market.ids[0], wh, BUNDLE_WH):
        market.act("split", market.ids[0], wh)


def test_only_the_holder_splits_and_once(market: Market) -> None:
    with reverts("NotTheHolder", OTHER, HOLDER):
        market.act("split", market.ids[0], 40, sender=OTHER)
    market.act("split", market.ids[0], 40)
    with reverts("NotCirculating", market.ids[0], SPLIT):
        market.act("split", market.ids[0], 40)


def test_bundle_moves_whole(market: Market) -> None:
    with reverts("PartOfBundle", market.ids[0], 40, BUNDLE_WH):
        market.act("safeTransferFrom", HOLDER, OTHER, market.ids[0], 40, b"")
    market.act("safeBatchTransferFrom", HOLDER, OTHER, market.ids[:2], [BUNDLE_WH] * 2, b"")
    assert market.held_wh(OTHER, *market.ids[:2]) == 2 * BUNDLE_WH
    assert market.bundle(market.ids[1])["holder"] == OTHER
    with reverts("NotTheHolder", HOLDER, OTHER):
        market.act("split", market.ids[0], 40)
    with reverts("ERC1155InsufficientBalance", HOLDER, 0, BUNDLE_WH, market.ids[0]):
        market.act("safeTransferFrom", HOLDER, OTHER, market.ids[0], BUNDLE_WH, b"")


def test_locked_bundle_stays_until_its_time_or_its_keeper(market: Market) -> None:
    until = market.community.evm.timestamp + 600
    locked = market.ids[0]
    event = market.act("lock", locked, OTHER, until).event("Locked")
    assert event == {"id": locked, "keeper": OTHER, "until": until}
    assert market.bundle(locked)["status"] == LOCKED
    assert market.view("lockOf", locked) == (OTHER, until)
    transfer = ("safeTransferFrom", HOLDER, OTHER, locked, BUNDLE_WH, b"")
    for function, *arguments in (
        transfer,
        ("claim", locked, HOLDER, market.drawn[HOUSE, 0]),
        ("split", locked, 1),
        ("lock", locked, HOLDER, until + 1),
        ("withdraw", locked),
    ):
        with reverts("NotCirculating", locked, LOCKED):
            market.act(function, *arguments)
    with reverts("NotTheKeeper", HOLDER, OTHER):
        market.act("unlock", locked)
    released = market.community.evm.snapshot()
    market.act("unlock", locked, sender=OTHER)
    assert market.view("lockOf", locked) == NO_LOCK
    market.act(*transfer)
    market.community.evm.restore(released)
    market.community.evm.timestamp = until
    assert market.view("lockOf", locked) == NO_LOCK
    with reverts("NotCirculating", locked, 1):
        market.act("unlock", locked, sender=OTHER)
    market.act(*transfer)


def test_lock_lies_between_now_and_the_expiry(market: Market) -> None:
    now = market.community.evm.timestamp
    for until in (now, EXPIRY + 1):
        with reverts("LockOutside", until, now, EXPIRY):
            market.act("lock", market.ids[0], OTHER, until)
    with reverts("NotTheHolder", OTHER, HOLDER):
        market.act("lock", market.ids[0], OTHER, EXPIRY, sender=OTHER)
    market.act("lock", market.ids[0], OTHER, EXPIRY)


def test_withdrawn_bundle_circulates_no_more(market: Market) -> None:
    assert market.act("withdraw", market.ids[0]).event("Withdrawn") == {"id": market.ids[0], "by": HOLDER}
    assert market.held_wh(HOLDER, market.ids[0]) == 0
    with reverts("NotCirculating", market.ids[0], WITHDRAWN):
        market.act("claim", market.ids[0], HOLDER, market.drawn[HOUSE, 0])


def test_community_withdraws_what_was_issued_in_error_even_locked(market: Market) -> None:
    market.act("lock", market.ids[0], OTHER, EXPIRY)
    market.act("withdraw", market.ids[0], sender=OWNER)
    assert market.bundle(market.ids[0])["status"] == WITHDRAWN
    assert market.view("lockOf", market.ids[0]) == NO_LOCK
    with reverts("UnknownCertificate", 7):
        market.view("lockOf", 7)
    with reverts("NotTheHolder", OTHER, HOLDER):
        market.act("withdraw", market.ids[2], sender=OTHER)


def test_bundle_expires_a_year_after_its_interval(market: Market) -> None:
    assert market.view("expiresAt", market.ids[0]) == EXPIRY
    market.community.evm.timestamp = EXPIRY - 1
    with reverts("NotExpired", market.ids[0], EXPIRY):
        market.act("expire", market.ids[0], sender=OTHER)
    market.community.evm.timestamp = EXPIRY
    assert market.bundle(market.ids[0])["status"] == EXPIRED
    for function, *arguments in (
        ("safeTransferFrom", HOLDER, OTHER, market.ids[0], BUNDLE_WH, b""),
        ("claim", market.ids[0], HOLDER, market.drawn[HOUSE, 0]),
    ):
        with reverts("NotCirculating", market.ids[0], EXPIRED):
            market.act(function, *arguments)
    assert market.held_wh(HOLDER, market.ids[0]) == BUNDLE_WH
    assert market.act("expire", market.ids[0], sender=OTHER).event("Expired") == {"id": market.ids[0]}
    assert market.held_wh(HOLDER, market.ids[0]) == 0
    with reverts("NotCirculating", market.ids[0], EXPIRED):
        market.act("expire", market.ids[0])


def test_certificate_tells_its_time_and_its_run(market: Market) -> None:
    _, topic, validity, data = market.view("getCertificate", market.ids[2])
    start = FIRST_INTERVAL + INTERVAL_LENGTH
    end = start + INTERVAL_LENGTH
    assert topic == 1
    assert decode(["uint64"] * 4, validity) == (2, start, end, end + 365 * 86_400)
    fields = ["bytes32", "uint64", "uint64", "uint64", "uint32", *["uint8"] * 3, "address", "uint64", "uint256"]
    assert decode(fields, data) == market.view("bundleOf", market.ids[2])
    market.act("lock", market.ids[2], OTHER, EXPIRY)
    *_, data = market.view("getCertificate", market.ids[2])
    assert decode(fields, data)[7] == market.bundle(market.ids[2])["status"] == LOCKED


@pytest.mark.parametrize("length", [3_600, 7_200])
def test_certificate_covers_an_hour_at_most(community: Community, length: int) -> None:
    evm = community.evm
    readings = evm.deploy("Readings", community.registry, length)
    settlement = evm.deploy("Settlement", community.token, community.registry, readings, SUPPLIER)
    if length > 3_600:
        with reverts("IntervalTooLong", length, 3_600):
            evm.deploy("Certificates", settlement)
    else:
        evm.deploy("Certificates", settlement)

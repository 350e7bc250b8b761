"""Through a store and into another carrier: what comes out is what went in, less the losses, once."""

import pytest
from eth_utils.crypto import keccak

from tests.contracts.Certificates.conftest import (
    BOILER,
    BUNDLE_WH,
    CARBON,
    HOLDER,
    HOUSE,
    NEIGHBOUR,
    OTHER,
    STORE,
    Market,
    child_id,
)
from tests.support.certificates import (
    certificate,
    leaf_of,
    materialise,
    open_readings,
    plant,
    reading,
    readings_root,
    salt_of,
)
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, OWNER
from tests.support.evm import reverts

FIFO, LIFO, NAMED = 0, 1, 2
HEAT, HYDROGEN, MOBILITY = 1, 2, 3
CANCELLED, CLAIMED = 4, 5
SECOND = FIRST_INTERVAL + INTERVAL_LENGTH


@pytest.fixture
def stored(market: Market) -> Market:
    """A store that 90 % comes out of, charged with a bundle in each of the first two intervals."""
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    market.act("charge", market.ids[0], market.drawn[STORE, 0])
    market.act("charge", market.ids[2], market.drawn[STORE, 1])
    return market


def test_charge_cancels_the_bundle_and_loses(market: Market) -> None:
    market.act("enrolStore", STORE, FIFO, 899, sender=OWNER)
    receipt = market.act("charge", market.ids[0], market.drawn[STORE, 0])
    assert receipt.event("Charged") == {
        "device": STORE,
        "charge": 1,
        "id": market.ids[0],
        "chargedWh": 100,
        "leftWh": 89,
    }
    carbon = -(-CARBON * 100 // 89)
    assert market.view("chargeOf", STORE, 1) == (market.ids[0], FIRST_INTERVAL, 100, 89, carbon, 1, 0, 0)
    assert market.bundle(market.ids[0])["status"] == CANCELLED
    assert market.held_wh(HOLDER, market.ids[0]) == 0


def test_only_what_the_store_drew_is_charged(market: Market) -> None:
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    market.act("charge", market.ids[0], market.drawn[STORE, 0])
    with reverts("BeyondConsumption", STORE, FIRST_INTERVAL, 200, 150):
        market.act("charge", market.ids[1], market.drawn[STORE, 0])
    with reverts("BeyondConsumption", STORE, FIRST_INTERVAL, 200, 150):
        market.act("claim", market.ids[1], HOLDER, market.drawn[STORE, 0])
    with reverts("OtherInterval", SECOND, FIRST_INTERVAL):
        market.act("charge", market.ids[1], market.drawn[STORE, 1])


def test_store_is_the_holders_and_enrolled(market: Market) -> None:
    with reverts("NotAStore", STORE):
        market.act("charge", market.ids[0], market.drawn[STORE, 0])
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    market.act("safeTransferFrom", HOLDER, OTHER, market.ids[0], BUNDLE_WH, b"")
    with reverts("NotTheMeterOf", STORE, OTHER):
        market.act("charge", market.ids[0], market.drawn[STORE, 0], sender=OTHER)


def test_charges_follow_time(market: Market) -> None:
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    market.act("charge", market.ids[2], market.drawn[STORE, 1])
    with reverts("ChargesDescend", FIRST_INTERVAL, SECOND):
        market.act("charge", market.ids[0], market.drawn[STORE, 0])


def test_c3_discharge_gives_what_is_left_of_the_charge(stored: Market) -> None:
    fed_out = stored.ids[5]
    before = stored.bundle(fed_out)
    event = stored.act("discharge", fed_out, 1).event("Discharged")
    issued = stored.bundle(event["newId"])
    carbon = -(-CARBON * 100 // 90)
    assert event["newId"] == child_id(fed_out, 0, 90)
    assert event == {"device": STORE, "charge": 1, "id": fed_out, "newId": event["newId"], "wh": 90}
    assert issued == before | {"toWh": 90, "source": 2, "carbon": carbon, "parent": fed_out}
    assert stored.bundle(fed_out)["status"] == CANCELLED
    assert stored.held_wh(HOLDER, event["newId"]) == 90
    assert stored.view("chargeOf", STORE, 1)[3] == 0
    with reverts("NotTheNextCharge", STORE, 1):
        stored.act("discharge", stored.ids[3], 1)


def test_rest_of_a_discharge_keeps_its_unknown_origin(stored: Market) -> None:
    receipt = stored.act("discharge", stored.ids[5], 1)
    issued = [event.arguments for event in receipt.events if event.name == "IssuanceSingle"]
    assert [(each["topic"], each["value"]) for each in issued] == [(2, 90), (0, 10)]
    rest = stored.bundle(issued[1]["id"])
    assert (rest["fromWh"], rest["toWh"], rest["source"], rest["status"]) == (90, 100, 0, 1)
    event = stored.act("discharge", issued[1]["id"], 2).event("Discharged")
    assert event["wh"] == 10
    assert stored.view("chargeOf", STORE, 2)[3] == 80


def test_discharge_reaches_bundles_in_other_hands_and_only_by_the_store(stored: Market) -> None:
    stored.act("safeTransferFrom", HOLDER, OTHER, stored.ids[5], BUNDLE_WH, b"")
    with reverts("NotTheMeterOf", STORE, OTHER):
        stored.act("discharge", stored.ids[5], 1, sender=OTHER)
    event = stored.act("discharge", stored.ids[5], 1).event("Discharged")
    assert stored.held_wh(OTHER, event["newId"]) == 90


def test_origin_is_given_once(stored: Market) -> None:
    event = stored.act("discharge", stored.ids[5], 1).event("Discharged")
    with reverts("OriginKnown", event["newId"], 2):
        stored.act("discharge", event["newId"], 2)
    with reverts("NotAStore", keccak(text="device")):
        stored.act("discharge", stored.ids[4], 1)


def test_energy_does_not_leave_before_it_came(stored: Market) -> None:
    with reverts("ChargedLater", FIRST_INTERVAL, FIRST_INTERVAL):
        stored.act("discharge", stored.ids[1], 1)
    receipt = stored.act("discharge", stored.ids[3], 1)
    rest = [event.arguments["id"] for event in receipt.events if event.name == "IssuanceSingle"][1]
    with reverts("ChargedLater", SECOND, SECOND):
        stored.act("discharge", rest, 2)


@pytest.mark.parametrize(("allocation", "right", "wrong"), [(FIFO, 1, 2), (LIFO, 2, 1)])
def test_allocation_names_the_next_charge(market: Market, allocation: int, right: int, wrong: int) -> None:
    market.act("enrolStore", STORE, allocation, 500, sender=OWNER)
    market.act("charge", market.ids[0], market.drawn[STORE, 0])
    market.act("charge", market.ids[2], market.drawn[STORE, 1])
    with reverts("NotTheNextCharge", STORE, wrong):
        market.act("discharge", market.ids[5], wrong)
    receipt = market.act("discharge", market.ids[5], right)
    rest = [event.arguments["id"] for event in receipt.events if event.name == "IssuanceSingle"][1]
    assert market.act("discharge", rest, wrong).event("Discharged")["wh"] == 50
    with reverts("NotTheNextCharge", STORE, right):
        market.act("discharge", market.ids[3], right)


@pytest.mark.parametrize("charge", [1, 2])
def test_named_allocation_draws_on_any_charge(market: Market, charge: int) -> None:
    market.act("enrolStore", STORE, NAMED, 900, sender=OWNER)
    market.act("charge", market.ids[0], market.drawn[STORE, 0])
    market.act("charge", market.ids[2], market.drawn[STORE, 1])
    assert market.act("discharge", market.ids[5], charge).event("Discharged")["charge"] == charge
    for unknown in (0, 3):
        with reverts("NotTheNextCharge", STORE, unknown):
            market.view("chargeOf", STORE, unknown)


def test_last_in_first_out_passes_over_what_came_later(market: Market) -> None:
    market.act("enrolStore", STORE, LIFO, 900, sender=OWNER)
    market.act("charge", market.ids[0], market.drawn[STORE, 0])
    market.act("charge", market.ids[2], market.drawn[STORE, 1])
    assert market.act("discharge", market.ids[3], 1).event("Discharged")["wh"] == 90


def test_run_gives_no_origin_to_what_an_enrolled_store_feeds_out(market: Market) -> None:
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    values = certificate(9, HOLDER) | {"device": STORE, "source": 2, "interval": FIRST_INTERVAL + 3 * INTERVAL_LENGTH}
    (proof,) = plant(market.community, [values], step=3)
    with reverts("OriginFromCharges", STORE):
        market.act("materialise", 4, values, salt_of(values), proof)


def test_run_gives_other_origins_to_a_store_and_the_stores_origin_to_whom_nobody_enrolled(market: Market) -> None:
    interval = FIRST_INTERVAL + 3 * INTERVAL_LENGTH
    unknown = certificate(9, HOLDER) | {"device": STORE, "source": 0, "interval": interval}
    unenrolled = certificate(8, HOLDER) | {"device": BOILER, "source": 2, "interval": interval}
    market.act("enrolStore", STORE, FIFO, 900, sender=OWNER)
    opened = [unknown, unenrolled]
    ids = materialise(market.community, opened, plant(market.community, opened, step=3), run_id=4)
    assert [market.bundle(each)["source"] for each in ids] == [0, 2]


def test_charges_of_a_store_lie_in_one_row(market: Market) -> None:
    market.act("enrolStore", STORE, NAMED, 1_000, sender=OWNER)
    for step in (0, 1, 2):
        market.act("charge", market.ids[2 * step], market.drawn[STORE, step])
    assert _row(market) == [(0, 2), (1, 3), (2, 0)]
    assert [market.view("chargeOf", STORE, number)[4] for number in (1, 2, 3)] == [CARBON] * 3  # nothing to round
    charged_before = market.community.evm.snapshot()
    market.act("discharge", market.ids[5], 2)
    assert _row(market) == [(0, 3), (1, 3), (1, 0)]
    market.community.evm.restore(charged_before)
    market.act("discharge", market.ids[5], 1)
    assert _row(market) == [(0, 2), (0, 3), (2, 0)]


def _row(market: Market) -> list[tuple[int, int]]:
    """Return which charge comes before and which after each of the first three."""
    return [market.view("chargeOf", STORE, number)[6:] for number in (1, 2, 3)]


def test_enrolment_is_the_communitys_and_for_good(market: Market) -> None:
    for function, device, kind in (("enrolStore", STORE, FIFO), ("enrolConverter", BOILER, HEAT)):
        with reverts("NotTheCommunity", HOLDER, OWNER):
            market.act(function, device, kind, 900)
        with reverts("FactorOutOfBounds", 0, 65_535):
            market.act(function, device, kind, 0, sender=OWNER)
        market.act(function, device, kind, 900, sender=OWNER)
        with reverts("DeviceAlreadyEnrolled", device):
            market.act(function, device, kind, 900, sender=OWNER)
    with reverts("FactorOutOfBounds", 1_001, 1_000):
        market.act("enrolStore", STORE, FIFO, 1_001, sender=OWNER)
    with reverts("NotAStore", HOUSE):
        market.act("enrolStore", HOUSE, FIFO, 900, sender=OWNER)
    with reverts("NotAConverter", HOUSE):
        market.act("enrolConverter", HOUSE, 0, 900, sender=OWNER)


# -- CONVERSION


@pytest.mark.parametrize(
    ("carrier", "factor", "output_wh"), [(HEAT, 3_000, 300), (HEAT, 649, 64), (HYDROGEN, 649, 64), (MOBILITY, 900, 90)]
)
def test_conversion_changes_the_carrier_once(market: Market, carrier: int, factor: int, output_wh: int) -> None:
    market.act("enrolConverter", BOILER, carrier, factor, sender=OWNER)
    event = market.act("convert", market.ids[0], market.drawn[BOILER, 0]).event("Converted")
    heat = event["newId"]
    assert (event["intakeWh"], event["outputWh"]) == (100, output_wh)
    assert heat == child_id(market.ids[0], 0, output_wh)
    carbon = -(-CARBON * 100 // output_wh)
    before = market.bundle(market.ids[0])
    assert before["status"] == CANCELLED
    assert market.bundle(heat) == before | {
        "device": BOILER,
        "carrier": carrier,
        "carbon": carbon,
        "toWh": output_wh,
        "status": 1,
        "parent": market.ids[0],
    }
    assert market.view("usedWh", BOILER, FIRST_INTERVAL) == 100
    for function in ("convert", "charge"):
        with reverts("WrongCarrier", heat, carrier):
            market.act(function, heat, market.drawn[BOILER, 0])
        with reverts("NotCirculating", market.ids[0], CANCELLED):
            market.act(function, market.ids[0], market.drawn[BOILER, 0])
    with reverts("WrongCarrier", heat, carrier):
        market.act("claim", heat, HOLDER, market.drawn[HOUSE, 0])
    with reverts("NotAStore", BOILER):
        market.act("discharge", heat, 1)
    claim = market.act("claimConverted", heat, OTHER).event("ClaimSingle")
    assert (claim["claimSubject"], claim["value"]) == (OTHER, output_wh)
    assert market.held_wh(HOLDER, heat) == 0
    with reverts("NotCirculating", heat, CLAIMED):
        market.act("claimConverted", heat, OTHER)


def test_outputs_of_a_converter_lie_side_by_side(market: Market) -> None:
    market.act("enrolConverter", BOILER, HEAT, 900, sender=OWNER)
    event = market.act("split", market.ids[0], 40).event("Split")
    ranges = []
    for part in (event["first"], event["second"]):
        heat = market.act("convert", part, market.drawn[BOILER, 0]).event("Converted")["newId"]
        ranges.append((market.bundle(heat)["fromWh"], market.bundle(heat)["toWh"]))
    assert ranges == [(0, 36), (36, 90)]
    assert market.view("convertedWh", BOILER, FIRST_INTERVAL) == 90


def test_conversion_takes_an_enrolled_converter_and_its_intake(market: Market) -> None:
    with reverts("NotAConverter", BOILER):
        market.act("convert", market.ids[0], market.drawn[BOILER, 0])
    market.act("enrolConverter", BOILER, HEAT, 900, sender=OWNER)
    with reverts("NotAConverter", NEIGHBOUR):
        market.act("convert", market.ids[0], market.drawn[NEIGHBOUR, 0])
    market.act("convert", market.ids[0], market.drawn[BOILER, 0])
    with reverts("BeyondConsumption", BOILER, FIRST_INTERVAL, 200, 150):
        market.act("convert", market.ids[1], market.drawn[BOILER, 0])


def test_carbon_is_never_told_beyond_its_field(market: Market) -> None:
    market.act("enrolConverter", BOILER, HEAT, 900, sender=OWNER)
    interval = FIRST_INTERVAL + 3 * INTERVAL_LENGTH
    dirty = certificate(9, HOLDER) | {"interval": interval, "carbon": 2**32 - 1}
    drawn = [reading(BOILER, 150, step=3)]
    (bundle,) = materialise(
        market.community, [dirty], plant(market.community, [dirty], step=3, readings=drawn), run_id=4
    )
    heat = market.act("convert", bundle, open_readings(drawn)[BOILER]).event("Converted")["newId"]
    assert market.bundle(heat)["carbon"] == 2**32 - 1


@pytest.mark.parametrize(("wh", "refused"), [(2**63 - 1, False), (2**63, True)])
def test_no_more_comes_out_than_ranges_hold(market: Market, wh: int, refused: bool) -> None:
    community, step = market.community, 3
    market.act("enrolConverter", BOILER, HEAT, 1_000, sender=OWNER)
    huge = certificate(9, HOLDER) | {"interval": FIRST_INTERVAL + step * INTERVAL_LENGTH, "fromWh": 0, "toWh": wh}
    drawn = [reading(BOILER, wh, step=step)]
    community.attest(step, export_wh=wh, readings_root=readings_root(drawn))
    community.settle(community.next_run(certificatesRoot=leaf_of(huge)))
    (bundle,) = materialise(community, [huge], [[]], run_id=4)
    if refused:
        with reverts("NothingComesOut", bundle):
            market.act("convert", bundle, open_readings(drawn)[BOILER])
    else:
        assert market.act("convert", bundle, open_readings(drawn)[BOILER]).event("Converted")["outputWh"] == wh


def test_something_must_come_out(market: Market) -> None:
    market.act("enrolConverter", BOILER, HEAT, 900, sender=OWNER)
    first = market.act("split", market.ids[0], 1).event("Split")["first"]
    with reverts("NothingComesOut", first):
        market.act("convert", first, market.drawn[BOILER, 0])

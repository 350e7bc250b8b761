from dataclasses import replace

import pytest

from dispatch.bidding import OrderProposal, QuoteRules, ReasonKind, Situation, propose, requote
from dispatch.prices import GridTariff
from dispatch.storage import Battery, BatterySpec
from dispatch.storage_value import StoredValue, ValueStep
from market.orders import Side

RULES = QuoteRules()
TARIFF = GridTariff(220_000, 50_000, 240_000, 30_000)
BARE = Situation(interval=900, load_wh=0, pv_wh=0, error_wh=0, tariff=TARIFF, expected_price_ueur_per_kwh=120_000)
LOSSLESS = BatterySpec(10_000, 4_000, 1_000, 1_000, wear_ueur_per_kwh=10_000)
COMMUNITY = replace(LOSSLESS, charge_from_grid=True)


def with_battery(situation: Situation, spec: BatterySpec, stored_wh: int, *values: tuple[int, int]) -> Situation:
    """Add a battery whose store is worth `values` = (Wh, µ€/kWh) from the bottom upwards."""
    steps = tuple(ValueStep(wh * 1_000, price) for wh, price in values)
    return replace(situation, battery=Battery(spec, stored_wh * 1_000), value=StoredValue(0, steps))


def offers(situation: Situation, rules: QuoteRules = RULES) -> list[tuple[ReasonKind, int, int, int]]:
    return [
        (p.reason.kind, p.quantity_wh, p.limit_price_ueur_per_kwh, p.reason.reservation_ueur_per_kwh)
        for p in propose(situation, rules)
    ]


def test_a_deficit_is_bid_from_the_local_price_with_the_tariff_as_reservation() -> None:
    situation = replace(BARE, load_wh=400, pv_wh=100)
    assert offers(situation) == [(ReasonKind.DEFICIT, 300, 120_000, 220_000)]
    assert propose(situation, RULES)[0].side == Side.BUY


def test_a_surplus_is_asked_from_the_local_price_with_the_feed_in_as_reservation() -> None:
    situation = replace(BARE, load_wh=100, pv_wh=400)
    assert offers(situation) == [(ReasonKind.SURPLUS, 300, 120_000, 50_000)]
    assert propose(situation, RULES)[0].side == Side.SELL


def test_the_reason_carries_the_facts() -> None:
    reason = propose(replace(BARE, load_wh=400, pv_wh=100, error_wh=60), RULES)[0].reason
    assert (reason.expected_net_wh, reason.error_wh, reason.expected_price_ueur_per_kwh) == (300, 60, 120_000)


@pytest.mark.parametrize(
    ("price", "net_wh", "quantity_wh"),
    [
        (50_000, -300, 209),  # delivery sure to 80 % at most: 0.916 of the error is kept back
        (145_000, -300, 300),
        (120_000, -300, 300 - 22),
        (125_000, 300, 300),
        (60_000, 300, 300 + 91),  # cheap: rather too much than too little
        (210_000, 300, 300 - 91),
    ],
)
def test_the_quantity_is_the_newsvendors(price: int, net_wh: int, quantity_wh: int) -> None:
    situation = replace(
        BARE,
        load_wh=max(0, net_wh),
        pv_wh=max(0, -net_wh),
        error_wh=100,
        expected_price_ueur_per_kwh=price,
    )
    assert offers(situation)[0][1] == quantity_wh


def test_stored_energy_covers_the_error() -> None:
    shy = replace(BARE, pv_wh=300, error_wh=100, expected_price_ueur_per_kwh=60_000)
    assert offers(with_battery(shy, LOSSLESS, 60, (60, 900_000), (9_940, 0)))[0][1] == 300 - 36


def test_surplus_worth_storing_is_asked_at_that_worth_after_the_rest() -> None:
    situation = with_battery(replace(BARE, pv_wh=300), LOSSLESS, 0, (120, 150_000), (9_880, 20_000))
    assert offers(situation) == [
        (ReasonKind.SURPLUS, 180, 120_000, 50_000),
        (ReasonKind.SURPLUS_WORTH_STORING, 120, 150_000, 150_000),
    ]


def test_stored_energy_is_asked_at_its_worth_and_wear_dearer_the_deeper() -> None:
    peak = replace(BARE, expected_price_ueur_per_kwh=160_000)
    situation = with_battery(peak, LOSSLESS, 500, (300, 180_000), (200, 100_000), (9_500, 0))
    assert offers(situation) == [
        (ReasonKind.STORED_ENERGY, 200, 160_000, 110_000),
        (ReasonKind.STORED_ENERGY, 300, 190_000, 190_000),
    ]


def test_stored_energy_is_sold_beyond_the_own_load_only() -> None:
    peak = replace(BARE, load_wh=150, expected_price_ueur_per_kwh=200_000)
    situation = with_battery(peak, LOSSLESS, 500, (300, 180_000), (200, 100_000), (9_500, 0))
    assert offers(situation) == [
        (ReasonKind.STORED_ENERGY, 50, 200_000, 110_000),
        (ReasonKind.STORED_ENERGY, 300, 200_000, 190_000),
    ]


def test_load_that_the_battery_would_serve_is_bought_only_if_cheaper() -> None:
    situation = with_battery(replace(BARE, load_wh=700), LOSSLESS, 500, (500, 100_000), (9_500, 0))
    assert offers(situation) == [
        (ReasonKind.DEFICIT, 200, 120_000, 220_000),
        (ReasonKind.SPARE_THE_BATTERY, 500, 110_000, 110_000),
    ]


def test_only_a_battery_that_may_charge_from_the_grid_bids_for_energy_to_store() -> None:
    values = ((300, 200_000), (700, 100_000), (9_000, 0))
    assert offers(with_battery(BARE, COMMUNITY, 0, *values)) == [
        (ReasonKind.CHARGE, 300, 120_000, 200_000),
        (ReasonKind.CHARGE, 700, 100_000, 100_000),
    ]
    assert offers(with_battery(BARE, LOSSLESS, 0, *values)) == []


def test_a_site_takes_the_side_that_gains_more() -> None:
    values = ((1_000, 200_000), (1_000, 150_000), (8_000, 100_000))
    for price, side in ((90_000, Side.BUY), (215_000, Side.SELL)):
        situation = with_battery(replace(BARE, expected_price_ueur_per_kwh=price), COMMUNITY, 2_000, *values)
        assert {proposal.side for proposal in propose(situation, RULES)} == {side}


def test_what_no_neighbour_could_take_is_not_offered() -> None:
    dear = with_battery(BARE, LOSSLESS, 1_000, (10_000, 215_000))
    worthless = with_battery(BARE, COMMUNITY, 0, (10_000, 50_000))
    assert offers(dear) == offers(worthless) == []


def test_what_was_traded_before_is_not_quoted_again() -> None:
    assert offers(replace(BARE, load_wh=400, position_wh=150))[0][1] == 250
    assert offers(replace(BARE, pv_wh=400, position_wh=-150))[0][1] == 250
    assert offers(replace(BARE, load_wh=400, position_wh=400)) == []


def test_a_long_ladder_is_joined_at_the_more_reluctant_price() -> None:
    values = [(100, price) for price in (205_000, 200_000, 171_000, 170_000, 120_000, 118_000)]
    situation = with_battery(BARE, COMMUNITY, 0, *values)
    assert [offer[1:] for offer in offers(situation, QuoteRules(steps_max=3))] == [
        (200, 120_000, 200_000),
        (200, 120_000, 170_000),
        (200, 118_000, 118_000),
    ]


def test_crumbs_are_not_offered_and_giants_are_cut() -> None:
    assert offers(replace(BARE, load_wh=9)) == []
    assert offers(replace(BARE, load_wh=900), QuoteRules(quantity_max_wh=500))[0][1] == 500


def test_prices_lie_on_the_tick_in_the_safe_direction_and_within_the_bounds() -> None:
    odd = replace(BARE, expected_price_ueur_per_kwh=120_500)
    assert offers(replace(odd, load_wh=400))[0][2] == 120_000
    assert offers(replace(odd, pv_wh=400))[0][2] == 121_000
    assert offers(replace(BARE, pv_wh=400), QuoteRules(price_ceiling_ueur_per_kwh=100_000)) == []
    assert offers(replace(BARE, load_wh=400), QuoteRules(price_floor_ueur_per_kwh=130_000)) == []
    assert offers(replace(BARE, load_wh=400), QuoteRules(price_ceiling_ueur_per_kwh=100_000))[0][2] == 100_000


def quoted(proposals: tuple[OrderProposal, ...]) -> list[tuple[int, int]]:
    return [(proposal.quantity_wh, proposal.limit_price_ueur_per_kwh) for proposal in proposals]


def test_quotes_concede_to_the_reservation_price() -> None:
    buying, selling = (propose(replace(BARE, load_wh=a, pv_wh=b), RULES) for a, b in ((300, 0), (0, 300)))
    assert [quoted(requote(buying, RULES, p)) for p in (-5, 0, 500, 1_000, 1_200)] == [
        [(300, 120_000)],
        [(300, 120_000)],
        [(300, 170_000)],
        [(300, 220_000)],
        [(300, 220_000)],
    ]
    assert [quoted(requote(selling, RULES, p))[0][1] for p in (0, 500, 1_000)] == [120_000, 85_000, 50_000]


def test_a_better_quote_on_the_own_side_is_joined_up_to_the_reservation_price() -> None:
    buying, selling = (propose(replace(BARE, load_wh=a, pv_wh=b), RULES) for a, b in ((300, 0), (0, 300)))
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=140_000)) == [(300, 140_000)]
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=400_000)) == [(300, 220_000)]
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=100_000)) == [(300, 120_000)]
    assert quoted(requote(selling, RULES, 0, best_ask_ueur_per_kwh=90_000)) == [(300, 90_000)]
    assert quoted(requote(selling, RULES, 0, best_ask_ueur_per_kwh=10_000)) == [(300, 50_000)]


def test_fills_use_up_the_best_prices_first() -> None:
    ladder = propose(with_battery(BARE, COMMUNITY, 0, (300, 200_000), (700, 100_000), (9_000, 0)), RULES)
    assert quoted(requote(ladder, RULES, 0, filled_wh=100)) == [(200, 120_000), (700, 100_000)]
    assert quoted(requote(ladder, RULES, 0, filled_wh=295)) == [(700, 100_000)]
    assert quoted(requote(ladder, RULES, 0, filled_wh=5_000)) == []


def test_a_proposal_survives_json() -> None:
    proposal = propose(replace(BARE, load_wh=400), RULES)[0]
    assert OrderProposal.from_json(proposal.to_json()) == proposal

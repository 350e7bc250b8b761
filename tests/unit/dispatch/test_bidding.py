import pytest

from dispatch.bidding import OrderProposal, QuoteRules, ReasonKind, Situation, propose, requote
from dispatch.prices import GridTariff
from dispatch.site_plan import PriceCurve
from market.orders import Side

RULES = QuoteRules()
TARIFF = GridTariff(220_000, 50_000, 240_000, 30_000)


def site(
    net_wh: int,
    *drops: tuple[int, int],
    most_wh: int | None = None,
    price: int = 120_000,
    errors_wh: tuple[int, ...] = (),
    cover_wh: int = 0,
    position_wh: int = 0,
) -> Situation:
    """Return a site of a forecast net load, and of stores that move its exchange by `drops` = (µ€/kWh, Wh)."""
    most = net_wh if most_wh is None else most_wh
    return Situation(900, net_wh, errors_wh, TARIFF, price, PriceCurve(most, drops), cover_wh, position_wh)


def offers(situation: Situation, rules: QuoteRules = RULES) -> list[tuple[ReasonKind, int, int, int]]:
    return [
        (p.reason.kind, p.quantity_wh, p.limit_price_ueur_per_kwh, p.reason.reservation_ueur_per_kwh)
        for p in propose(situation, rules)
    ]


def test_a_deficit_is_bid_from_the_local_price_with_the_tariff_as_reservation() -> None:
    assert offers(site(300)) == [(ReasonKind.DEFICIT, 300, 120_000, 220_000)]
    assert propose(site(300), RULES)[0].side == Side.BUY


def test_a_surplus_is_asked_from_the_local_price_with_the_feed_in_as_reservation() -> None:
    assert offers(site(-300)) == [(ReasonKind.SURPLUS, 300, 120_000, 50_000)]
    assert propose(site(-300), RULES)[0].side == Side.SELL


def test_the_reason_carries_the_facts() -> None:
    reason = propose(site(300, errors_wh=(-60, 0, 20)), RULES)[0].reason
    assert (reason.expected_net_wh, reason.error_wh, reason.expected_price_ueur_per_kwh) == (300, 60, 120_000)


ERRORS = tuple(range(-100, 101))


@pytest.mark.parametrize(
    ("price", "net_wh", "quantity_wh"),
    [
        (50_000, -300, 300 - 60),  # delivery sure to 80 % at most
        (145_000, -300, 300),
        (120_000, -300, 300 - 26),
        (125_000, 300, 300),
        (60_000, 300, 300 + 60),  # cheap: rather too much than too little
        (210_000, 300, 300 - 60),
    ],
)
def test_the_quantity_is_the_newsvendors_quantile(price: int, net_wh: int, quantity_wh: int) -> None:
    assert offers(site(net_wh, price=price, errors_wh=ERRORS))[0][1] == quantity_wh


def test_stored_energy_covers_the_error() -> None:
    assert offers(site(-300, price=60_000, errors_wh=ERRORS, cover_wh=40))[0][1] == 300 - 20


def test_surplus_worth_storing_is_asked_at_that_worth_after_the_rest() -> None:
    assert offers(site(-300, (150_000, 120), most_wh=-180)) == [
        (ReasonKind.SURPLUS, 180, 120_000, 50_000),
        (ReasonKind.SURPLUS_WORTH_STORING, 120, 150_000, 150_000),
    ]


def test_stored_energy_is_asked_at_its_worth_dearer_the_deeper() -> None:
    assert offers(site(0, (110_000, 200), (190_000, 300), price=160_000)) == [
        (ReasonKind.STORED_ENERGY, 200, 160_000, 110_000),
        (ReasonKind.STORED_ENERGY, 300, 190_000, 190_000),
    ]


def test_stored_energy_is_sold_beyond_the_own_load_only() -> None:
    assert offers(site(150, (110_000, 200), (190_000, 300), price=200_000)) == [
        (ReasonKind.STORED_ENERGY, 50, 200_000, 110_000),
        (ReasonKind.STORED_ENERGY, 300, 200_000, 190_000),
    ]


def test_load_that_the_battery_would_serve_is_bought_only_if_cheaper() -> None:
    assert offers(site(700, (110_000, 500))) == [
        (ReasonKind.DEFICIT, 200, 120_000, 220_000),
        (ReasonKind.SPARE_THE_BATTERY, 500, 110_000, 110_000),
    ]


def test_energy_to_store_is_bid_at_its_worth() -> None:
    assert offers(site(0, (100_000, 700), (200_000, 300), most_wh=1_000)) == [
        (ReasonKind.CHARGE, 300, 120_000, 200_000),
        (ReasonKind.CHARGE, 700, 100_000, 100_000),
    ]


def test_what_must_be_charged_at_any_price_is_bid_at_the_tariff() -> None:
    assert offers(site(200, most_wh=900)) == [(ReasonKind.CHARGE, 900, 120_000, 220_000)]
    assert offers(site(0, most_wh=700)) == [(ReasonKind.CHARGE, 700, 120_000, 220_000)]


def test_a_site_takes_the_side_that_gains_more() -> None:
    for price, side in ((90_000, Side.BUY), (215_000, Side.SELL)):
        situation = site(0, (100_000, 1_000), (150_000, 1_000), (200_000, 1_000), most_wh=2_000, price=price)
        assert {proposal.side for proposal in propose(situation, RULES)} == {side}


def test_what_no_neighbour_could_take_is_not_offered() -> None:
    assert offers(site(0, (220_000, 500))) == offers(site(0, (50_000, 500), most_wh=500)) == []


def test_what_was_traded_before_is_not_quoted_again() -> None:
    assert offers(site(400, position_wh=150))[0][1] == 250
    assert offers(site(-400, position_wh=-150))[0][1] == 250
    assert offers(site(400, position_wh=400)) == []


def test_a_long_ladder_is_joined_at_the_more_reluctant_price() -> None:
    drops = [(price, 100) for price in (118_000, 120_000, 170_000, 171_000, 200_000, 205_000)]
    assert [offer[1:] for offer in offers(site(0, *drops, most_wh=600), QuoteRules(steps_max=3))] == [
        (200, 120_000, 200_000),
        (200, 120_000, 170_000),
        (200, 118_000, 118_000),
    ]


def test_crumbs_are_not_offered_and_giants_are_cut() -> None:
    assert offers(site(9)) == []
    assert offers(site(900), QuoteRules(quantity_max_wh=500))[0][1] == 500


def test_prices_lie_on_the_tick_in_the_safe_direction_and_within_the_bounds() -> None:
    assert offers(site(400, price=120_500))[0][2] == 120_000
    assert offers(site(-400, price=120_500))[0][2] == 121_000
    assert offers(site(-400), QuoteRules(price_ceiling_ueur_per_kwh=100_000)) == []
    assert offers(site(400), QuoteRules(price_floor_ueur_per_kwh=130_000)) == []
    assert offers(site(400), QuoteRules(price_ceiling_ueur_per_kwh=100_000))[0][2] == 100_000


def quoted(proposals: tuple[OrderProposal, ...]) -> list[tuple[int, int]]:
    return [(proposal.quantity_wh, proposal.limit_price_ueur_per_kwh) for proposal in proposals]


def test_quotes_concede_to_the_reservation_price() -> None:
    buying, selling = (propose(site(net), RULES) for net in (300, -300))
    assert [quoted(requote(buying, RULES, p)) for p in (-5, 0, 500, 1_000, 1_200)] == [
        [(300, 120_000)],
        [(300, 120_000)],
        [(300, 170_000)],
        [(300, 220_000)],
        [(300, 220_000)],
    ]
    assert [quoted(requote(selling, RULES, p))[0][1] for p in (0, 500, 1_000)] == [120_000, 85_000, 50_000]


def test_a_better_quote_on_the_own_side_is_joined_up_to_the_reservation_price() -> None:
    buying, selling = (propose(site(net), RULES) for net in (300, -300))
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=140_000)) == [(300, 140_000)]
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=400_000)) == [(300, 220_000)]
    assert quoted(requote(buying, RULES, 0, best_bid_ueur_per_kwh=100_000)) == [(300, 120_000)]
    assert quoted(requote(selling, RULES, 0, best_ask_ueur_per_kwh=90_000)) == [(300, 90_000)]
    assert quoted(requote(selling, RULES, 0, best_ask_ueur_per_kwh=10_000)) == [(300, 50_000)]


def test_fills_use_up_the_best_prices_first() -> None:
    ladder = propose(site(0, (100_000, 700), (200_000, 300), most_wh=1_000), RULES)
    assert quoted(requote(ladder, RULES, 0, filled_wh=100)) == [(200, 120_000), (700, 100_000)]
    assert quoted(requote(ladder, RULES, 0, filled_wh=295)) == [(700, 100_000)]
    assert quoted(requote(ladder, RULES, 0, filled_wh=5_000)) == []


def test_a_proposal_survives_json() -> None:
    proposal = propose(site(400), RULES)[0]
    assert OrderProposal.from_json(proposal.to_json()) == proposal

"""Small markets that tell close cases of the audit apart: which breach it is, and what is none."""

from dataclasses import replace

from market.audit_findings import Breach, Finding
from market.commands import AdmitAccount, CloseGate, Command, OpenInterval, ReleaseInterval
from market.config import MarketConfig
from market.orders import Side
from tests.support.audited_market import HonestMarket, ShownMarket
from tests.support.market import GATE, INTERVAL, address, order, place

Timed = tuple[int, Command]
"""Time, UTC epoch seconds, and what happens."""

LATER_INTERVAL = INTERVAL + 900
SELL = place(order(1, Side.SELL, 10, 90_000, 1))
SELL_MORE = place(order(1, Side.SELL, 10, 91_000, 2))
BUY = place(order(2, Side.BUY, 4, 95_000, 1))
BUY_AGAIN = place(order(3, Side.BUY, 4, 95_000, 1))


def shown(*commands: Timed, collateral_neur: int = 10**12) -> ShownMarket:
    """Run commands after three accounts and two intervals: records from 6 on."""
    market = HonestMarket(MarketConfig())
    opening: list[Command] = [AdmitAccount(address(number), collateral_neur) for number in (1, 2, 3)]
    opening += [OpenInterval(INTERVAL), OpenInterval(LATER_INTERVAL)]
    for now, command in [*((0, each) for each in opening), *commands]:
        assert market.run(command, now) is not None, command
    return market.shown


def two_takers() -> ShownMarket:
    return shown((1, SELL), (2, SELL_MORE), (3, BUY), (4, BUY_AGAIN))


def told(findings: list[Finding]) -> list[tuple[Breach, int]]:
    return [(finding.breach, finding.sequence) for finding in findings]


def test_a_trade_left_out_is_missing_even_when_the_others_are_numbered_anew() -> None:
    lying = two_takers()
    lying.trades = [replace(lying.trades[1], number=0)]
    assert told(lying.findings()) == [(Breach.MISSING_TRADE, 8)]


def test_a_trade_before_its_time_is_invented() -> None:
    lying = two_takers()
    early = replace(lying.trades[0], buy_order=SELL_MORE.digest, buyer=address(1), matched_at=2)
    lying.trades = [early, *(replace(trade, number=trade.number + 1) for trade in lying.trades)]
    assert (Breach.INVENTED_TRADE, 7) in told(lying.findings())
    assert Breach.PRIORITY_BROKEN not in lying.breaches()


def test_another_order_in_its_place_breaks_priority() -> None:
    lying = two_takers()
    lying.trades[0] = replace(
        lying.trades[0], sell_order=SELL_MORE.digest, price_ueur_per_kwh=91_000, amount_neur=4 * 91_000
    )
    assert told(lying.findings()) == [(Breach.PRIORITY_BROKEN, 8)]


def test_a_price_between_the_limits_is_still_the_resting_orders() -> None:
    lying = shown((1, BUY), (2, SELL))
    for price in (92_000, 94_000):
        lying.trades[0] = replace(lying.trades[0], price_ueur_per_kwh=price, amount_neur=4 * price)
        assert lying.breaches() == {Breach.NOT_AT_RESTING_PRICE, Breach.DIFFERENT_TRADE}


def test_fills_are_counted_together() -> None:
    lying = two_takers()
    lying.trades += [replace(lying.trades[0], number=2)]
    assert {finding.breach for finding in lying.findings()} == {Breach.BEYOND_QUANTITY, Breach.INVENTED_TRADE}


def test_a_wrong_party_makes_it_another_trade() -> None:
    honest = two_takers().trades[0]
    for wrong in (replace(honest, buyer=address(3)), replace(honest, seller=address(3))):
        lying = two_takers()
        lying.trades[0] = wrong
        assert lying.breaches() == {Breach.WRONG_PARTY, Breach.DIFFERENT_TRADE}


def test_a_record_written_twice_is_out_of_sequence() -> None:
    lying = two_takers()
    lying.records.append(lying.records[0])
    assert told(lying.findings()) == [(Breach.OUT_OF_SEQUENCE, 10)]


def test_setting_the_clock_back_does_not_open_a_gate_again() -> None:
    lying = shown((GATE, AdmitAccount(address(4), 1)))
    lying.insert(GATE - 10, SELL)
    assert told(lying.findings()) == [(Breach.AFTER_GATE, 7)]


def test_closing_a_gate_frees_what_rested_and_releasing_what_was_traded() -> None:
    # Each account can afford 4 Wh at 95 000 µ€/kWh, and nothing besides.
    afforded = 4 * 95_000
    resting: list[Timed] = [(1, BUY), (GATE, CloseGate(INTERVAL))]
    freed = place(order(2, Side.BUY, 4, 95_000, 2, interval=LATER_INTERVAL))
    assert shown(*resting, (GATE, freed), collateral_neur=afforded).findings() == []

    rich_seller: Timed = (0, AdmitAccount(address(1), 10**12))
    sold = place(order(1, Side.SELL, 4, 95_000, 1))
    traded: list[Timed] = [rich_seller, (1, sold), (1, BUY), (GATE, CloseGate(INTERVAL))]
    lying = shown(*traded, collateral_neur=afforded)
    lying.insert(GATE, freed)
    assert told(lying.findings()) == [(Breach.WITHOUT_COLLATERAL, 10)]
    released = shown(*traded, (GATE, ReleaseInterval(INTERVAL)), (GATE, freed), collateral_neur=afforded)
    assert released.findings() == []

import re
from enum import IntEnum

import pytest

from energy.results import Rejected
from market.rejections import MarketReject
from node.i18n import LANGUAGES, speaking
from node.rejections import NodeReject
from node.rpc.messages import REFUSALS, message


@pytest.mark.parametrize("code", [*MarketReject, *NodeReject], ids=lambda code: code.name)
def test_every_code_has_a_sentence(code: IntEnum) -> None:
    assert REFUSALS[code][0]


def test_says_when_the_gate_closed_in_words() -> None:
    facts = {"interval": 1_495_024_200, "gate_closure": 1_495_023_900, "now": 1_495_023_961}
    said = message(Rejected(MarketReject.GATE_CLOSED, facts))
    assert said.sentence == (
        "The gate for 2017-05-17T12:30Z closed at 2017-05-17T12:25Z; it is 2017-05-17T12:26:01Z now."
    )
    assert "later interval" in said.hint


def test_shows_each_fact_in_its_unit() -> None:
    facts = {"quantity_wh": 2_000_000, "quantity_min_wh": 1, "quantity_max_wh": 1_000_000}
    assert message(Rejected(MarketReject.QUANTITY_OUT_OF_RANGE, facts)).sentence.startswith("2,000,000\u00a0Wh")
    price = message(
        Rejected(MarketReject.PRICE_OFF_TICK, {"limit_price_ueur_per_kwh": 90_500, "tick_ueur_per_kwh": 1_000})
    )
    assert (price.sentence[:13], price.hint) == ("9.05\u00a0ct/kWh i", "Prices are multiples of 0.1\u00a0ct/kWh.")
    money = message(Rejected(MarketReject.INSUFFICIENT_COLLATERAL, {"needed_neur": 1, "available_neur": 10**9}))
    assert "0.000000001\u00a0€" in money.sentence
    assert "1.00\u00a0€" in money.sentence


@pytest.mark.parametrize("instant", [0, 2**62, -5])
def test_survives_instants_that_no_calendar_has(instant: int) -> None:
    facts = {"interval": instant, "open_first": 0, "open_last": 0}
    assert message(Rejected(MarketReject.UNKNOWN_INTERVAL, facts)).sentence


def test_survives_missing_facts_and_unknown_codes() -> None:
    class Other(IntEnum):
        NEW = 9001

    assert "–" in message(Rejected(MarketReject.UNKNOWN_ACCOUNT, {})).sentence
    assert message(Rejected(Other.NEW, {"fact": 1})).sentence == "NEW (9001): fact=1"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", REFUSALS, ids=lambda code: code.name)
def test_translations_keep_the_facts(code: IntEnum, language: str) -> None:
    template = " ".join(REFUSALS[code])
    facts = {name: f"<{name}>" for name in re.findall(r"{(\w+)}", template)}
    with speaking(language):
        said = message(Rejected(code, facts))
    for shown in facts.values():
        assert shown in f"{said.sentence} {said.hint}"

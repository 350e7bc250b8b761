"""What a person should look after, in words of both languages."""

import pytest

from node.i18n import speaking
from node.views.concerns import Code, Concerns, words

NOW = 1_751_371_200
FACTS = {
    "error": 3,
    "difference": 1_200,
    "low": -40,
    "high": 300,
    "suspects": "H02",
    "day": NOW,
    "interval": NOW,
    "oracles": "oracle 2, oracle 3",
    "reason": "FACT_MISSING",
    "count": 7,
    "needed": 8,
    "terms": "0x56",
    "link": "https://example.org/t.csv",
    "keys": "0x12, 0x34",
    "account": "0x56",
    "meter": "0x78",
    "run": "4",
}


def test_a_concern_keeps_its_beginning_and_ends() -> None:
    concerns = Concerns()
    concerns.raise_(Code.PEER, "H02", NOW)
    concerns.raise_(Code.PEER, "H02", NOW + 900)
    concerns.raise_(Code.PEER, "H01", NOW + 900)
    concerns.raise_(Code.BALANCE, "", NOW, difference=5)
    assert [(each.code.value, each.label, each.since) for each in concerns.open()] == [
        ("R20", "", NOW),
        ("R21", "H01", NOW + 900),
        ("R21", "H02", NOW),
    ]
    concerns.clear(Code.PEER, "H02")
    assert [each.label for each in concerns.open()] == ["", "H01"]
    concerns.clear(Code.PEER)
    assert [each.to_json() for each in concerns.open()] == [
        {"code": "R20", "label": "", "since": NOW, "facts": {"difference": 5}}
    ]


@pytest.mark.parametrize("code", Code)
def test_each_concern_says_what_is_wrong_and_what_to_do_in_both_languages(code: Code) -> None:
    concern = {"code": code.value, "label": "H01", "since": NOW, "facts": FACTS}
    english = words(concern, "Europe/Paris")
    with speaking("fr"):
        french = words(concern, "Europe/Paris")
    for ours, theirs in zip(english, french, strict=True):
        assert len(ours) > 20
        assert ours != theirs
        assert "{" not in ours + theirs

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

import node
from node import i18n
from node.i18n import LANGUAGES, LOCALES, gettext, language, language_of_environment, ngettext, speaking, use_language
from oracles.evidence_links import PROVES, Fault
from tests.support.messages import help_messages, source_messages

TRANSLATED = [name for name in LANGUAGES if name != "en"]


def entries(name: str) -> Iterator[Message]:
    for path in sorted((LOCALES / name).glob("*.po")):
        with open(path, "rb") as file:
            yield from (entry for entry in read_po(file, abort_invalid=True) if entry.id)


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def placeholders(text: str) -> Counter[str]:
    return Counter(name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("name", TRANSLATED)
def test_every_message_is_translated(name: str) -> None:
    wanted = {*source_messages(Path(node.__path__[0])), *help_messages()}
    wanted |= {(text,) for text in (*PROVES.values(), *Fault)}
    translated = {forms(entry.id) for entry in entries(name) if all(forms(entry.string))}
    assert not wanted - translated


@pytest.mark.parametrize("name", TRANSLATED)
def test_no_translation_is_left_over(name: str) -> None:
    in_sources = {*source_messages(Path(node.__path__[0])), *help_messages()}
    in_sources |= {(text,) for text in (*PROVES.values(), *Fault)}
    assert not {forms(entry.id) for entry in entries(name)} - in_sources


@pytest.mark.parametrize("name", TRANSLATED)
def test_translations_keep_every_placeholder(name: str) -> None:
    for entry in entries(name):
        singular, plural = forms(entry.id)[0], forms(entry.id)[-1]
        for count, text in enumerate(forms(entry.string)):
            assert placeholders(text) == placeholders(singular if count == 0 else plural), entry.id


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_message_is_translated_alike_on_every_face(name: str) -> None:
    translations: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for entry in entries(name):
        translations[forms(entry.id)].add(forms(entry.string))
    assert [each for each in translations.values() if len(each) > 1] == []


def test_french_has_its_own_spaces_before_high_punctuation() -> None:
    # A colon in a time, an address or a placeholder is no punctuation: 12:30, http://, {price:>14}.
    bare = re.compile(r"[^\s\u202f\d:!?]([;!?»]|:(?!//))|[ \u00a0]([;:!?»])|«[^\u202f]")
    texts = [re.sub(r"\{[^}]*\}", "x", text) for entry in entries("fr") for text in forms(entry.string)]
    assert [text for text in texts if bare.search(text)] == []


def test_speaks_the_language_of_the_context() -> None:
    assert gettext("The book is empty.") == "The book is empty."
    with speaking("fr"):
        assert language() == "fr"
        assert gettext("The book is empty.") == "Le carnet est vide."
    assert language() == "en"


def test_unknown_messages_stay_as_they_are() -> None:
    with speaking("fr"):
        assert gettext("nobody has written this") == "nobody has written this"


def test_french_takes_the_singular_for_none() -> None:
    one, many = "{count} thing to mend.", "{count} things to mend."
    assert [ngettext(one, many, count) for count in (0, 1, 2)] == [many, one, many]
    with speaking("fr"):
        assert len({ngettext(one, many, count) for count in (0, 1)}) == 1
        assert ngettext(one, many, 1) != ngettext(one, many, 2)


def test_refuses_a_language_that_it_has_not() -> None:
    with pytest.raises(ValueError, match="en, fr"):
        use_language("de")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "FR-ca"}, "fr"),
        ({"LANG": "frp_IT"}, "en"),
        ({"LANG": "fr_FR", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "fr_BE.utf8"}, "fr"),
        ({"LANG": "fr_FR", "LC_ALL": ""}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_reads_the_language_from_the_environment(environment: dict[str, str], expected: str) -> None:
    assert language_of_environment(environment) == expected


def test_writes_numbers_as_each_language_does() -> None:
    assert (i18n.energy(2_980), i18n.price(114_000), i18n.price(-5)) == (
        "2,980\u00a0Wh",
        "11.4\u00a0ct/kWh",
        "-0.0005\u00a0ct/kWh",
    )
    assert i18n.number(Decimal("1234.5"), 2, 3) == "1,234.50"
    with speaking("fr"):
        assert (i18n.energy(2_980), i18n.price(114_000)) == ("2\u202f980\u00a0Wh", "11,4\u00a0ct/kWh")


def test_rounds_money_half_to_even_and_has_no_negative_zero() -> None:
    assert i18n.money(1_234_565_000_000) == "€1,234.56"
    assert i18n.money(1_234_575_000_000) == "€1,234.58"
    assert i18n.money(-4_999_999) == "€0.00"
    assert i18n.money(-55_000_000, places=4) == "-€0.0550"
    with speaking("fr"):
        assert i18n.money(1_234_575_000_000) == "1\u202f234,58\u00a0€"


def test_names_the_zone_so_that_the_doubled_hour_is_clear() -> None:
    first, second = 1_792_886_400, 1_792_890_000
    assert i18n.local_time(first, "Europe/Paris") == "2026-10-25 02:00 CEST"
    assert i18n.local_time(second, "Europe/Paris") == "2026-10-25 02:00 CET"
    assert i18n.local_interval(second - 900, 900, "Europe/Paris") == "2026-10-25 02:45 CEST–02:00 CET"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (3_600, "1 h"), (90_061, "1 d 1 h")]
)
def test_shows_durations_in_two_units(seconds: int, shown: str) -> None:
    assert i18n.duration(seconds).replace("\u00a0", " ") == shown

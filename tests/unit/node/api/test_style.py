"""The style sheet keeps its promise of contrast. Source of the formula: WCAG 2.1, relative luminance."""

import re

import pytest

from node.api.rendering import FOLDER

CSS = (FOLDER / "static" / "style.css").read_text()
PALETTES = [dict(re.findall(r"--([\w-]+): #(\w+);", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)]

TEXT = [
    *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("card", "ground")),
    *(("ink", fill) for fill in ("leaf-fill", "ask-fill")),
    ("good", "card"),
    ("ask", "card"),
    ("ask", "ground"),
    ("demo-ink", "demo"),
]
LINES = [(line, "card") for line in ("leaf", "sun", "battery", "grid")]


def luminance(colour: str) -> float:
    digits = "".join(2 * digit for digit in colour) if len(colour) == 3 else colour
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (LINES, 3.0)], ids=["text", "lines"])
def test_everybody_can_tell_text_and_lines_from_their_ground(
    palette: dict[str, str], pairs: list[tuple[str, str]], least: float
) -> None:
    for colour, ground in pairs:
        assert contrast(palette[colour], palette[ground]) >= least, f"{colour} on {ground}"


def test_the_formula_knows_black_on_white() -> None:
    assert contrast("000", "ffffff") == pytest.approx(21)


def test_only_what_is_out_of_date_loses_its_colours() -> None:
    faded = [rule.strip() for rule in re.findall(r"([^{}]*)\{[^{}]*grayscale[^{}]*\}", CSS)]
    assert faded == [".stale .card"]

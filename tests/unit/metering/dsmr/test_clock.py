import pytest

from metering.dsmr.clock import read_stamp, write_stamp


@pytest.mark.parametrize(
    ("text", "offset_s", "instant"),
    [
        ("161113205757W", 3_600, 1_479_067_077),
        ("221006155014S", 3_600, 1_665_064_214),
        ("221006145014S", 0, 1_665_064_214),
        ("221006165014S", 7_200, 1_665_064_214),
    ],
)
def test_stamps_go_by_their_letter_and_the_country(text: str, offset_s: int, instant: int) -> None:
    assert read_stamp(text, offset_s) == instant
    assert write_stamp(instant, offset_s) == text


def test_the_hour_that_comes_twice_has_two_meanings() -> None:
    summer, winter = read_stamp("261025023000S"), read_stamp("261025023000W")
    assert summer is not None
    assert winter is not None
    assert winter - summer == 3_600
    assert (write_stamp(summer), write_stamp(winter)) == ("261025023000S", "261025023000W")


@pytest.mark.parametrize(
    "text", ["", "W", "161113205757", "161113205757X", "161113255757W", "1611132057W", "161113205757s"]
)
def test_what_is_no_stamp_is_none(text: str) -> None:
    assert read_stamp(text) is None

import pytest

from metering.sml.tlv import ABSENT, Value, listed, octets, read_value, signed, unsigned


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("01", None),
        ("0444 5A47", b"DZG"),
        ("8302" + "AB" * 48, b"\xab" * 48),
        ("621E", 30),
        ("52FF", -1),
        ("54FECBFD", -78_851),
        ("5415BBAA", 1_424_298),
        ("69 8000000000000000", 1 << 63),
        ("59 8000000000000000", -(1 << 63)),
        ("4201", True),
        ("4200", False),
        ("70", []),
        ("72 6201 65 00000010", [1, 16]),
        ("F100" + "01" * 16, [None] * 16),
    ],
)
def test_values(encoded: str, value: Value) -> None:
    data = bytes.fromhex(encoded)
    assert read_value(data + b"\xff", 0) == (value, len(data))


@pytest.mark.parametrize(
    "encoded",
    ["", "0444", "6A" + "00" * 9, "61", "51", "72 6201", "7F", "23 0000", "81", "818181 01", "8141", "71" * 10 + "01"],
)
def test_what_is_no_value_is_refused(encoded: str) -> None:
    with pytest.raises(ValueError):
        read_value(bytes.fromhex(encoded), 0)


def test_what_is_written_is_read() -> None:
    written = listed(octets(b"x" * 14), octets(b"y" * 15), octets(b"z" * 200), unsigned(7, 1), signed(-7, 8), ABSENT)
    assert read_value(written, 0) == ([b"x" * 14, b"y" * 15, b"z" * 200, 7, -7, None], len(written))
    assert read_value(listed(*[ABSENT] * 20), 0)[0] == [None] * 20

import pytest

from metering.iec62056.dialogue import Dialogue, Step, Switch


@pytest.mark.parametrize(
    ("letter", "steps"),
    [
        (b"0", [b"\x06000\r\n", Switch(300)]),
        (b"5", [b"\x06050\r\n", Switch(9_600)]),
        (b"6", [b"\x06060\r\n", Switch(19_200)]),
        (b"A", [Switch(600)]),
        (b"F", [Switch(19_200)]),
        (b"7", []),
        (b"G", []),
        (b"x", []),
    ],
)
def test_the_meters_letter_decides_mode_and_speed(letter: bytes, steps: list[Step]) -> None:
    dialogue = Dialogue()
    assert dialogue.begin() == [Switch(300), b"/?!\r\n"]
    assert dialogue.hear(b"/ISk" + letter + b"MT171\r\n") == steps


def test_the_answer_may_come_in_pieces_after_our_own_echo() -> None:
    dialogue = Dialogue("0123")
    assert b"/?0123!\r\n" in dialogue.begin()
    assert not any(dialogue.hear(bytes([byte])) for byte in b"\x00/?0123!\r\n/ISk5MT171\r")
    assert dialogue.hear(b"\n") == [b"\x06050\r\n", Switch(9_600)]


def test_it_answers_once_and_only_when_it_has_asked() -> None:
    dialogue = Dialogue()
    assert dialogue.hear(b"/ISk5MT171\r\n") == []
    dialogue.begin()
    assert dialogue.hear(b"/ISk5MT171\r\n") != []
    assert dialogue.hear(b"/ISk5MT171\r\n") == []
    dialogue.begin()
    assert dialogue.hear(b"noise" * 100 + b"/ISk5MT171\r\n") != []


def test_an_address_is_letters_and_digits() -> None:
    with pytest.raises(ValueError, match="address"):
        Dialogue("1!\r\n")

from node.chain.compiled_vm import CODE_BYTES_MAX, Codes


def test_code_is_analysed_once() -> None:
    codes = Codes()
    assert codes.of(b"\x5b\x00") is codes.of(b"\x5b\x00")
    assert codes.remembered_bytes == 2


def test_codes_that_strangers_bring_are_forgotten() -> None:
    codes = Codes()
    for number in range(30):
        codes.of(number.to_bytes(4, "big") + bytes(CODE_BYTES_MAX // 10))
        assert codes.remembered_bytes <= CODE_BYTES_MAX
    small = codes.of(b"\x00")
    codes.of(bytes(CODE_BYTES_MAX))
    assert codes.of(b"\x00") is not small

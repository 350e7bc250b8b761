import pytest

from metering.sources.wires import SerialPlace, TcpPlace, place_of


def test_a_path_is_a_serial_line() -> None:
    assert place_of("/dev/ttyUSB0", 9_600, seven_bits=True) == SerialPlace("/dev/ttyUSB0", 9_600, True)


@pytest.mark.parametrize(
    ("text", "host", "port"), [("tcp://gateway.lan:2001", "gateway.lan", 2001), ("tcp://[::1]:65535", "::1", 65535)]
)
def test_a_port_is_a_host_and_a_number(text: str, host: str, port: int) -> None:
    assert place_of(text, 9_600) == TcpPlace(host, port)


@pytest.mark.parametrize(
    "text", ["tcp://", "tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://:1"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tcp://HOST:PORT"):
        place_of(text, 9_600)

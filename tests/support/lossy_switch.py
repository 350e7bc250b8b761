"""An Ethernet switch that loses, delays and reorders frames by seed: `python -m tests.support.lossy_switch SEED PORT…`.

Runs in a network namespace with one end of a veth for each port; kernels without netem can do no more than this either.
Reads one JSON object a line: ``{"port": name, "cut": bool, "loss_permille": n, "delay_ms": n}``. Frames of a port whose
delay is not 0 wait an even time up to it, each its own, so that they overtake each other.
"""

import asyncio
import ctypes
import fcntl
import json
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

ETH_P_ALL = 0x0003
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
OUTGOING = 4
"""Type of a frame that this host sent itself."""


@dataclass
class Port:
    """One way in and out."""

    name: str
    wire: socket.socket
    cut: bool = False
    loss_permille: int = 0
    delay_ms: int = 0


class Switch:
    """Learns who is where, and passes frames on."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self.chance = Random(seed)
        self.ports = {name: Port(name, _wire(name)) for name in names}
        self.seen: dict[bytes, Port] = {}

    def start(self) -> None:
        for port in self.ports.values():
            asyncio.get_running_loop().add_reader(port.wire, self.take, port)

    def set(self, command: dict[str, Any]) -> None:
        port = self.ports[command.pop("port")]
        for name, value in command.items():
            setattr(port, name, value)

    def take(self, port: Port) -> None:
        """Take the frames that are there."""
        for _ in range(64):
            try:
                frame, (_, _, kind, _, _) = port.wire.recvfrom(65_536)
            except BlockingIOError:
                return
            if kind == OUTGOING or not self._passes(port):
                continue
            self.seen[frame[6:12]] = port
            known = self.seen.get(frame[:6])
            for to in [known] if known else [each for each in self.ports.values() if each is not port]:
                if to is port or not self._passes(to):
                    continue
                delay_ms = self.chance.randint(0, port.delay_ms) + self.chance.randint(0, to.delay_ms)
                if delay_ms:
                    asyncio.get_running_loop().call_later(delay_ms / 1_000, _send, to, frame)
                else:
                    _send(to, frame)

    def _passes(self, port: Port) -> bool:
        return not port.cut and self.chance.randrange(1_000) >= port.loss_permille


def _send(port: Port, frame: bytes) -> None:
    with suppress(OSError):  # a frame is lost: what TCP is for
        port.wire.send(frame)


def _wire(name: str) -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((name, 0))
    wire.setblocking(False)
    return wire


def fill_checksums(device: str) -> None:
    """Let a network device of this namespace fill its frames' checksums in by itself (source: ethtool(8), tx off)."""
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0), 8)
    request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCETHTOOL, request)


async def main() -> None:
    """Switch until the input ends; with ``fill DEVICE`` as arguments, prepare a device that sends to a switch."""
    if sys.argv[1] == "fill":
        fill_checksums(sys.argv[2])
        return
    switch = Switch(int(sys.argv[1]), sys.argv[2:])
    switch.start()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        switch.set(json.loads(line))
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

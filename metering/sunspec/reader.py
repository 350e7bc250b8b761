"""How a SunSpec device is read: where its models begin, which it has, and the image of those that measure; no I/O.

Devices put the start at register 40000, 0 or 50000, some elsewhere. The chain of models is walked once, and again when
a model's header is not where it was; what is asked for is read in as few requests as Modbus allows, because a scale
factor may change between two.
"""

from collections.abc import Collection
from typing import Final

from metering.sunspec.decoder import COMMON, END, START
from metering.sunspec.modbus import REGISTERS_MAX, Framing, Request

BASES: Final = (40_000, 0, 50_000)
_MODELS_MAX: Final = 64
_LENGTH_MAX: Final = 1_024


class SunSpecReader:
    """Asks, hears, and puts images together: the dialogue and the splitter of one device."""

    def __init__(self, framing: Framing, wanted: Collection[int], unit: int = 1, base: int | None = None) -> None:
        """Read a device.

        Args:
            framing: How its messages are carried.
            wanted: Numbers of the models to read, besides the common one.
            unit: The device's number on the line, 0 to 255.
            base: Register where its models start; None for the usual three.
        """
        if not 0 <= unit <= 255 or (base is not None and not 0 <= base <= 65_000):
            raise ValueError("a device has a number up to 255, and its models start at a register up to 65000")
        self._framing = framing
        self._wanted = frozenset(wanted)
        self._unit = unit
        self._bases = BASES if base is None else (base,)
        self._base = -1
        self._chain: list[tuple[int, int, int]] = []
        """Number, address and length of each model to read."""
        self._plan: list[Request] = []
        self._image = bytearray()
        self._images: list[bytes] = []
        self._walking_at = 0
        self._models_seen = 0

    def begin(self) -> list[bytes]:
        """Return what asks for the next image."""
        if self._image:
            self._fail()
        if self._chain:
            return self._read_models()
        self._base = -1
        return self._try_base()

    def hear(self, data: bytes) -> list[bytes]:
        """Return what is to be asked next, given what the device says."""
        registers = self._framing.hear(data)
        if registers is None:
            return []
        if self._plan:
            return self._take_block(registers)
        if self._walking_at:
            return self._take_header(registers)
        if registers == START:
            self._walking_at, self._models_seen = self._bases[self._base] + 2, 0
            return [self._ask(self._walking_at, 2)]
        return self._try_base()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the images that are whole, or were given up; these lack their end."""
        images, self._images = self._images, []
        return images

    def _try_base(self) -> list[bytes]:
        self._base += 1
        self._walking_at = 0
        if self._base >= len(self._bases):
            self._images.append(START)
            self._base = -1
            return []
        return [self._ask(self._bases[self._base], 2)]

    def _take_header(self, registers: bytes) -> list[bytes]:
        number, length = int.from_bytes(registers[:2], "big"), int.from_bytes(registers[2:], "big")
        self._models_seen += 1
        at = self._walking_at
        end_seen = number == 0xFFFF
        if not end_seen and (len(registers) != 4 or length > _LENGTH_MAX or self._models_seen > _MODELS_MAX):
            self._fail()
            return []
        if end_seen:
            self._walking_at = 0
            if not self._chain:
                self._images.append(START + END)
                return []
            return self._read_models()
        if number == COMMON or number in self._wanted:
            self._chain.append((number, at, length))
        self._walking_at = at + 2 + length
        return [self._ask(self._walking_at, 2)]

    def _read_models(self) -> list[bytes]:
        self._image = bytearray(START)
        self._plan = [
            Request(self._unit, at + begin, min(REGISTERS_MAX, length + 2 - begin))
            for _, at, length in self._chain
            for begin in range(0, length + 2, REGISTERS_MAX)
        ]
        return [self._framing.ask(self._plan[0])]

    def _take_block(self, registers: bytes) -> list[bytes]:
        request = self._plan.pop(0)
        heads = {at: number.to_bytes(2, "big") + length.to_bytes(2, "big") for number, at, length in self._chain}
        expected = heads.get(request.address, b"")
        if not registers or not registers.startswith(expected):
            self._fail()
            return []
        self._image += registers
        if self._plan:
            return [self._framing.ask(self._plan[0])]
        self._images.append(bytes(self._image + END))
        self._image.clear()
        return []

    def _fail(self) -> None:
        """Give up an image, and walk the chain anew."""
        self._images.append(bytes(self._image or START))
        self._image.clear()
        self._plan.clear()
        self._chain.clear()
        self._walking_at = 0

    def _ask(self, address: int, count: int) -> bytes:
        return self._framing.ask(Request(self._unit, address, count))

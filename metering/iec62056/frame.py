"""Telegrams out of a byte stream, as IEC 62056-21 meters and P1 ports send them; no I/O.

A telegram begins with ``/`` and ends either with a line that begins with ``!`` (P1, mode D) or, when a STX came before,
with ETX and one block check character (modes A to C). Source: IEC 62056-21:2002 §6.3; DSMR P1 5.0.2 §6.2.
"""

import re
from typing import Final

STX: Final = 0x02
ETX: Final = 0x03
TELEGRAM_LEN_MAX: Final = 8_192
"""Longest telegram kept, bytes; a P1 port may show a message of 2 048 characters, and 1 500 bytes besides."""

_MARK: Final = re.compile(rb"\x02|\n!|\n/")
_LAST_LINE_END: Final = re.compile(rb"\n|/")
_BLOCK_END: Final = re.compile(rb"\x03|\n/")


class TelegramSplitter:
    """Cuts a stream of bytes, in pieces of any size, into telegrams."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the telegrams that these bytes complete.

        One that broke off (another begins in it, or it is longer than `TELEGRAM_LEN_MAX`) is returned too, so that a
        decoder refuses it and a reader counts it. Bytes outside telegrams are dropped.
        """
        self._waiting += data
        telegrams: list[bytes] = []
        while telegram := self._cut():
            telegrams.append(telegram)
        return telegrams

    def _cut(self) -> bytes | None:
        start = self._waiting.find(b"/")
        del self._waiting[: len(self._waiting) if start < 0 else start]
        end = self._end()
        if end is None or end > TELEGRAM_LEN_MAX:
            if len(self._waiting) < TELEGRAM_LEN_MAX:
                return None
            end = TELEGRAM_LEN_MAX
        telegram = bytes(self._waiting[:end])
        del self._waiting[:end]
        return telegram

    def _end(self) -> int | None:
        """Return where the waiting telegram ends, if that has come."""
        waiting = self._waiting
        if not (mark := _MARK.search(waiting, 1)):
            return None
        if mark[0] == b"\n/":
            return mark.start() + 1
        if mark[0] == b"\n!":
            last = _LAST_LINE_END.search(waiting, mark.end())
            # A telegram without its line end is over where the next one begins.
            return None if last is None else last.end() if last[0] == b"\n" else last.start()
        block = _BLOCK_END.search(waiting, mark.end())
        if block is None:
            return None
        if block[0] == b"\n/":
            return block.start() + 1
        return block.end() + 1 if len(waiting) > block.end() else None

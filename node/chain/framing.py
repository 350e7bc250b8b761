"""Where one request ends on a socket, in the two ways that the chain's socket speaks.

As geth does it: JSON values one after the other, with or without white space between (web3.py's IPC providers).
Frames: a length of four bytes, big endian, then that many bytes; for whoever forwards bytes that need not be JSON, and
has to learn that a notification has no answer (length 0). The chain's own frames begin with its generation, in eight
bytes, which the length counts.
"""

import asyncio
import re
from typing import Final

FRAMES_METHOD: Final = "chain_frames"
"""The request that turns a connection to frames; its parameter says whether it keeps to public methods."""

FRAME_SIZE_MAX: Final = 64_000_000
"""Bytes of one frame; answers may be far larger than requests."""

_LENGTH_SIZE: Final = 4
_GENERATION_SIZE: Final = 8

_OUTSIDE: Final = re.compile(rb'["{}\[\]]|[^\s"{}\[\]]')
_INSIDE_VALUE: Final = re.compile(rb'["{}\[\]]')
_INSIDE_STRING: Final = re.compile(rb'\\.|"', re.DOTALL)


class JsonSplitter:
    """Cuts a stream into its top-level JSON objects and arrays, each byte looked at once."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._buffer = b""
        self._position = 0
        self._depth = 0
        self._in_string = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the values that the next bytes complete; they are balanced, not necessarily valid JSON.

        Raises:
            ValueError: something stands between values that opens none, or a value grows too large.
        """
        self._buffer += chunk
        values: list[bytes] = []
        while (token := self._next_token()) is not None:
            if self._in_string:
                self._in_string = token != b'"'
            elif token == b'"' and self._depth:
                self._in_string = True
            elif token in (b"{", b"["):
                self._depth += 1
            elif self._depth == 0:
                raise ValueError("expected a JSON object or array")
            elif token in (b"}", b"]"):
                self._depth -= 1
                if self._depth == 0:
                    values.append(self._buffer[: self._position].lstrip())
                    self._buffer = self._buffer[self._position :]
                    self._position = 0
        if len(self._buffer) > self._size_max:
            raise ValueError(f"a request may have at most {self._size_max} bytes")
        return values

    def _next_token(self) -> bytes | None:
        pattern = _INSIDE_STRING if self._in_string else _INSIDE_VALUE if self._depth else _OUTSIDE
        match = pattern.search(self._buffer, self._position)
        if match is None:
            # A backslash at the very end may escape what comes next.
            ends_open = self._in_string and self._buffer.endswith(b"\\")
            self._position = max(self._position, len(self._buffer) - ends_open)
            return None
        self._position = match.end()
        return match.group()


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next frame, or None when the other side is gone or announces more than `FRAME_SIZE_MAX`."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_SIZE), "big")
        return await reader.readexactly(length) if length <= FRAME_SIZE_MAX else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(payload: bytes) -> bytes:
    """Return a payload with its length in front."""
    return len(payload).to_bytes(_LENGTH_SIZE, "big") + payload


def answer_frame(generation: int, payload: bytes) -> bytes:
    """Return an answer with its length and the chain's generation in front."""
    length = (len(payload) + _GENERATION_SIZE).to_bytes(_LENGTH_SIZE, "big")
    return length + generation.to_bytes(_GENERATION_SIZE, "big") + payload


def next_answer(received: bytearray) -> tuple[int, bytes] | None:
    """Take the generation and payload of the next answer out of what was received, or return None until it is there.

    Raises:
        ValueError: no answer's frame begins there.
    """
    if len(received) < _LENGTH_SIZE:
        return None
    end = _LENGTH_SIZE + int.from_bytes(received[:_LENGTH_SIZE], "big")
    begin = _LENGTH_SIZE + _GENERATION_SIZE
    if not begin <= end <= _LENGTH_SIZE + FRAME_SIZE_MAX:
        raise ValueError("this is no answer's frame")
    if len(received) < end:
        return None
    answer = int.from_bytes(received[_LENGTH_SIZE:begin], "big"), bytes(received[begin:end])
    del received[:end]
    return answer

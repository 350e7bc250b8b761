"""Samples from a CSV file that may still grow: see `metering.files.csv_row` for its rows.

The first line is the header. A last line without its line end is still being written, and is left for the next read. A
file that was replaced or cut short is read from its beginning; rows that were read before are then refused as replays
by validation, not here.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from energy.errors import Unavailable
from energy.results import Rejected
from metering.files.csv_row import HEADER, decode_row
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

ROW_LEN_MAX: Final = 256
"""Longest line, bytes, its end included; a longer one is refused as a whole."""


class CsvSource:
    """Reads one file, of one meter or of several."""

    trust = TrustClass.C

    def __init__(self, path: Path | str, *, follow: bool = False, poll_interval_ms: int = 1_000) -> None:
        """Read a file.

        Args:
            path: The file; it need not exist yet when it is followed.
            follow: Whether `samples` waits for more rows at the end, until `close`.
            poll_interval_ms: How often it looks for them, > 0.
        """
        self._path = Path(path)
        self._follow = follow
        self._poll_interval_ms = poll_interval_ms
        self._file_id: tuple[int, int] | None = None
        self._offset = 0
        self._line = 0
        self._header_is_good = False
        self._in_long_line = False
        self._closed = False

    def read_new(self) -> list[RegisterSample | Rejected]:
        """Return what the rows say that were completed since the last call.

        Raises:
            Unavailable: the file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                self._start_again_if_replaced(file)
                return list(self._read_rows(file))
        except OSError as error:
            raise Unavailable(f"the meter file cannot be read: {error.strerror}") from error

    async def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield a sample or a refusal per row; COMM_LOST once while a followed file is away.

        Raises:
            Unavailable: the file cannot be read, and is not followed.
        """
        lost = False
        while not self._closed:
            try:
                rows = self.read_new()
                lost = False
            except Unavailable:
                if not self._follow:
                    raise
                rows = [] if lost else [Rejected(MeteringReject.COMM_LOST, {"reason": "open"})]
                lost = True
            for row in rows:
                yield row
            if not self._follow:
                return
            await asyncio.sleep(self._poll_interval_ms / 1000)

    def close(self) -> None:
        """End `samples` at its next look at the file."""
        self._closed = True

    def _start_again_if_replaced(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        file_id = (status.st_dev, status.st_ino)
        if file_id != self._file_id or status.st_size < self._offset:
            self._file_id, self._offset, self._line, self._in_long_line = file_id, 0, 0, False
        file.seek(self._offset)

    def _read_rows(self, file: BinaryIO) -> Iterator[RegisterSample | Rejected]:
        while piece := file.readline(ROW_LEN_MAX):
            whole = piece.endswith(b"\n")
            if not whole and len(piece) < ROW_LEN_MAX:
                return
            self._offset += len(piece)
            if not whole:
                self._in_long_line = True
                continue
            self._line += 1
            yield from self._read_line(piece.rstrip(b"\r\n"))
            self._in_long_line = False

    def _read_line(self, row: bytes) -> Iterator[RegisterSample | Rejected]:
        if self._line == 1:
            self._header_is_good = row == HEADER and not self._in_long_line
            if self._header_is_good:
                return
        if not self._header_is_good:
            # Columns of another name or sequence would be read as what they are not.
            yield Rejected(MeteringReject.MALFORMED_ROW, {"line": self._line, "field": "header"})
        elif self._in_long_line:
            yield Rejected(MeteringReject.MALFORMED_ROW, {"line": self._line, "field": "row"})
        else:
            yield decode_row(row, self._line)

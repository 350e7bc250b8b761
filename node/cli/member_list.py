"""The list of members that a community is founded from, as a CSV file: one meter written into one row of it."""

import csv
import io
import os
from pathlib import Path


def pair_member(path: Path, label: str, meter_source: str, serial: str) -> None:
    """Write a meter's source and serial number into the row of one member; every other field stays as it is.

    Raises:
        ValueError: the list lacks a column, or has the label not exactly once, or the serial number for another.
        OSError: the file cannot be read or written; it is then as it was.
    """
    text = path.read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = list(rows[0]) if rows else []
    for column in ("label", "serial", "meter_source"):
        if column not in columns:
            raise ValueError(f"it has no column {column}")
    found = [row for row in rows if row["label"] == label]
    if len(found) != 1:
        raise ValueError(f"the label {label} comes {len(found)} times")
    if any(row["serial"] == serial and row is not found[0] for row in rows):
        raise ValueError("another member has this meter")
    found[0].update(serial=serial, meter_source=meter_source)
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(written.getvalue(), "utf-8")
    os.replace(beside, path)

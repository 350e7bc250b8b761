"""Documents of commands that are kept as they are: what is another each time gets a word in its place."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.support import small_node

VECTORS: Final = Path(__file__).parents[1] / "vectors"
VARYING: Final = ("bytes", "bytesAfter", "bytesBefore", "chainId", "files", "gasUsed", "kept", "password", "removed")
"""Keys of values that are others each time."""


def masked(value: Any, folder: Path, key: str = "") -> Any:
    """Return a document with a word for each value that is another each time.

    ``0x<40>`` stands for 40 hexadecimal digits, ``<folder>`` for the folder of the test.
    """
    if isinstance(value, dict):
        return {name: masked(each, folder, name) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each, folder, key) for each in value]
    if key in VARYING:
        return f"<{type(value).__name__}>"
    if isinstance(value, int) and small_node.NOW + 10**8 < value < 2**32:
        return "<time>"
    if not isinstance(value, str):
        return value
    text = re.sub(r"0x[0-9a-f]{40,}", lambda found: f"0x<{len(found[0]) - 2}>", value.replace(str(folder), "<folder>"))
    for varying, word in (
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        (r"/dev/pts/\d+", "/dev/pts/<n>"),
        (r"#[\w-]{43}$", "#<secret>"),
    ):
        text = re.sub(varying, word, text)
    return text


def hold_to(name: str, documents: Mapping[str, Any]) -> None:
    """Compare documents by command with those that are kept in `tests/vectors`.

    With ``GOLDEN=write`` in the environment they are kept anew first.
    """
    file = VECTORS / name
    for command, printed in documents.items():
        assert all((each.get("schema") or each["format"]).startswith("resilia") for each in printed), command
    if os.environ.get("GOLDEN") == "write":
        file.write_text(json.dumps(documents, indent=1, ensure_ascii=False) + "\n")
    kept = json.loads(file.read_text())
    assert [command for command, printed in documents.items() if printed != kept.get(command)] == []
    assert documents.keys() == kept.keys()

"""What the README shows of the demo is what the demo prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import README, blocks
from tests.support.source_tree import ROOT


def said(text: str) -> list[str]:
    """Return the lines of a text: without the figures in brackets behind a proof, and with plain spaces."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [re.sub(r"^(ok .*?) \(.*\)$", r"\1", line) for line in lines if line]


@pytest.mark.long
def test_readme_shows_the_day_as_it_is(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "node.cli.main", "demo", "--exit", "--rpc-port", "0", "--web-port", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    (shown,) = blocks(README, "text")
    printed = said(ended.stderr)
    assert [line for line in said(shown.text) if line not in printed] == []

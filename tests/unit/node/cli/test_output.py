import sys

import pytest

from node.cli.output import share_done


@pytest.mark.parametrize(
    ("looking", "shown"),
    [(True, "\rBlocks: 0\u00a0%\rBlocks: 50\u00a0%\r\x1b[K"), (False, "")],
    ids=["terminal", "pipe"],
)
def test_share_is_shown_to_whoever_looks(
    looking: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: looking)
    with share_done("Blocks:") as progress:
        for done in (0, 1, 500, 501):
            progress(done, 1_000)
    assert capsys.readouterr() == ("", shown)

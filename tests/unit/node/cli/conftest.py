from collections.abc import Iterator
from pathlib import Path

import pytest

from node.i18n import speaking


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run each test in English, with an empty key folder, and leave no language behind."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("RESILIA_KEYS", str(tmp_path / "keys"))
    for name in ("RESILIA_RPC", "RESILIA_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    with speaking("en"):
        yield

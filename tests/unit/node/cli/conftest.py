from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test with an empty key folder."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("RESILIA_KEYS", str(tmp_path / "keys"))
    for name in ("RESILIA_RPC", "RESILIA_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)

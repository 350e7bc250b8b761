"""One founded community for all tests of a real node: founding takes seconds, copying its folder does not."""

from pathlib import Path

import pytest

from tests.support.real_node import copy_of, found


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a community that nobody has used yet; copy it."""
    folder = tmp_path_factory.mktemp("founded") / "node"
    found(folder)
    return folder


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    """A founded community of the test's own."""
    return copy_of(founded, tmp_path / "node")

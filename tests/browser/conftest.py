"""The page is tried in a browser where there is one: the package ``chromium``, and axe-core from ``make clients``."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.living_node import Living, living_node

AXE = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core"
collect_ignore_glob = [] if shutil.which("chromium") and AXE.is_dir() else ["test_*.py"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A node whose community lives and settles, for all tests of a file."""
    with living_node(tmp_path_factory.mktemp("living") / "node") as node:
        yield node

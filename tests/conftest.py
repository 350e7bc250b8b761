"""What all tests share: how hard hypothesis tries, their language, long ones, and a guard against stale extensions."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from node.i18n import speaking
from tests.support.extensions import stale
from tests.support.source_tree import PACKAGES, files

# No deadline: the machine that runs the tests may be busy with something else.
settings.register_profile("default", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("long", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A shell's background job ignores Ctrl-C, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Begin in English, and leave no language behind."""
    with speaking("en"):
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-long", action="store_true", help="run the tests marked 'long' as well")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; left out unless --run-long is given")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop before any test: results over an extension that is not the one in the sources would mean nothing."""
    if wrong := stale(files(*PACKAGES, suffix=".pyx")):
        advice = "build it with 'python setup.py build_ext --inplace', or 'make test'"
        pytest.exit(f"{'; '.join(wrong)}: {advice}", returncode=pytest.ExitCode.USAGE_ERROR)

"""Our import names are plain words: each of them must be ours, and the wheel must hold all of it."""

import importlib.util
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest

from tests.support.source_tree import PACKAGES, ROOT, python_files


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", PACKAGES)
def test_import_name_is_ours_alone(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin == str(ROOT / name / "__init__.py")
    assert set(packages_distributions().get(name, ["resilia-grid"])) == {"resilia-grid"}


def test_wheel_holds_every_package() -> None:
    with_sources = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in python_files(*PACKAGES)}
    # What python_files leaves out as built is shipped all the same.
    assert set(project()["tool"]["setuptools"]["packages"]) == with_sources | {"contracts.artifacts"}


def test_every_package_is_a_regular_one() -> None:
    folders = {path.parent for path in python_files(*PACKAGES)}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_import_rules_name_every_package() -> None:
    rules = project()["tool"]["importlinter"]
    assert set(rules["root_packages"]) == set(PACKAGES) - {"contracts"}
    ruled = {name for contract in rules["contracts"] for name in contract["source_modules"]}
    assert ruled == set(rules["root_packages"])

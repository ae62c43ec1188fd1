"""The links below context/ point to the shared sources, and no tool takes them for further packages."""

import re
import tomllib

import pytest
from setuptools import find_packages  # type: ignore[import-untyped]

from testkit.template import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("function", "names"),
    [("orchestrator", {"records", "decoding"}), ("image_build", {"converter", "decoding", "model_service", "models"})],
)
def test_context_links_to_the_sources(function: str, names: set[str]) -> None:
    links = {link.name: link for link in (ROOT / function / "context").iterdir()}
    assert set(links) == names
    for name, link in links.items():
        assert link.is_symlink()
        assert link.resolve() == ROOT / name


def test_installed_packages_do_not_include_the_links() -> None:
    patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = find_packages(str(ROOT), include=patterns)
    assert {"records", "decoding", "decoding.isolation", "orchestrator", "model_service"} <= set(packages)
    assert not [name for name in packages if "context" in name.split(".")]


def test_type_checks_exclude_the_links() -> None:
    patterns = PROJECT["tool"]["mypy"]["exclude"]
    assert any(re.search(pattern, "orchestrator/context/records/record.py") for pattern in patterns)

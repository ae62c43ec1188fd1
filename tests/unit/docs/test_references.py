"""Protects: links, files, names, modules and make targets in the documentation exist, and every page can be found."""

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from testkit.template import ROOT

CHANGELOG = ROOT / "CHANGELOG.md"
"""The only page that may name files of earlier versions."""

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    CHANGELOG,
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "models").glob("**/README.md")),
    ROOT / "samples" / "README.md",
]
CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
MODULES_OF_OTHERS = {"pip", "venv"}


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def prose_of(page: Path) -> str:
    """Return a page without its code blocks."""
    return CODE_BLOCK.sub("", text_of(page))


def links_of(page: Path) -> list[tuple[Path, str]]:
    """Return the file and the anchor of each link to this repository."""
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)) if ":" not in target]
    parts = [target.partition("#") for target in targets]
    return [((page.parent / file).resolve() if file else page, anchor) for file, _, anchor in parts]


@cache
def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub derives them."""
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for file, anchor in links_of(page):
        assert file.exists(), file
        assert not anchor or file.suffix != ".md" or anchor in anchors_of(file), f"{file.name}#{anchor}"


def test_every_page_and_picture_is_linked() -> None:
    linked = {file for page in PAGES for file, _ in links_of(page)}
    expected = {page for page in PAGES if page.name != "README.md"} | set((ROOT / "docs" / "images").iterdir())
    assert expected <= linked, expected - linked


@pytest.mark.parametrize("page", [page for page in PAGES if page != CHANGELOG], ids=lambda page: page.name)
def test_names_of_files_and_of_what_they_define_exist(page: Path) -> None:
    for file, name in re.findall(r"`([\w/]+/\w+\.\w+)(?:: (\w+))?`", prose_of(page)):
        file = file.replace("/vN/", "/v1/")
        candidates = [folder / file for folder in (ROOT, ROOT / "triptych", page.parent) if (folder / file).exists()]
        if file.startswith(tuple(f"{folder.name}/" for folder in ROOT.iterdir() if folder.is_dir())):
            assert candidates, file
        if name:
            source = candidates[0].read_text(encoding="utf-8")
            assert re.search(rf"\b(?:def|class) {name}\b", source), f"{file}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_are_run_exist(page: Path) -> None:
    for module in set(re.findall(r"python3? (?:-W \w+ )?-m\s+([\w.]*\w)", text_of(page))) - MODULES_OF_OTHERS:
        assert importlib.util.find_spec(module), module


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        used = set(re.findall(r"(?:`|^)make ([a-z][a-z-]+)", text_of(page), re.MULTILINE))
        assert used <= targets, f"{page.name}: {used - targets}"

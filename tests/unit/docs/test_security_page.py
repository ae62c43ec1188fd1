"""Protects: each control in SECURITY.md names tests that exist."""

import re

from testkit.template import ROOT

PAGE = (ROOT / "SECURITY.md").read_text("utf-8")


def test_each_control_names_tests_or_commands() -> None:
    controls = PAGE.partition("## Controls")[2].partition("## ")[0]
    rows = [line.strip("|").split("|") for line in controls.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    for row in rows:
        assert re.search(r"`tests/|docs/semantics.md|`make ", row[-1]), row[0]


def test_named_tests_exist() -> None:
    for path in re.findall(r"`(tests/[^`]+)`", PAGE):
        assert (ROOT / path).exists(), path

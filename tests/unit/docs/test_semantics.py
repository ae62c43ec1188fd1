"""Protects: each guarantee of docs/semantics.md names a test that exists, and the simulation checks it."""

import re

import pytest

from testkit.template import ROOT

PAGE = (ROOT / "docs" / "semantics.md").read_text("utf-8")
GUARANTEES = re.findall(
    r"^(\d+)\. (.+?)(?=^\d+\. |^#|\Z)", PAGE.partition("## Guarantees")[2], re.MULTILINE | re.DOTALL
)
GUARANTEES = GUARANTEES[:24]
USUAL_MODULE = "tests/unit/testkit/simulation/test_guarantees.py"


def test_guarantees_are_numbered_without_gaps() -> None:
    assert [int(number) for number, _ in GUARANTEES] == list(range(1, 25))


@pytest.mark.parametrize(("number", "text"), GUARANTEES, ids=lambda value: value[:2])
def test_each_guarantee_names_a_test_that_exists(number: str, text: str) -> None:
    named = re.search(r"Test:\s+`([^`]+)`", text)
    assert named, f"guarantee {number} names no test"
    module, _, test = named[1].rpartition("::")
    if not module:
        assert test.startswith(f"test_{int(number):02}_")
    source = (ROOT / (module or USUAL_MODULE)).read_text("utf-8")
    assert re.search(rf"(def {test}\(|^{test}\b)", source, re.MULTILINE), named[1]


def test_tests_named_in_the_introduction_exist() -> None:
    for module, test in re.findall(r"`(tests/\S+\.py)(?:::(\w+))?`", PAGE):
        assert f"def {test}" in (ROOT / module).read_text("utf-8") or test == "TestConvergence"


def test_simulation_checks_each_guarantee() -> None:
    simulation = ROOT / "testkit" / "simulation"
    source = "".join((simulation / name).read_text("utf-8") for name in ("reference.py", "history.py"))
    checked = {int(number) for number in re.findall(r"(?:expect|fail)\(\s*(\d+),", source)}
    assert checked == set(range(1, 25))

"""Protects: one name has one meaning, as CONTRIBUTING.md demands."""

import re
from collections import defaultdict

from testkit.template import ROOT

PRODUCT = (
    "converter",
    "decoding",
    "evidence",
    "hosting",
    "image_build",
    "model_service",
    "orchestrator",
    "publisher",
    "records",
    "training",
    "triptych",
)
ENTRY_POINTS = {"main", "handler"}
"""Names that a command line and Lambda expect."""


def test_no_public_class_or_function_has_the_name_of_another() -> None:
    modules = defaultdict(set)
    for file in [file for package in PRODUCT for file in (ROOT / package).rglob("*.py")]:
        for name in re.findall(r"^(?:class|(?:async )?def) ([a-zA-Z]\w*)", file.read_text("utf-8"), re.MULTILINE):
            modules[name].add(str(file.relative_to(ROOT)))
    repeated = {name: sorted(found) for name, found in modules.items() if len(found) > 1 and name not in ENTRY_POINTS}
    assert len(modules) > 1000
    assert not repeated

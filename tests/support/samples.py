"""The sample documents and what they are."""

import json
from pathlib import Path
from typing import Any

from testkit.template import ROOT

FOLDER = ROOT / "samples" / "documents"
EXPECTED: dict[str, dict[str, Any]] = json.loads((ROOT / "samples" / "expected.json").read_text())
READABLE = sorted(name for name, what in EXPECTED.items() if "label" in what)
REJECTED = sorted(name for name, what in EXPECTED.items() if "rejected" in what)


def sample(name: str) -> Path:
    """The path of a sample."""
    return FOLDER / name

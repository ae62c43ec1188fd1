"""The sample documents and their expected results."""

import json
from pathlib import Path
from typing import Any

from testkit.template import ROOT

FOLDER = ROOT / "samples" / "documents"
EXPECTED: dict[str, dict[str, Any]] = json.loads((ROOT / "samples" / "expected.json").read_text())
READABLE = sorted(name for name, expected in EXPECTED.items() if "label" in expected)
REJECTED = sorted(name for name, expected in EXPECTED.items() if "rejected" in expected)


def sample(name: str) -> Path:
    """Return the path of a sample."""
    return FOLDER / name

"""checkov, which has its own virtual environment because of its many pinned requirements."""

import shutil

import pytest

from testkit.template import ROOT


def require_checkov() -> str:
    """Return the path of checkov. Skip the test, with the reason, if it is not installed."""
    found = ROOT / ".venv-checkov" / "bin" / "checkov"
    program = str(found) if found.exists() else shutil.which("checkov")
    if program is None:
        pytest.skip("checkov is not installed; `make test-all` does it")
    return program

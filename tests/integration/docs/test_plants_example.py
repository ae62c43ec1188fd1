"""Protects: the plants example runs as printed, from pictures to a prediction with each hosting option.

With TRIPTYCH_PLANTS=FOLDER, it uses the photographs of a folder instead of drawn flowers. Some of
its predictions may be wrong.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from testkit.server_processes import free_port
from testkit.template import ROOT
from tests.support.documented_examples import run_examples

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

EXAMPLE = ROOT / "examples" / "plants"


def test_example_runs_as_printed(tmp_path: Path) -> None:
    folder = tmp_path / "plants"
    shutil.copytree(EXAMPLE / "recipes", folder / "recipes")
    shutil.copy(EXAMPLE / "draw.py", folder)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(free_port()),
        "LC_ALL": "C.UTF-8",  # the order of `ls`
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait leave the CPU to other tests
    }
    labels: set[str] = set()
    if photographs := os.environ.get("TRIPTYCH_PLANTS"):
        environment["PICTURES"] = photographs
        labels = {each.name for each in Path(photographs).iterdir()}
    page = (EXAMPLE / "README.md").read_text()
    shown = [(example.output, printed) for example, printed in run_examples(page, folder, environment)]
    assert [bool(expected) for expected, _ in shown] == [False, True, False, True, True, True, False, True]
    for expected, printed in shown:
        if expected and not _names_labels(printed, labels):
            assert printed == expected


def _names_labels(printed: str, labels: set[str]) -> bool:
    """Return whether each line ends with one of the labels."""
    return bool(printed) and all(line.rpartition(" ")[2] in labels for line in printed.splitlines())

"""Protects: the benchmark of bytecode imports the built package, with and without bytecode."""

import re
import subprocess
import sys

import pytest

from testkit.template import ROOT


@pytest.mark.slow
def test_package_is_measured_with_and_without_bytecode() -> None:
    command = [sys.executable, "-m", "benchmarks.bytecode", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^([\w ]+?) +(\d+) ms of CPU time", done.stdout, re.MULTILINE)
    assert [name for name, _ in rows] == ["boto3", "package without bytecode", "package with bytecode"]
    assert all(int(milliseconds) > 0 for _, milliseconds in rows)

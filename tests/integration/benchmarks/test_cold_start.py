"""Protects: the benchmark of the cold start runs the real handler, and reports each phase."""

import re
import subprocess
import sys
from pathlib import Path


def test_each_phase_of_a_cold_start_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.cold_start", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r"^\| ([\w ]+) \| (\d+) \| \d+ \|", done.stdout, re.MULTILINE))
    assert list(rows) == ["boto3", "other imports", "clients", "TLS", "first event", "second event"]
    assert all(int(milliseconds) > 0 for milliseconds in rows.values())

"""Protects: the comparison of servers checks their probabilities, measures them and prints the tables of the docs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.timeout(600)  # it exports and quantises a network, and starts four servers
def test_servers_are_compared_with_this_service(tmp_path: Path) -> None:
    """Of the other servers, only those that need no environment of their own."""
    few = ["--rounds", "1", "--requests", "1", "--seconds", "0.3"]
    chart = tmp_path / "chart.svg"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.service", *few, "--only", "FastAPI, well", "--chart", str(chart)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    compared = ["this service", "FastAPI, well configured", "FastAPI, well configured, scaled decoding"]
    for name in compared:
        assert re.search(rf"^round 1: {name}\n  probabilities differ by at most [\d.]+e[+-]", done.stderr, re.MULTILINE)
        assert len(re.findall(rf"^\| {name} \| [\d.]+ \|", done.stdout, re.MULTILINE)) == 4  # three ratios, a cost
        assert re.search(rf"^\| {name} \| \d+ ms, \d+ ms, [\d.]+/s \|", done.stdout, re.MULTILINE)
    assert re.findall(r"^\| this service \| 1.00 \| 1.00 \| 1.00 \| 1.00 \|$", done.stdout, re.MULTILINE)
    assert "Twice the capacity" in done.stdout
    assert chart.read_text().startswith("<?xml")


@pytest.mark.slow
@pytest.mark.timeout(600)  # it exports and quantises a network, and starts four servers
def test_a_format_is_compared_with_the_floor() -> None:
    few = ["--rounds", "1", "--requests", "1", "--seconds", "0.2", "--models", "models", "--only", "PDF, a page"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.service.formats", *few],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| PDF, a page of text \|( [\d.]+ \|){10}$", done.stdout, re.MULTILINE)

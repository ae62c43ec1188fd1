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
    few = ["--rounds", "1", "--requests", "1", "--pairs", "6", "--seconds", "0.3", "--overloads", "2"]
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
        assert re.search(rf"^\| {name} \| [\d.]+/s, [\d.]+ \|", done.stdout, re.MULTILINE)  # three versions
        assert re.search(rf"^\| {name} \| \d+ ms, \d+ ms, [\d.]+/s \|", done.stdout, re.MULTILINE)
    assert re.findall(r"^\| this service \| 1.00 \| 1.00 \| 1.00 \| 1.00 \|$", done.stdout, re.MULTILINE)
    together = "FastAPI, well configured, scaled decoding, three networks in a request"
    assert len(re.findall(rf"^\| {together} \|", done.stdout, re.MULTILINE)) == 1, (
        "it is in the table of three versions"
    )
    _check_ratio_to_the_floor(done.stdout)
    _check_overload(done.stdout)
    assert chart.read_text().startswith("<?xml")


def _check_ratio_to_the_floor(report: str) -> None:
    """Each kind of document has a median of pairs and the interval around it."""
    row = re.search(r"measured in turn: median of 6 pairs .*\n.*\n\| this service \|(.*)\|$", report, re.MULTILINE)
    assert row is not None, report
    cells = [list(map(float, re.findall(r"[\d.]+", cell))) for cell in row[1].split("|")]
    assert len(cells) == 4
    assert all(low <= median <= high for median, low, high in cells)


def _check_overload(report: str) -> None:
    """The verdict of each run compares its p99 with the time of full queues, measured before at the same load."""
    queue = re.search(r"a full queue of 16 requests .* mean (\d+) ms.* at most (\d+) ms", report)
    assert queue is not None, report
    mean, limit = map(int, queue.groups())
    assert mean < limit
    cells = {
        row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in report.splitlines()) if len(row) == 3
    }
    assert cells["bound of a full queue, ms"] == [str(limit)] * 2
    for p99, verdict in zip(cells["accepted: p99, ms"], cells["p99 within the bound"], strict=True):
        assert verdict == ("yes" if int(p99) < limit else "**no**") or int(p99) == limit  # both are rounded
    assert cells["lost"] == cells["429 or 503 without Retry-After"] == ["0", "0"]
    assert all(re.fullmatch(r"\d+ times 200(, \d+ times 429)?", each) for each in cells["responses"])


@pytest.mark.slow
@pytest.mark.timeout(600)  # it exports and quantises a network, and starts four servers
def test_a_format_is_compared_with_the_floor() -> None:
    few = ["--rounds", "1", "--requests", "6", "--seconds", "0.2", "--models", "models", "--only", "PDF, a page"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.service.formats", *few],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    interval = r"[\d.]+ \([\d.]+ to [\d.]+\)"
    assert re.search(rf"^\| PDF, a page of text \| {interval} \|( [\d.]+ \|){{9}}$", done.stdout, re.MULTILINE)

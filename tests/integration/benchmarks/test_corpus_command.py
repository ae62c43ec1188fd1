"""Protects: `python -m benchmarks.corpus` reports every file of a folder and fails only on invalid arguments."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw


def run_corpus(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.corpus", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])


def test_files_are_reported_with_harmless_names(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "inner").mkdir(parents=True)
    page = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(page).rectangle((50, 50, 200, 200), fill="black")
    page.save(folder / "inner" / "page.png")
    (folder / "a\x1b[2J<b>.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    (folder / "note.dat").write_bytes(b"\x00no image")
    report = tmp_path / "report.html"

    completed = run_corpus(folder, "--json", "--out", report)

    assert completed.returncode == 0, completed.stderr
    assert "\x1b[2J" not in completed.stdout + completed.stderr
    rows = {row["name"]: row for row in map(json.loads, completed.stdout.splitlines())}
    assert rows["inner/page.png"]["kind"] in ("same", "no reference")
    assert rows["a\x1b[2J<b>.png"]["reason"] == "corrupt-document"
    assert rows["note.dat"]["reason"] == "unsupported-format"
    html = report.read_text()
    assert "<h1>Corpus report</h1>" in html
    assert "<b>.png" not in html

    tables = run_corpus(folder, "--limit", 1)
    assert tables.returncode == 0, tables.stderr
    assert "corrupt-document" in tables.stdout
    assert "\x1b[2J" not in tables.stdout


def test_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    completed = run_corpus(tmp_path / "missing")
    assert completed.returncode == 2
    assert "is not a folder" in completed.stderr

"""Protects: example pages come from every package, without manuals and empty pages."""

import csv
from dataclasses import replace
from itertools import count
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
from PIL import Image, ImageDraw

from training import texlive
from training.texlive import interleave, write_folder

LINE = "a line of text as in a paper, and more text"


def _write_pdf(file: Path, pages: int) -> None:
    """Write a PDF whose pages are pictures of text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sheets = []
    for _ in range(pages):
        sheet = Image.new("RGB", (620, 877), "white")
        pen = ImageDraw.Draw(sheet)
        for y in range(60, 800, 14):
            pen.text((60, y), LINE, fill="black")
        sheets.append(sheet)
    sheets[0].save(file, save_all=True, append_images=sheets[1:])


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two packages for papers, one of them with a manual; rules require no text."""
    monkeypatch.setattr(texlive, "RULES", tuple(replace(rule, max_pages=3, min_characters=0) for rule in texlive.RULES))
    root = tmp_path / "doc/texlive-doc/latex"
    _write_pdf(root / "acmart/samples/one.pdf", 4)
    _write_pdf(root / "acmart/acmart.pdf", 2)
    _write_pdf(root / "spie/spie.pdf", 2)
    return tmp_path / "doc"


def test_interleave_takes_one_item_of_each_iterator_in_turn() -> None:
    assert list(interleave([iter("abc"), iter(""), iter("d")])) == ["a", "d", "b", "c"]
    endless = interleave([count(), iter("x")])
    assert [next(endless) for _ in range(4)] == [0, "x", 1, 2]


def test_first_package_does_not_use_up_the_maximum(docs: Path, tmp_path: Path) -> None:
    """In the order of file names, packages late in the alphabet would have no page."""
    assert write_folder(docs, tmp_path / "out") == {"scientific_paper": 3}
    with (tmp_path / "out/manifest.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    packages = [row["file"].split("-")[1] for row in rows]
    assert packages == ["acmart", "spie", "acmart"]
    assert all((tmp_path / "out" / row["file"]).exists() for row in rows)


def test_manual_is_used_only_if_the_package_has_no_example(docs: Path, tmp_path: Path) -> None:
    write_folder(docs, tmp_path / "out")
    names = sorted(file.name for file in (tmp_path / "out/scientific_paper").iterdir())
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "texlive-acmart-one",
        "texlive-acmart-one",
        "texlive-spie-spie",
    ]


def test_page_with_too_little_text_is_left_out(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of the fixture are pictures without any text layer."""
    monkeypatch.setattr(texlive, "RULES", tuple(replace(rule, min_characters=10) for rule in texlive.RULES))
    assert not write_folder(docs, tmp_path / "out")


def test_invalid_pdf_is_skipped(docs: Path, tmp_path: Path) -> None:
    broken = docs / "texlive-doc/latex/siam/sample.pdf"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"%PDF-1.7 and then nothing")
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(broken)
    assert write_folder(docs, tmp_path / "out") == {"scientific_paper": 3}

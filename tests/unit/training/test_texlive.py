"""What is gathered from TeX Live's documentation: every package has its turn, and manuals and empty pages stay out."""

import csv
from dataclasses import replace
from itertools import count
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest
from PIL import Image, ImageDraw

from training import texlive
from training.texlive import gather, in_turn

LINES = "a line of text that a paper may have, and another one"


def _printed(file: Path, pages: int) -> None:
    """Write a document whose pages are pictures of text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    sheets = []
    for _ in range(pages):
        sheet = Image.new("RGB", (620, 877), "white")
        pen = ImageDraw.Draw(sheet)
        for y in range(60, 800, 14):
            pen.text((60, y), LINES, fill="black")
        sheets.append(sheet)
    sheets[0].save(file, save_all=True, append_images=sheets[1:])


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages for papers, one with a manual beside its example, and rules that ask for no text."""
    monkeypatch.setattr(texlive, "RULES", tuple(replace(rule, most=3, text=0) for rule in texlive.RULES))
    root = tmp_path / "doc/texlive-doc/latex"
    _printed(root / "acmart/samples/one.pdf", 4)
    _printed(root / "acmart/acmart.pdf", 2)
    _printed(root / "spie/spie.pdf", 2)
    return tmp_path / "doc"


def test_streams_give_one_item_each_in_turn_until_all_have_ended() -> None:
    assert list(in_turn([iter("abc"), iter(""), iter("d")])) == ["a", "d", "b", "c"]
    endless = in_turn([count(), iter("x")])
    assert [next(endless) for _ in range(4)] == [0, "x", 1, 2]


def test_the_first_package_does_not_take_all_places(docs: Path, tmp_path: Path) -> None:
    """Files in the order of names would fill the places before half of the alphabet is reached."""
    assert gather(docs, tmp_path / "out") == {"scientific_paper": 3}
    rows = list(csv.DictReader((tmp_path / "out/manifest.csv").open(encoding="utf-8")))
    packages = [row["file"].split("-")[1] for row in rows]
    assert packages == ["acmart", "spie", "acmart"]
    assert all((tmp_path / "out" / row["file"]).exists() for row in rows)


def test_a_manual_is_taken_only_where_a_package_shows_nothing_else(docs: Path, tmp_path: Path) -> None:
    gather(docs, tmp_path / "out")
    names = sorted(file.name for file in (tmp_path / "out/scientific_paper").iterdir())
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "texlive-acmart-one",
        "texlive-acmart-one",
        "texlive-spie-spie",
    ]


def test_a_page_with_hardly_a_letter_is_left_out(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of the fixture are pictures: for who asks for letters, they hold none."""
    monkeypatch.setattr(texlive, "RULES", tuple(replace(rule, text=10) for rule in texlive.RULES))
    assert not gather(docs, tmp_path / "out")


def test_a_file_that_is_no_pdf_is_passed_over(docs: Path, tmp_path: Path) -> None:
    broken = docs / "texlive-doc/latex/siam/sample.pdf"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"%PDF-1.7 and then nothing")
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(broken)
    assert gather(docs, tmp_path / "out") == {"scientific_paper": 3}

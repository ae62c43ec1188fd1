"""Tests of the vector canvas: positions, alignment and reproducible PDF files."""

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.synthesis.vector_layouts.drawing import A4, VectorSheet, smooth_curves, text_width, wrap_text

WORDS = st.lists(st.text(st.characters(codec="latin-1", categories=("L", "N")), min_size=1, max_size=12), max_size=40)


def dark(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(image.convert("L")) < 128


@given(WORDS, st.floats(20, 400), st.floats(0, 15))
def test_wrap_text_keeps_every_word_and_the_line_width(words: list[str], width: float, indent: float) -> None:
    lines = wrap_text(" ".join(words), "Helvetica", 10, width, indent=indent)

    assert " ".join(lines).split() == words
    for number, line in enumerate(lines):
        limit = width - indent * (number == 0)
        assert " " not in line or text_width(line, "Helvetica", 10) <= limit + 1e-6


def test_box_covers_exactly_its_pixels_from_the_top_left() -> None:
    sheet = VectorSheet((100, 200))
    sheet.box(10, 20, 30, 40, fill="#000000")

    rows, columns = np.nonzero(dark(sheet.images(72)[0]))

    assert (rows.min(), rows.max() + 1) == (20, 60)
    assert (columns.min(), columns.max() + 1) == (10, 40)


@pytest.mark.parametrize(("align", "left", "right"), [("left", 50, 95), ("center", 27, 72), ("right", 5, 50)])
def test_text_position_follows_baseline_and_alignment(align: str, left: int, right: int) -> None:
    sheet = VectorSheet((100, 100))
    width = sheet.text(50, 60, "HHHHHH", "Helvetica-Bold", 10.5, align=align)

    rows, columns = np.nonzero(dark(sheet.images(144)[0]))

    assert width == pytest.approx(45.5, abs=0.1)
    assert rows.max() / 2 == pytest.approx(60, abs=1)
    assert columns.min() / 2 == pytest.approx(left, abs=1.5)
    assert columns.max() / 2 == pytest.approx(right, abs=1.5)


def test_justified_line_ends_at_the_right_edge() -> None:
    sheet = VectorSheet((200, 50))
    sheet.line_of_text(20, 30, 150, "The rain began to fall at H", "Times-Roman", 11)

    columns = np.nonzero(dark(sheet.images(144)[0]))[1]

    assert columns.max() / 2 == pytest.approx(170, abs=1.5)


def test_spacing_of_one_line_does_not_affect_the_next() -> None:
    widths = []
    for spacing in (0.0, 8.0):
        sheet = VectorSheet((400, 100))
        sheet.text(10, 20, "first", spacing=spacing, stretch=0.5, word_spacing=3)
        sheet.text(10, 80, "second line")
        below = dark(sheet.images(72)[0])[50:]
        widths.append(np.nonzero(below)[1].max())

    assert widths[0] == widths[1]


def test_pdf_contains_text_and_no_timestamp() -> None:
    def draw() -> bytes:
        sheet = VectorSheet(A4)
        sheet.describe("Report", "Somebody")
        sheet.text(50, 50, "Größe & Maß")
        sheet.new_page()
        sheet.text(50, 50, "page two")
        return sheet.pdf()

    document = pypdfium2.PdfDocument(draw())

    assert draw() == draw()
    assert [page.get_textpage().get_text_bounded().strip() for page in document] == ["Größe & Maß", "page two"]
    assert document.get_metadata_dict()["Title"] == "Report"


def test_cut_page_ends_at_the_cut() -> None:
    sheet = VectorSheet((100, 400))
    sheet.box(0, 140, 100, 10, fill="#000000")
    sheet.cut(150)

    image = sheet.images(72)[0]

    assert sheet.longest == 150
    assert image.size == (100, 150)
    assert dark(image)[-5:].all()


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=12))
def test_smooth_curve_passes_through_its_points(points: list[tuple[float, float]]) -> None:
    assert [curve[4:] for curve in smooth_curves(points)] == points[1:]

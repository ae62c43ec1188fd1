"""Protects: text files are recognised and drawn like printed text; other formats are never treated as text."""

from typing import Any

import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decoding import text_layout, text_pdf
from decoding.document import DecodedDocument
from decoding.errors import DocumentError, UnsupportedFormatError
from decoding.limits import Limits
from decoding.pdf import decode_pdf
from decoding.reader import decode_document, sniff
from decoding.text import MAX_TEXT_BYTES, read_text
from decoding.text_layout import cells, lay_out, line_width

LETTER = "Dear Sir or Madam,\n\nwe thank you for your order, 3 “boxes” at 20 € each.\n\nYours faithfully\n"


def ink(page: Image.Image) -> np.ndarray:
    """Return which pixels of a page are dark."""
    return np.asarray(page.convert("L")) < 128


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_read_in_every_common_encoding(encoding: str) -> None:
    assert read_text(LETTER.encode(encoding)) == LETTER


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_zeros_that_fill_the_last_record_are_not_part_of_a_text(encoding: str) -> None:
    assert read_text(LETTER.encode(encoding) + bytes(300)) == LETTER


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1).filter(lambda t: t[0].isascii()))
def test_any_text_in_utf8_is_read_unchanged_or_refused(text: str) -> None:
    data = ("a" + text).encode()

    assert sniff(data) != "TEXT" or read_text(data) == "a" + text


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01\x00 text",
        b"text with a \x00 in it",
        b"\x01\x00\x02\x00\x03\x00a\x00b\x00",
        bytes(40),
        b"%!PS-Adobe-3.0\n%%Pages: 1\n",
        b"%PDFdamaged",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><!-- drawn --><svg/>",
        b" \r\n\t ",
        "йцукен".encode("cp1251"),
        b"\xff\xfe\xd8",
    ],
)
def test_other_files_are_not_taken_for_text(data: bytes) -> None:
    assert read_text(data) is None
    with pytest.raises(UnsupportedFormatError):
        decode_document(data, min_side=100)


def test_a_character_that_the_size_limit_cuts_off_does_not_make_a_file_unreadable() -> None:
    text = read_text(b"x" * (MAX_TEXT_BYTES - 1) + "é and more".encode())

    assert text == "x" * (MAX_TEXT_BYTES - 1)


def test_a_letter_is_drawn_on_one_upright_page_from_the_top() -> None:
    document = decode_document(LETTER.encode(), min_side=336)

    [page] = document.pages
    rows = np.flatnonzero(ink(page).any(axis=1))
    assert not document.truncated
    assert page.width < page.height
    assert rows[0] < page.height / 10
    assert rows[-1] < page.height / 4


def test_the_same_text_in_two_encodings_is_drawn_alike() -> None:
    first, second = (decode_document(LETTER.encode(code), min_side=200).pages[0] for code in ("utf-8", "cp1252"))

    assert first.tobytes() == second.tobytes()


def test_further_pages_are_reported() -> None:
    text = "\n".join(f"line {number}" for number in range(500)).encode()

    document = decode_document(text, min_side=100, limits=Limits(max_pages=2))

    assert len(document.pages) == 2
    assert document.truncated


def test_a_form_feed_starts_a_page() -> None:
    assert lay_out("first\n\fsecond\n", 8).pages == [["first"], ["second"]]


def test_long_lines_are_wrapped_at_spaces_and_long_words_are_broken() -> None:
    [page] = lay_out("word " * 60 + "x" * 200, 8).pages

    assert all(line_width(line) <= 82 for line in page)
    assert "".join(page).replace(" ", "") == "word" * 60 + "x" * 200
    assert page[0].endswith("word")


WIDTHS = st.sampled_from(["a", " ", "é", "\u0301", "中"])  # of one, two and no cells


@given(st.text(WIDTHS, min_size=140, max_size=600))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str) -> None:
    lines = [line for page in lay_out(text, 100).pages for line in page]

    assert all(line_width(line) <= 82 for line in lines) or line_width(text) <= 132
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_the_characters_of_a_very_long_line_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some programs write a text as one line, whose width must not be computed again for each line that is drawn."""
    looked_at = 0

    def counted(character: str) -> int:
        nonlocal looked_at
        looked_at += 1
        return cells(character)

    monkeypatch.setattr(text_layout, "cells", counted)
    text = "Grüße " * 3000
    assert len(lay_out(text, 100).pages) > 3
    assert looked_at < 4 * len(text)


def test_lines_of_a_line_printer_are_set_smaller_instead_of_wrapped() -> None:
    layout = lay_out("\n".join(["=" * 132] * 3), 8)

    assert layout.pages == [["=" * 132] * 3]
    assert layout.font_size < 7


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_separated_values_become_aligned_columns(delimiter: str) -> None:
    rows = [["date", "item", "amount"], ["2026-01-01", '"a quoted, long; item"', "1.50"], ["2026-01-02", "b", "20.00"]]

    [page] = lay_out("\n".join(map(delimiter.join, rows)), 8).pages

    assert page == [
        "date        item                  amount",
        "2026-01-01  a quoted, long; item  1.50",
        "2026-01-02  b                     20.00",
    ]


def test_a_wide_table_lies_on_its_side() -> None:
    layout = lay_out("\n".join([",".join(f"column {n}" for n in range(20))] * 3), 8)

    assert layout.landscape
    assert decode_document(b"\n".join([b",".join([b"a cell"] * 30)] * 3), min_side=100).pages[0].width > 100


def test_prose_with_commas_is_not_a_table() -> None:
    [page] = lay_out("Dear Ann,\nthank you for the bread, butter, and jam.\nBob", 8).pages

    assert page == ["Dear Ann,", "thank you for the bread, butter, and jam.", "Bob"]


def test_characters_that_steer_a_terminal_or_the_direction_are_not_drawn() -> None:
    assert lay_out("a\x1b[31mb\u202ec", 8).pages == [["a[31mbc"]]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 3))
def test_the_layout_of_any_text_keeps_its_limits(text: str, max_pages: int) -> None:
    layout = lay_out(text, max_pages)

    assert 1 <= len(layout.pages) <= max_pages
    assert all(line.isprintable() for page in layout.pages for line in page)


@given(st.binary(max_size=300))
def test_any_content_is_drawn_or_rejected(data: bytes) -> None:
    try:
        document = decode_document(data, min_side=20, limits=Limits(max_pages=1))
    except DocumentError:
        return
    assert document.pages


def test_a_text_ends_where_the_time_for_further_pages_does_and_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(front_pages=2, further_seconds=0.0)
    drawn: list[int] = []

    def count_and_decode(data: bytes, **options: Any) -> DecodedDocument:
        drawn.append(len(pypdfium2.PdfDocument(data)))
        return decode_pdf(data, **options)

    monkeypatch.setattr(text_pdf, "decode_pdf", count_and_decode)
    document = decode_document(b"page\f" * 5, min_side=50, limits=limits)

    assert (len(document.pages), document.truncated) == (2, True)
    assert drawn == [2], "drawing a page takes longer than rendering it"

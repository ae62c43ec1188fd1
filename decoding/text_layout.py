"""Layout of plain text on pages, in a grid of cells as on a typewriter.

Rows of comma-separated values become aligned columns. Other text keeps its lines; longer ones are wrapped at spaces.
"""

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

PAGE_WIDTH: Final = 595
"""Width of an A4 page in points; its height on its side."""
PAGE_HEIGHT: Final = 842
"""Height of an A4 page in points; its width on its side."""
MARGIN: Final = 50
"""Blank margin on each side in points."""

CELL_WIDTH: Final = 0.6
"""Width of a cell in font sizes: that of Courier."""
LINE_HEIGHT: Final = 1.2
"""Height of a line in font sizes."""

_FONT_SIZE: Final = 10.0
_MIN_FONT_SIZE: Final = 4.0
# Lines of this length are those of a line printer, and are set smaller instead of being wrapped.
_MAX_COLUMNS: Final = 132
_TAB: Final = 8

_DELIMITERS: Final = ",;\t|"
_MAX_CELL: Final = 40
_COLUMN_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class TextLayout:
    """Text on pages.

    Attributes:
        pages: The lines of each page.
        font_size: In points.
        landscape: Whether the pages lie on their side.
        truncated: Whether there are further pages.
    """

    pages: list[list[str]]
    font_size: float
    landscape: bool
    truncated: bool


def lay_out(text: str, max_pages: int) -> TextLayout:
    """Lay out text on at most `max_pages` pages."""
    rows = _table_rows(text)
    if rows:
        return _paginate([_aligned(rows)], max_pages, wrap=False)
    return _paginate((_clean_lines(section) for section in text.split("\f")), max_pages, wrap=True)


def cells(character: str) -> int:
    """Return how many cells of the grid a character occupies: 2 for wide ones of East Asia, 0 for combining ones."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def line_width(line: str) -> int:
    """Return the width of a line in cells."""
    return len(line) if line.isascii() else sum(map(cells, line))


def _paginate(sections: "Iterator[list[str]] | list[list[str]]", max_pages: int, *, wrap: bool) -> TextLayout:
    """Distribute sections, each of which starts a page, over pages."""
    sections = [section for section in sections if any(section)] or [[""]]
    longest = max(line_width(line) for section in sections for line in section)
    upright = _columns(PAGE_WIDTH, _FONT_SIZE)
    landscape = not wrap and longest > upright
    width, height = (PAGE_HEIGHT, PAGE_WIDTH) if landscape else (PAGE_WIDTH, PAGE_HEIGHT)
    standard = _columns(width, _FONT_SIZE)
    columns = max(standard, longest) if not wrap or longest <= _MAX_COLUMNS else standard
    font_size = max(_FONT_SIZE * standard / columns, _MIN_FONT_SIZE)
    columns = _columns(width, font_size)
    per_page = int((height - 2 * MARGIN) / (font_size * LINE_HEIGHT))
    pages: list[list[str]] = []
    for section in sections:
        lines = _wrapped(section, columns) if wrap else (_clipped(line, columns) for line in section)
        while page := list(islice(lines, per_page)):
            if len(pages) == max_pages:
                return TextLayout(pages, font_size, landscape, truncated=True)
            pages.append(page)
    return TextLayout(pages, font_size, landscape, truncated=False)


def _columns(width: int, font_size: float) -> int:
    return int((width - 2 * MARGIN) / (font_size * CELL_WIDTH) + 1e-9)


def _clean_lines(text: str) -> list[str]:
    """Return the lines without control characters, trailing spaces and blank lines at the end."""
    lines = [_visible(line.expandtabs(_TAB)).rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _visible(line: str) -> str:
    return line if line.isprintable() else "".join(char for char in line if char.isprintable() or char == " ")


def _wrapped(lines: Sequence[str], columns: int) -> Iterator[str]:
    """Yield the lines, with breaks in those that are too long: after the last space that fits, else within a word.

    Takes time in proportion to the length of the text, also if all of it is one line.
    """
    for line in lines:
        start = 0
        while (end := _end_of_fit(line, columns, start)) < len(line):
            end = line.rfind(" ", start + 1, end + 1) + 1 or max(end, start + 1)
            yield line[start:end].rstrip()
            start = end
            while line[start : start + 1].isspace():
                start += 1
        yield line[start:]


def _clipped(line: str, columns: int) -> str:
    return line[: _end_of_fit(line, columns)]


def _end_of_fit(line: str, columns: int, start: int = 0) -> int:
    """Return the position after the last character that fits, if the line begins at a position."""
    if line.isascii():
        return min(start + columns, len(line))
    width = 0
    for index in range(start, len(line)):
        width += cells(line[index])
        if width > columns:
            return index
    return len(line)


def _table_rows(text: str) -> list[list[str]]:
    """Return the rows of comma-separated values, or an empty list if the text has no such table.

    A table has at least two rows, and all rows have the same number of cells, which is at least two.
    """
    lines = text.strip("\r\n").splitlines()
    if len(lines) < 2 or "\f" in text:
        return []
    for delimiter in _DELIMITERS:
        if delimiter not in lines[0]:
            continue
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
        except csv.Error:
            continue
        # The last row may be cut off.
        if len({len(row) for row in rows[:-1]}) == 1 and len(rows) > 1 and 2 <= len(rows[0]) >= len(rows[-1]):
            return rows
    return []


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines with aligned columns."""
    table = [[_clipped(_visible(cell.strip()), _MAX_CELL) for cell in row] for row in rows]
    widths = [max(line_width(row[i]) for row in table if i < len(row)) for i in range(max(map(len, table)))]
    gap = " " * _COLUMN_GAP
    return [
        gap.join(cell + " " * (width - line_width(cell)) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in table
    ]

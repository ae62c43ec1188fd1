"""Slides, designed or typeset, with deck_themes, deck_bodies, deck_blocks and deck_scenes."""

from collections.abc import Callable

import numpy as np

from training.synthesis.raster_layouts.deck_bodies import fill_slide
from training.synthesis.raster_layouts.deck_sparse import (
    divider_slide,
    half_photograph_slide,
    photograph_slide,
    screenshot_slide,
    sparse_slide,
)
from training.synthesis.raster_layouts.deck_themes import draw_heading, draw_theme, random_talk
from training.synthesis.raster_layouts.fonts import Face, choose_face
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color, RasterSheet, wrap_words
from training.synthesis.raster_layouts.words import RasterWords
from training.synthesis.raster_layouts.writer import Writer, weighted_choice


def themed_slide(writer: Writer) -> None:
    """Draw a slide as Beamer does: the theme's decorations, a title, and lists, blocks, code or tables."""
    area = draw_theme(writer, random_talk(writer.words))
    fill_slide(writer, draw_heading(writer, area, writer.words.phrase(1, 5)))


LAYOUTS: dict[Callable[[Writer], None], float] = {
    themed_slide: 0.42,
    sparse_slide: 0.24,
    divider_slide: 0.06,
    photograph_slide: 0.12,
    half_photograph_slide: 0.07,
    screenshot_slide: 0.09,
}
"""The newer layouts and their shares."""


def draw_raster_slide(rng: np.random.Generator) -> RasterSheet:
    """Draw a slide: 16:9 or 4:3, light or dark, themed or plain, full, sparse or on a photograph."""
    if rng.random() < 0.45:
        return _common_slide(rng)
    words = RasterWords(rng)
    dark = rng.random() < 0.15
    sheet = RasterSheet(*_size(rng), rng, slide_background(rng, dark=dark))
    face = choose_face(str(rng.choice(["sans", "sans", "sans", "serif"])), rng)
    size = sheet.height * float(rng.uniform(0.033, 0.052))
    if dark:
        writer = Writer(sheet, words, face, size, sheet.color(130, 255), WHITE)
    else:
        writer = Writer(sheet, words, face, size, sheet.color(0, 170), (int(rng.integers(0, 70)),) * 3)
    weighted_choice(LAYOUTS, rng)(writer)
    return sheet


def _size(rng: np.random.Generator) -> tuple[int, int]:
    """Return the size of a slide: 16:9, 4:3 or 16:10."""
    return ((800, 450), (800, 600), (800, 500))[rng.choice(3, p=[0.5, 0.4, 0.1])]


def _common_slide(rng: np.random.Generator) -> RasterSheet:
    """Draw bullets, columns, charts, pictures, a quotation or only a title."""
    words = RasterWords(rng)
    width, height = _size(rng)
    dark = rng.random() < 0.28
    paper = slide_background(rng, dark=dark)
    sheet = RasterSheet(width, height, rng, paper)
    face = choose_face(str(rng.choice(["sans", "sans", "sans", "serif"])), rng)
    ink = WHITE if dark else (int(rng.integers(0, 70)),) * 3
    accent = sheet.color(120, 255) if dark else sheet.color(0, 170)
    if rng.random() < 0.08:
        sheet.picture(0, 0, width, height)
    kind = rng.random()
    if kind < 0.14:
        _title_slide(sheet, words, face, ink, accent)
        return sheet
    y = _slide_title(sheet, words, face, ink, accent)
    left, right, bottom = width * 0.07, width * 0.93, height * 0.9
    if kind < 0.5:
        _bullets(sheet, words, face, ink, accent, left, y, right - left, bottom)
    elif kind < 0.72:
        middle = width / 2
        flip = rng.random() < 0.5
        text, art = (left, middle + 10) if not flip else (middle + 10, left)
        _bullets(sheet, words, face, ink, accent, text, y, middle - left - 20, bottom)
        _illustration(sheet, face, ink, art, y, middle - left - 20, bottom - y)
    elif kind < 0.87:
        _illustration(sheet, face, ink, left + 25, y, right - left - 25, bottom - y)
    elif kind < 0.94:
        rows = [[words.phrase(1, 2) for _ in range(4)] for _ in range(rng.integers(3, 8))]
        sheet.table(left, y, [(right - left) / 4] * 4, rows, face.at(height * 0.035), fill=ink, line=accent, pad=6)
    else:
        sheet.paragraph(
            left + 40, y + 40, right - left - 80, f"“{words.sentence(16)}”", face.at(height * 0.06, "italic"), fill=ink
        )
    _footer(sheet, words, face, ink, accent)
    return sheet


def slide_background(rng: np.random.Generator, *, dark: bool) -> Color:
    """Return a slide's background colour."""
    if dark:
        return int(rng.integers(0, 60)), int(rng.integers(0, 70)), int(rng.integers(10, 110))
    if rng.random() < 0.65:
        return WHITE
    return int(rng.integers(225, 256)), int(rng.integers(225, 256)), int(rng.integers(215, 256))


def _title_slide(sheet: RasterSheet, words: RasterWords, face: Face, ink: Color, accent: Color) -> None:
    rng, width, height = sheet.rng, sheet.width, sheet.height
    if rng.random() < 0.5:
        top = height * float(rng.choice([0, 0.3, 0.6]))
        sheet.box(0, top, width, height * 0.35, fill=accent)
    x, anchor = (width / 2, "ma") if rng.random() < 0.6 else (width * 0.08, "la")
    y, title = height * float(rng.uniform(0.2, 0.4)), face.at(height * float(rng.uniform(0.07, 0.12)), "bold")
    for line in wrap_words(words.phrase(3, 7), title, width * 0.85):
        y = sheet.text(x, y, " ".join(line), title, ink, anchor)
    y = sheet.text(x, y + height * 0.05, words.person(), face.at(height * 0.045), ink, anchor)
    sheet.text(x, y + 6, f"{words.firm()}, {words.date()}", face.at(height * 0.035), ink, anchor)


def _slide_title(sheet: RasterSheet, words: RasterWords, face: Face, ink: Color, accent: Color) -> float:
    rng, width, height = sheet.rng, sheet.width, sheet.height
    font = face.at(height * float(rng.uniform(0.055, 0.09)), str(rng.choice(["bold", "regular"])))
    y, style, title = height * 0.05, int(rng.integers(4)), words.phrase(2, 5)
    if style == 0:
        sheet.box(0, 0, width, height * 0.15, fill=accent)
        sheet.text(width * 0.05, height * 0.04, title, font, WHITE if sum(accent) < 450 else BLACK)
        return height * 0.21
    if style == 1:
        sheet.text(width / 2, y, title, font, ink, "ma")
    else:
        sheet.text(width * 0.06, y, title, font, accent if style == 2 else ink)
        if rng.random() < 0.5:
            sheet.rule(width * 0.06, y + font.size * 1.3, width * 0.94, y + font.size * 1.3, accent, 2)
    return y + font.size * 1.3 + height * 0.05


def _bullets(
    sheet: RasterSheet,
    words: RasterWords,
    face: Face,
    ink: Color,
    accent: Color,
    x: float,
    y: float,
    width: float,
    bottom: float,
) -> None:
    rng = sheet.rng
    size = sheet.height * float(rng.uniform(0.034, 0.06))
    mark = words.one_of("•", "-", "■", "1.", "»")
    for _ in range(rng.integers(2, 8)):
        if y > bottom - size * 2:
            return
        sheet.text(x, y, mark, face.at(size), accent)
        y = sheet.paragraph(
            x + size * 1.2, y, width - size * 1.2, words.phrase(3, 14), face.at(size), fill=ink, bottom=bottom
        )
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            y = sheet.paragraph(
                x + size * 2.4,
                y,
                width - size * 2.4,
                f"- {words.phrase(2, 8)}",
                face.at(size * 0.82),
                fill=ink,
                bottom=bottom,
            )
        y += size * float(rng.uniform(0.2, 0.8))


def _illustration(sheet: RasterSheet, face: Face, ink: Color, x: float, y: float, w: float, h: float) -> None:
    if sheet.rng.random() < 0.6:
        sheet.chart(x + 15, y + 5, w - 30, h - 25, face.at(sheet.height * 0.028), ink)
    else:
        sheet.picture(x, y, w, h - 10)


def _footer(sheet: RasterSheet, words: RasterWords, face: Face, ink: Color, accent: Color) -> None:
    rng, width, height = sheet.rng, sheet.width, sheet.height
    font = face.at(height * 0.026)
    if rng.random() < 0.5:
        sheet.text(width * 0.97, height * 0.95, str(rng.integers(2, 60)), font, ink, "ra")
    if rng.random() < 0.4:
        sheet.text(width * 0.03, height * 0.95, f"{words.person()}  |  {words.phrase(2, 5)}", font, ink)
    if rng.random() < 0.25:
        sheet.logo(width * 0.9, height * 0.04, height * 0.07, accent)

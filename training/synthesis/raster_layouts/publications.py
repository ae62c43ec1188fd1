"""Printed books and scientific papers."""

import numpy as np
from PIL import Image

from training.synthesis.raster_layouts.fonts import Face, choose_face
from training.synthesis.raster_layouts.paper_pages import draw_other_paper_page
from training.synthesis.raster_layouts.prose import paper_color
from training.synthesis.raster_layouts.sheet import BLACK, RasterSheet, portrait_size, wrap_words
from training.synthesis.raster_layouts.words import RasterWords


def draw_raster_book_page(rng: np.random.Generator) -> RasterSheet:
    """Draw a page of a printed book: prose, verse, dialogue, a chapter opening or notes; single or a spread."""
    width = int(rng.uniform(430, 600))
    height = int(width * rng.uniform(1.3, 1.75))
    if rng.random() < 0.15:
        left, right = _leaf(rng, width, height), _leaf(rng, width, height)
        sheet = RasterSheet(2 * width, height, rng)
        sheet.image.paste(left.image, (0, 0))
        sheet.image.paste(right.image, (width, 0))
        gutter = np.asarray(sheet.image).astype(np.float32)
        distance = np.abs(np.arange(2 * width) - width) / (width * 0.08)
        gutter *= (0.5 + 0.5 * np.clip(distance, 0, 1))[None, :, None]
        sheet.image = Image.fromarray(gutter.astype(np.uint8))
        return sheet
    return _leaf(rng, width, height)


def _leaf(rng: np.random.Generator, width: int, height: int) -> RasterSheet:
    words = RasterWords(rng)
    sheet = RasterSheet(width, height, rng, paper_color(rng, 0.6))
    face, size = choose_face("book", rng), float(rng.uniform(9, 16))
    ink = (int(rng.integers(0, 70)),) * 3
    inner, outer = width * float(rng.uniform(0.06, 0.18)), width * float(rng.uniform(0.06, 0.18))
    text_width = width - inner - outer
    y, end = height * float(rng.uniform(0.05, 0.1)), height * float(rng.uniform(0.88, 0.95))
    folio = str(rng.integers(2, 600))
    if rng.random() < 0.7:
        sheet.text(inner + text_width / 2, y, words.phrase(2, 4).upper(), face.at(size * 0.85), ink, "ma")
        sheet.text(inner if rng.random() < 0.5 else width - outer, y, folio, face.at(size * 0.9), ink, "ma")
        y += size * 2
    else:
        sheet.text(width / 2, end + size * 0.8, folio, face.at(size * 0.9), ink, "ma")
    leading = float(rng.uniform(1.05, 1.45))
    if rng.random() < 0.25:
        y += height * float(rng.uniform(0.03, 0.2))
        y = sheet.text(
            width / 2,
            y,
            words.one_of("CHAPTER ", "CHAPITRE ", "KAPITEL ", "") + words.one_of("I", "IV", "XII", "7"),
            face.at(size * 1.6),
            ink,
            "ma",
        )
        y = sheet.text(width / 2, y + 6, words.phrase(2, 5), face.at(size * 1.1, "italic"), ink, "ma") + size * 2
    if rng.random() < 0.1:
        picture_height = height * float(rng.uniform(0.2, 0.4))
        sheet.picture(inner + text_width * 0.1, y, text_width * 0.8, picture_height)
        y = (
            sheet.text(width / 2, y + picture_height + 4, words.phrase(3, 7), face.at(size * 0.85, "italic"), ink, "ma")
            + size
        )
    kind = str(rng.choice(["prose", "prose", "prose", "verse", "dialogue"]))
    stop = end - (size * 7 if rng.random() < 0.2 else 0)
    while y < stop - size * 1.5:
        if kind == "verse":
            for _ in range(rng.integers(4, 9)):
                if y < stop - size:
                    y = (
                        sheet.text(
                            inner + text_width * 0.15 + float(rng.choice([0, 0, 15])),
                            y,
                            words.phrase(4, 7),
                            face.at(size),
                            ink,
                        )
                        * 1.0
                    )
                    y += size * (leading - 1)
            y += size
        elif kind == "dialogue":
            y = sheet.text(inner + text_width / 2, y, words.fake.first_name().upper(), face.at(size * 0.9), ink, "ma")
            y = sheet.paragraph(
                inner,
                y,
                text_width,
                words.paragraph(30),
                face.at(size),
                fill=ink,
                leading=leading,
                justify=True,
                indent=15,
                bottom=stop,
            )
        else:
            y = sheet.paragraph(
                inner,
                y,
                text_width,
                words.paragraph(int(rng.integers(30, 220))),
                face.at(size),
                fill=ink,
                leading=leading,
                justify=True,
                indent=size * 1.5,
                bottom=stop,
            )
    if stop < end:
        sheet.rule(inner, stop + 2, inner + text_width * 0.3, stop + 2, ink)
        sheet.paragraph(
            inner, stop + 6, text_width, words.paragraph(60), face.at(size * 0.75), fill=ink, justify=True, bottom=end
        )
    return sheet


def draw_raster_paper(rng: np.random.Generator) -> RasterSheet:
    """Draw a page of a paper: one or two columns, a first page or a later one with figures and formulas.

    A third of them are other pages: sources, contents, references, tables.
    """
    if rng.random() < 0.35:
        return draw_other_paper_page(rng)
    words = RasterWords(rng, str(rng.choice(["en_US", "en_US", "en_GB", "fr_FR", "de_DE"])))
    sheet = RasterSheet(*portrait_size(rng), rng)
    face = choose_face("serif" if rng.random() < 0.8 else "sans", rng)
    size = float(rng.uniform(7.2, 10.5))
    margin = float(rng.uniform(38, 85))
    columns = 2 if rng.random() < 0.55 else 1
    part_width = columns == 1 and rng.random() < 0.45
    left = margin + (float(rng.uniform(50, 140)) if part_width else 0.0)
    y = margin
    first = rng.random() < 0.45
    if part_width:
        _margin_notes(sheet, words, face, size, margin, left, first=first)
    if first:
        y = _title_block(sheet, words, face, size, margin, left)
    elif rng.random() < 0.6:
        sheet.text(margin, margin * 0.55, words.phrase(3, 7), face.at(size * 0.85, "italic"))
        sheet.text(sheet.width - margin, margin * 0.55, str(rng.integers(2, 40)), face.at(size * 0.85), BLACK, "ra")
    gap = 18.0
    width = (sheet.width - margin - left - gap * (columns - 1)) / columns
    end = sheet.height - margin
    references = rng.random() < 0.15
    if rng.random() < 0.15:
        end = y + (end - y) * float(rng.uniform(0.25, 0.9))  # last page
    for column in range(columns):
        _column(sheet, words, face, size, left + column * (width + gap), y, width, end, references=references)
    if rng.random() < 0.5:
        sheet.text(sheet.width / 2, sheet.height - margin * 0.6, str(rng.integers(1, 40)), face.at(size), BLACK, "ma")
    return sheet


def _margin_notes(
    sheet: RasterSheet, words: RasterWords, face: Face, size: float, margin: float, left: float, *, first: bool
) -> None:
    """Draw a journal's margin: a logo and, on the first page, dates, editors and the licence."""
    rng, width, small = sheet.rng, left - margin * 0.6 - 12, face.at(size * 0.75)
    x, y = margin * 0.6, margin * 0.6
    if rng.random() < 0.6:
        sheet.text(x, y, words.phrase(1, 1)[:5].upper(), face.at(size * 2.6, "bold"))
        y = sheet.text(x, y + size * 3, words.phrase(2, 4), small)
    if not first:
        return
    y += float(rng.uniform(60, 220))
    for _ in range(int(rng.integers(2, 6))):
        y = sheet.text(x, y, words.phrase(1, 2), face.at(size * 0.8, "bold"))
        y = sheet.paragraph(x, y, width, words.one_of(words.date(), words.person(), words.paragraph(14)), small) + 6


def _title_block(sheet: RasterSheet, words: RasterWords, face: Face, size: float, margin: float, left: float) -> float:
    rng, width = sheet.rng, sheet.width - margin - left
    y = margin * float(rng.uniform(0.6, 1.2))
    if rng.random() < 0.3:
        sheet.text(left, y, words.phrase(3, 6), face.at(size * 0.9, "italic"))
        y = (
            sheet.text(
                sheet.width - margin, y, f"doi:10.{words.number(4)}/{words.number(6)}", face.at(size * 0.8), BLACK, "ra"
            )
            + 6
        )
        sheet.rule(left, y, left + width, y)
        y += 10
    title = face.at(size * float(rng.uniform(1.6, 2.2)), str(rng.choice(["bold", "regular"])))
    centred = rng.random() < 0.75
    x, anchor = (left + width / 2, "ma") if centred else (left, "la")
    for line in wrap_words(words.phrase(6, 16), title, width):
        y = sheet.text(x, y, " ".join(line), title, BLACK, anchor)
    y = sheet.text(
        x, y + 8, ", ".join(words.person() for _ in range(rng.integers(1, 5))), face.at(size * 1.1), BLACK, anchor
    )
    for _ in range(rng.integers(1, 3)):
        y = sheet.text(x, y + 1, f"{words.firm()}, {words.fake.city()}", face.at(size * 0.9, "italic"), BLACK, anchor)
    inset = float(rng.uniform(0, 50))
    y = sheet.text(x, y + 12, words.one_of("Abstract", "ABSTRACT", "Summary"), face.at(size, "bold"), BLACK, anchor) + 2
    return (
        sheet.paragraph(
            left + inset,
            y,
            width - 2 * inset,
            words.paragraph(int(rng.integers(60, 160))),
            face.at(size * 0.95),
            justify=True,
        )
        + 14
    )


def _column(
    sheet: RasterSheet,
    words: RasterWords,
    face: Face,
    size: float,
    x: float,
    y: float,
    width: float,
    end: float,
    *,
    references: bool,
) -> None:
    rng, section = sheet.rng, int(sheet.rng.integers(1, 6))
    while y < end - size * 2:
        draw = rng.random()
        if references:
            where = f"{words.phrase(2, 4)} {words.number(2)}, {rng.integers(1960, 2026)}"
            text = f"[{section}] {words.person()}, {words.person()}. {words.phrase(6, 12)}. {where}."
            y = sheet.paragraph(x, y, width, text, face.at(size), bottom=end) + 3
            section += 1
        elif draw < 0.14:
            y = (
                sheet.text(
                    x,
                    y + size * 0.6,
                    f"{section}{words.one_of('', '.1', '.2')} {words.phrase(1, 5)}",
                    face.at(size * 1.15, "bold"),
                )
                + 2
            )
            section += 1
        elif draw < 0.3 and end - y > 130:
            height = float(rng.uniform(70, min(170, end - y - 50)))
            if rng.random() < 0.75:
                sheet.chart(x + width * 0.12, y + 8, width * 0.8, height, face.at(size * 0.7))
            else:
                sheet.picture(x + width * 0.08, y + 8, width * 0.84, height)
            y = (
                sheet.paragraph(
                    x,
                    y + height + 18,
                    width,
                    f"Figure {section}: {words.sentence(14)}",
                    face.at(size * 0.9),
                    bottom=end,
                )
                + 6
            )
        elif draw < 0.38 and end - y > 110:
            rows = [[words.phrase(1, 1), *(words.amount(0.1, 99) for _ in range(3))] for _ in range(rng.integers(3, 8))]
            sheet.rule(x, y + 4, x + width, y + 4)
            y = sheet.table(
                x, y + 6, [width * 0.4, *[width * 0.2] * 3], rows, face.at(size * 0.9), pad=1, right=(1, 2, 3)
            )
            sheet.rule(x, y + 2, x + width, y + 2)
            y = sheet.text(x, y + 5, f"Table {section}: {words.phrase(3, 6)}", face.at(size * 0.9)) + 6
        elif draw < 0.48:
            formula = words.one_of(
                "f(x) = ∑ aᵢ xⁱ + ε", "∂u/∂t = k ∇²u", "p(y|x) ∝ p(x|y) p(y)", "E = ½ m v² + V(r)", "min ‖Ax + b‖²"
            )
            sheet.text(x + width / 2, y + size * 0.6, formula, face.at(size * 1.1, "italic"), BLACK, "ma")
            y = sheet.text(x + width, y + size * 0.6, f"({section})", face.at(size), BLACK, "ra") + size * 0.8
        else:
            y = sheet.paragraph(
                x,
                y,
                width,
                words.paragraph(int(rng.integers(30, 130))),
                face.at(size),
                justify=True,
                indent=size * 1.3,
                leading=1.08,
                bottom=end,
            )

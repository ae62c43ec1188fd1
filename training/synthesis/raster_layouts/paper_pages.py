"""Pages of papers without running text: sources, contents, references, tables, and nearly empty last pages.

Models that knew only columns of prose as papers took these pages for CVs: headings on the left, short lines, much
white space.
"""

from collections.abc import Callable

import numpy as np

from training.synthesis.raster_layouts.fonts import choose_face
from training.synthesis.raster_layouts.sheet import BLACK, Color, RasterSheet, line_height, portrait_size
from training.synthesis.raster_layouts.words import RasterWords
from training.synthesis.raster_layouts.writer import Writer, typeset_face, weighted_choice

LINK_COLORS: tuple[Color, ...] = ((30, 120, 190), (0, 0, 160), (0, 110, 60), (170, 30, 30), BLACK)
SECTIONS = ("Introduction", "Summary", "Statement of need", "Methods", "Usage", "Examples", "Results", "Implementation",
            "Related work", "Acknowledgements", "Functionality", "Discussion", "Data", "Conclusion")  # fmt: skip


def draw_other_paper_page(rng: np.random.Generator) -> RasterSheet:
    """Draw one of these pages, in the layout of a journal, a preprint or a package vignette."""
    words = RasterWords(rng, str(rng.choice(["en_US", "en_US", "en_GB", "fr_FR", "de_DE"])))
    sheet = RasterSheet(*portrait_size(rng), rng)
    face = typeset_face(rng) if rng.random() < 0.75 else choose_face("sans", rng)
    accent = LINK_COLORS[rng.integers(len(LINK_COLORS))]
    writer = Writer(sheet, words, face, float(rng.uniform(7.2, 10.5)), accent)
    layout = weighted_choice(LAYOUTS, rng)
    margin = writer.between(45, 105)
    left = margin + (writer.between(40, 120) if writer.chance(0.35) else 0)
    top = _head(writer, margin, left)
    bottom = _foot(writer, margin, left)
    layout(writer, left, top, sheet.width - margin - left, bottom)
    return sheet


def _head(writer: Writer, margin: float, left: float) -> float:
    """Draw a journal's logo or a running title, or nothing; return the y at which text starts."""
    sheet, words, kind = writer.sheet, writer.words, writer.count(0, 4)
    y = margin * 0.5
    if kind == 0:
        size = writer.between(14, 34)
        sheet.logo(margin * 0.6, y, size, writer.accent)
        writer.write(margin * 0.6 + size + 6, y, words.phrase(1, 1)[:5].upper(), 2.6, "bold")
        writer.write(margin * 0.6, y + size + 3, words.phrase(3, 6), 0.7)
        return y + size + writer.between(25, 45)
    if kind == 1:
        writer.write(left, y, words.phrase(3, 8), 0.85, "italic")
        writer.write(sheet.width - margin, y, str(writer.count(2, 60)), 0.9, anchor="ra")
        if writer.chance(0.5):
            sheet.rule(left, y + writer.step, sheet.width - margin, y + writer.step)
    elif kind == 2:
        writer.write(sheet.width / 2, y, words.phrase(3, 7).upper(), 0.75, anchor="ma")
    return max(margin, y + writer.step * 2)


def _foot(writer: Writer, margin: float, left: float) -> float:
    """Draw a page number, or a citation below a rule; return the y at which text ends."""
    sheet, words, y = writer.sheet, writer.words, writer.sheet.height - margin * 0.7
    if writer.chance(0.35):
        sheet.rule(margin * 0.6, y - 4, sheet.width - margin * 0.6, y - 4)
        where = f"{words.phrase(3, 5)}, {words.number(2)}"
        cite = f"{words.person()} ({writer.count(1998, 2025)}). {words.phrase(5, 10)}. {where}."
        writer.prose(margin * 0.6, y, sheet.width - margin * 2, cite, 0.75, fill=writer.accent)
        writer.write(sheet.width - margin * 0.6, y, str(writer.count(1, 40)), 0.85, anchor="ra")
        return y - 14
    if writer.chance(0.8):
        writer.write((left + sheet.width - margin) / 2, y, str(writer.count(1, 60)), anchor="ma")
    return sheet.height - margin


def _heading(writer: Writer, x: float, y: float) -> float:
    """Write a section title, numbered or not; return the y below."""
    rng = writer.sheet.rng
    number = writer.words.one_of("", "", f"{writer.count(1, 7)}  ", f"{writer.count(1, 7)}.{writer.count(1, 5)}  ")
    title = SECTIONS[rng.integers(len(SECTIONS))] if writer.chance(0.5) else writer.words.phrase(1, 4)
    return writer.write(x, y + writer.size * 0.7, number + title, writer.between(1.1, 1.5), "bold") + writer.size * 0.4


def _prose(writer: Writer, x: float, y: float, width: float, bottom: float, words: tuple[int, int] = (15, 80)) -> float:
    text = writer.words.paragraph(writer.count(*words))
    return writer.prose(x, y, width, text, bottom=bottom, justify=writer.chance(0.8)) + writer.size * 0.5


def listings_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw a program or an interactive session between paragraphs: framed, tinted, numbered or plain."""
    mono = choose_face("mono", writer.sheet.rng).at(writer.size * writer.between(0.8, 1))
    tint, numbered = writer.sheet.color(228, 252), writer.chance(0.25)
    boxed, ink = writer.chance(0.45), writer.sheet.color(0, 110) if writer.chance(0.4) else BLACK
    while y < bottom - writer.step * 3:
        if writer.chance(0.3):
            y = _heading(writer, x, y)
        if writer.chance(0.65):
            y = _prose(writer, x, y, width, bottom, (10, 50))
        lines = source_lines(writer, writer.count(1, 16))
        step = line_height(mono) * 1.12
        lines = lines[: max(0, int((bottom - y - 8) / step))]
        if boxed:
            writer.sheet.box(x, y, width, len(lines) * step + 6, fill=tint, line=ink if writer.chance(0.2) else None)
        inset = 4 if boxed else int(writer.words.one_of("0", "12"))
        for number, line in enumerate(lines, start=1):
            if numbered:
                writer.write(x - 4, y + 3, str(number), 0.6, fill=(120, 120, 120), anchor="ra")
            writer.sheet.text(x + inset, y + 3, line, mono, ink)
            y += step
        y += writer.size * 1.2


def source_lines(writer: Writer, count: int) -> list[str]:
    """Return lines that resemble a program or its output."""
    words, prompt = writer.words, writer.words.one_of("", "", "> ", "$ ", ">>> ", "R> ")
    depth, lines = 0, []
    for _ in range(count):
        depth = max(0, min(3, depth + writer.count(-1, 1)))
        one, two, three = (words.phrase(1, 1).lower() for _ in range(3))
        text = words.one_of(
            f"{one} = {two}({three}, {writer.count(0, 99)})",
            f"for {one} in {two}:",
            f"# {words.phrase(2, 6)}",
            f"\\{one}{{{two}}}[{three}]",
            "  ".join(f"{writer.between(-9, 99):8.3f}" for _ in range(writer.count(2, 5))),
            f"{one}.{two}('{three}')",
        )
        lines.append(prompt + "  " * depth + text)
    return lines


def documented_source_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw documented source code: names in the margin, numbered lines of code and comments between them."""
    mono = choose_face("mono", writer.sheet.rng).at(writer.size * 0.9)
    x, width = x + writer.size * 6, width - writer.size * 6
    while y < bottom - writer.step * 3:
        if writer.chance(0.12):
            y = _heading(writer, x - writer.size * 3, y)
        writer.sheet.text(x - 8, y, f"\\{writer.words.phrase(1, 1).lower()}", mono, anchor="ra")
        y = _prose(writer, x, y, width, bottom, (5, 40))
        for line in source_lines(writer, writer.count(1, 9)):
            if y > bottom - writer.step:
                return
            writer.write(x - 2, y, str(writer.count(1, 400)), 0.55, anchor="ra")
            writer.sheet.text(x + 4, y, line, mono)
            y += line_height(mono) * 1.1
        y += writer.size * 0.6


def contents_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw a table of contents with dotted leaders to page numbers, with or without a title."""
    if writer.chance(0.5):
        middle = x + width / 2
        y = writer.write(middle, y, writer.words.phrase(2, 6), 1.9, anchor="ma")
        y = writer.write(middle, y + 6, writer.words.person(), 1.1, anchor="ma")
        y = writer.write(middle, y + 2, writer.words.date(), 1.1, anchor="ma") + writer.between(8, 30)
        if writer.chance(0.5):
            y = writer.write(middle, y, "Abstract", style="bold", anchor="ma")
            y = _prose(writer, x + 25, y, width - 50, bottom, (20, 70)) + 10
    y = writer.write(x, y, writer.words.one_of("Contents", "Table of contents", "Inhalt"), 1.4, "bold") + 6
    page, dotted = 1, writer.chance(0.7)
    for section in range(1, writer.count(4, 14)):
        for part in range(writer.count(0, 5) + 1):
            if y > bottom - writer.step:
                return
            inset = writer.size * (2 if part else 0)
            number = f"{section}.{part}" if part else str(section)
            style = "regular" if part else "bold"
            line = f"{number}  {writer.words.phrase(1, 5)}"
            writer.write(x + inset, y, line, style=style, fill=writer.accent)
            end = x + inset + writer.font(1, style).getlength(line) + 8
            while part and dotted and end < x + width - writer.size * 2.5:
                writer.sheet.text(end, y, ".", writer.font())
                end += writer.size * 0.7
            page += writer.count(0, 2)
            y = writer.write(x + width, y, str(page), style=style, anchor="ra") + (0 if part else 1)
        y += writer.size * writer.between(0, 0.6)


def references_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw the end of the last section, acknowledgements and references, often with half of the page empty."""
    words, hanging = writer.words, writer.chance(0.6)
    if writer.chance(0.4):
        bottom = y + (bottom - y) * writer.between(0.2, 0.8)
    for _ in range(writer.count(0, 2)):
        y = _prose(writer, x, y, width, bottom)
    if writer.chance(0.4):
        y = writer.write(x, y + 4, words.one_of("Acknowledgements", "Acknowledgments", "Funding"), 1.3, "bold") + 3
        y = _prose(writer, x, y, width, bottom, (15, 45))
    y = writer.write(x, y + 4, words.one_of("References", "REFERENCES", "Bibliography", "Literatur"), 1.3, "bold") + 4
    number = writer.count(1, 30)
    while y < bottom - writer.step * 2:
        names = ", ".join(words.person() for _ in range(writer.count(1, 4)))
        where = f"{words.phrase(2, 5)}, {words.number(2)}({words.number(1)}), {words.number(3)}"
        text = f"{names} ({writer.count(1960, 2025)}). {words.phrase(5, 14)}. {where}."
        inset = writer.size * (1.8 if hanging else 0)
        if hanging and writer.chance(0.5):
            writer.write(x, y, f"[{number}]")
            inset = writer.size * 2.4
        y = writer.prose(x + inset, y, width - inset, text, bottom=bottom)
        if writer.chance(0.5):
            link = f"https://doi.org/10.{words.number(4)}/{words.number(6)}"
            y = writer.prose(x + inset, y, width - inset, link, fill=writer.accent, bottom=bottom)
        number, y = number + 1, y + writer.size * 0.45


def tables_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw tables with few rules between headings and lines of prose."""
    while y < bottom - writer.step * 6:
        if writer.chance(0.3):
            y = _heading(writer, x, y)
        if writer.chance(0.5):
            y = _prose(writer, x, y, width, bottom, (8, 50))
        if y > bottom - writer.step * 6:
            return
        columns = writer.count(2, 7)
        wordy = columns < 4 and writer.chance(0.5)
        y = (
            writer.write(
                x + width / 2, y, f"Table {writer.count(1, 9)}: {writer.words.phrase(3, 8)}", 0.95, anchor="ma"
            )
            + 3
        )
        rows = [[writer.words.phrase(1, 2) for _ in range(columns)]]
        for _ in range(min(writer.count(3, 14), int((bottom - y) / writer.step) - 2)):
            cells = [writer.words.phrase(3, 7) if wordy else f"{writer.between(0, 99):.2f}" for _ in range(columns - 1)]
            rows.append([writer.words.phrase(1, 2), *cells])
        widths = [width / columns] * columns
        writer.sheet.rule(x, y, x + width, y, width=2)
        below = writer.sheet.table(x, y + 1, widths, rows[:1], writer.font(0.95, "bold"), pad=2)
        writer.sheet.rule(x, below, x + width, below)
        y = writer.sheet.table(x, below + 1, widths, rows[1:], writer.font(0.95), pad=1)
        writer.sheet.rule(x, y, x + width, y, width=2)
        y += writer.size * 1.5


def short_sections_page(writer: Writer, x: float, y: float, width: float, bottom: float) -> None:
    """Draw short sections with lists, definitions and formulas, or only the end of the last section."""
    if writer.chance(0.3):
        bottom = y + (bottom - y) * writer.between(0.15, 0.7)
    mark = writer.words.one_of("•", "-", "1.", "1.")
    while y < bottom - writer.step * 3:
        kind = writer.count(0, 6)
        if kind == 0:
            y = writer.items(x + 8, y, width - 8, writer.count(2, 6), mark=mark, bottom=bottom) + writer.size * 0.6
        elif kind == 1:
            name = f"{writer.words.one_of('Theorem', 'Definition', 'Lemma', 'Example', 'Remark')} {writer.count(1, 9)}."
            writer.write(x, y, name, style="bold")
            inset = writer.font(1, "bold").getlength(name + " ")
            y = writer.prose(x + inset, y, width - inset, writer.words.paragraph(25), style="italic", bottom=bottom) + 5
        elif kind == 2:
            formula = writer.words.one_of(
                "E[X] = ∫ x f(x) dx", "‖Ax + b‖² + λ‖x‖", "yᵢ = β₀ + β₁ xᵢ + εᵢ", "a² + b² = c²"
            )
            y = writer.write(x + width / 2, y + 4, formula, 1.15, "italic", anchor="ma") + 6
        else:
            if writer.chance(0.6):
                y = _heading(writer, x, y)
            y = _prose(writer, x, y, width, bottom)
            if writer.chance(0.3):
                y = writer.prose(x, y, width, writer.words.fake.sentence(8), fill=writer.accent, bottom=bottom)


LAYOUTS: dict[Callable[[Writer, float, float, float, float], None], float] = {
    listings_page: 0.22,
    documented_source_page: 0.1,
    contents_page: 0.14,
    references_page: 0.2,
    tables_page: 0.12,
    short_sections_page: 0.22,
}
"""The kinds of page and their shares."""

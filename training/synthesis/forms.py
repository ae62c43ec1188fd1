"""Forms: numbered fields, boxes, ticks and rules."""

from dataclasses import dataclass

import numpy as np

from training.synthesis.fonts import Face, choose_face
from training.synthesis.sheet import BLACK, WHITE, Sheet, portrait_size
from training.synthesis.words import Words


@dataclass(frozen=True)
class _Form:
    """The properties that the parts of one form share.

    Attributes:
        sheet: The page.
        words: Source of its texts.
        face: Typeface of what is printed.
        size: Size of the text.
        margin: Margin of the page.
        filled: Typeface of the answers; None if the form is empty.
    """

    sheet: Sheet
    words: Words
    face: Face
    size: float
    margin: float
    filled: Face | None


def draw_form(rng: np.random.Generator) -> Sheet:
    """Draw a form: numbered fields, boxes, ticks and rules; empty, typed in or handwritten.

    A third resemble tax forms: dense small print, long sentences before each amount.
    """
    words = Words(rng)
    sheet = Sheet(*portrait_size(rng), rng)
    face = choose_face(str(rng.choice(["sans", "sans", "serif", "typewriter"])), rng)
    dense = rng.random() < 0.35
    size = float(rng.uniform(6.5, 8.5) if dense else rng.uniform(7.5, 11))
    margin = float(rng.uniform(20, 40) if dense else rng.uniform(20, 60))
    parts = [_schedule, _schedule, _schedule, _grid, _ticks, _fine_print] if dense else list(PARTS)
    filled = (
        choose_face(str(rng.choice(["hand", "typewriter", "typewriter", "mono"])), rng) if rng.random() < 0.7 else None
    )
    form = _Form(sheet, words, face, size, margin, filled)
    y = _form_head(form)
    number = 1
    while y < sheet.height - margin - 60:
        part = parts[rng.integers(len(parts))]
        if rng.random() < 0.45:
            y = _band(form, y)
        y = part(form, y, number) + float(rng.uniform(3, 14))
        number += 1
        if rng.random() < (0.02 if dense else 0.04):
            break
    if rng.random() < 0.6:
        base = sheet.height - margin * 0.7 - 12
        sheet.rule(margin, base, sheet.width * 0.5, base)
        sheet.text(
            margin, base + 1, words.one_of("Signature", "Unterschrift", "Firma", "Sign here"), face.at(size * 0.85)
        )
        sheet.rule(sheet.width * 0.6, base, sheet.width - margin, base)
        sheet.text(sheet.width * 0.6, base + 1, words.one_of("Date", "Datum", "Fecha"), face.at(size * 0.85))
    return sheet


def _form_head(form: _Form) -> float:
    sheet, words, face, size, margin = form.sheet, form.words, form.face, form.size, form.margin
    rng, y = sheet.rng, margin * 0.7
    title = face.at(size * float(rng.uniform(1.3, 2.2)), "bold")
    name = words.phrase(2, 5)
    if rng.random() < 0.4:
        y = sheet.text(sheet.width / 2, y, name.upper() if rng.random() < 0.5 else name, title, BLACK, "ma")
    else:
        sheet.text(margin, y, f"{words.one_of('Form', 'No.', 'F-', 'Form')} {words.number(3)}", title)
        sheet.text(sheet.width - margin, y, words.number(6), face.at(size), BLACK, "ra")
        y = sheet.text(sheet.width / 2, y + 4, name, face.at(size * 1.3, "bold"), BLACK, "ma")
    if rng.random() < 0.6:
        y = sheet.paragraph(margin, y + 4, sheet.width - 2 * margin, words.paragraph(30), face.at(size * 0.85))
    sheet.rule(margin, y + 4, sheet.width - margin, y + 4, width=int(rng.integers(1, 3)))
    return y + 8


def _band(form: _Form, y: float) -> float:
    sheet, words, face, size, margin = form.sheet, form.words, form.face, form.size, form.margin
    dark = sheet.rng.random() < 0.4
    height = size * 1.6
    sheet.box(margin, y, sheet.width - 2 * margin, height, fill=(40, 40, 40) if dark else (215, 215, 215))
    sheet.text(margin + 4, y + size * 0.2, words.phrase(2, 5), face.at(size, "bold"), WHITE if dark else BLACK)
    return y + height + 3


def _write_answer(form: _Form, x: float, y: float, width: float) -> None:
    sheet, words, size, filled = form.sheet, form.words, form.size, form.filled
    if filled is None or sheet.rng.random() < 0.25:
        return
    ink = sheet.color(0, 90)
    what = words.one_of(words.person(), words.date(), words.number(5), words.phrase(1, 3), words.amount())
    font = filled.at(size * 1.15)
    if font.getlength(what) < width:
        sheet.text(x, y + float(sheet.rng.uniform(-1, 2)), what, font, ink)


def _grid(form: _Form, y: float, _number: int) -> float:
    sheet, words, face, size, margin = form.sheet, form.words, form.face, form.size, form.margin
    total_width = sheet.width - 2 * margin
    height = size * float(sheet.rng.uniform(2.3, 3.2))
    for _ in range(sheet.rng.integers(1, 5)):
        x = margin
        for width in sheet.rng.dirichlet(np.full(sheet.rng.integers(1, 5), 4.0)) * total_width:
            sheet.box(x, y, width, height, line=BLACK)
            sheet.text(x + 2, y + 1, words.phrase(1, 3)[: int(width / size * 1.6)], face.at(size * 0.75))
            _write_answer(form, x + 5, y + size * 0.95, width - 8)
            x += width
        y += height
    return y


def _lines(form: _Form, y: float, _number: int) -> float:
    sheet, words, face, size, margin = form.sheet, form.words, form.face, form.size, form.margin
    columns = int(sheet.rng.integers(1, 3))
    width = (sheet.width - 2 * margin) / columns
    for _ in range(sheet.rng.integers(2, 7)):
        for column in range(columns):
            x = margin + column * width
            label = f"{words.phrase(1, 2)}:"
            start = x + face.at(size).getlength(label) + 5
            sheet.text(x, y, label, face.at(size))
            sheet.rule(start, y + size * 1.15, x + width - 10, y + size * 1.15)
            _write_answer(form, start + 4, y - 1, x + width - 14 - start)
        y += size * 2
    return y


def _ticks(form: _Form, y: float, number: int) -> float:
    sheet, words, face, size, margin, filled = form.sheet, form.words, form.face, form.size, form.margin, form.filled
    sheet.text(margin, y, f"{number}. {words.phrase(3, 8)}", face.at(size, "bold"))
    y += size * 1.5
    columns = int(sheet.rng.integers(1, 5))
    width = (sheet.width - 2 * margin) / columns
    for _ in range(sheet.rng.integers(1, 4)):
        for column in range(columns):
            x = margin + 12 + column * width
            sheet.box(x, y, size * 0.9, size * 0.9, line=BLACK)
            if filled and sheet.rng.random() < 0.35:
                sheet.rule(x, y, x + size * 0.9, y + size * 0.9, width=2)
                sheet.rule(x, y + size * 0.9, x + size * 0.9, y, width=2)
            sheet.text(x + size * 1.4, y - 1, words.phrase(1, 3)[: int(width / size * 1.5)], face.at(size))
        y += size * 1.6
    return y


def _ledger(form: _Form, y: float, number: int) -> float:
    """Draw numbered lines with a column of amounts on the right, as on tax forms; return the y below."""
    sheet, words, face, size, margin, filled = form.sheet, form.words, form.face, form.size, form.margin, form.filled
    right = sheet.width - margin
    for line in range(int(sheet.rng.integers(3, 10))):
        mark = f"{number}{'abcdefghijkl'[line]}"
        sheet.text(margin, y + 2, mark, face.at(size, "bold"))
        text = words.phrase(3, 9)
        sheet.text(margin + 26, y + 2, text[: int((right - margin - 180) / size * 1.7)], face.at(size))
        sheet.box(right - 110, y, 22, size * 1.7, line=BLACK)
        sheet.text(right - 99, y + 2, mark, face.at(size * 0.9, "bold"), BLACK, "ma")
        sheet.box(right - 88, y, 88, size * 1.7, line=BLACK)
        if filled and sheet.rng.random() < 0.5:
            sheet.text(right - 5, y + 2, words.amount(10, 90000), filled.at(size), BLACK, "ra")
        y += size * 1.7
    return y


def _question(form: _Form, y: float, number: int) -> float:
    sheet, words, face, size, margin, filled = form.sheet, form.words, form.face, form.size, form.margin, form.filled
    width = sheet.width - 2 * margin
    y = sheet.paragraph(margin, y, width, f"{number}. {words.paragraph(25)}", face.at(size))
    height = float(sheet.rng.uniform(28, 80))
    sheet.box(margin, y + 2, width, height, line=BLACK)
    if filled and sheet.rng.random() < 0.7:
        sheet.paragraph(margin + 5, y + 5, width - 10, words.paragraph(25), filled.at(size * 1.1), bottom=y + height)
    return y + height + 4


def _schedule(form: _Form, y: float, number: int) -> float:
    """Draw numbered sentences with leaders and a column of amounts, some cells greyed out; return the y below."""
    sheet, words, face, size, margin, filled = form.sheet, form.words, form.face, form.size, form.margin, form.filled
    right, height = sheet.width - margin, size * 1.45
    cell, mark_room = float(sheet.rng.uniform(55, 95)), size * 2.4
    inner = bool(sheet.rng.random() < 0.4)
    for line in range(int(sheet.rng.integers(4, 13))):
        mark = f"{number}{'abcdefghijklm'[line]}" if sheet.rng.random() < 0.4 else f"{number + line}"
        edge = right - cell - mark_room
        stop = edge - (cell + mark_room if inner and sheet.rng.random() < 0.5 else 0) - 6
        sheet.text(margin, y, mark, face.at(size, "bold"))
        text = words.paragraph(int(sheet.rng.integers(6, 45)))
        left = margin + size * 2.4
        below = sheet.paragraph(left, y, stop - left, text, face.at(size), leading=1.1, bottom=y + 4 * height)
        last = below - height
        sheet.text(stop, last, " ." * int(sheet.rng.integers(0, 14)), face.at(size), BLACK, "ra")
        sheet.rule(edge, y, edge, below)
        sheet.rule(right - cell, y, right - cell, below)
        if below - y > height * 1.5:
            sheet.box(edge, y, mark_room, last - y, fill=(205, 205, 205))
        sheet.text(edge + mark_room / 2, last, mark, face.at(size, "bold"), BLACK, "ma")
        sheet.rule(edge, below, right, below)
        if stop < edge - cell:
            sheet.box(edge - cell - mark_room, last, cell + mark_room, height, line=BLACK)
            sheet.text(edge - cell - mark_room / 2, last, mark, face.at(size, "bold"), BLACK, "ma")
        if filled and sheet.rng.random() < 0.5:
            sheet.text(right - 4, last - 1, words.amount(10, 90000), filled.at(size), BLACK, "ra")
        y = below + 1
        if y > sheet.height - margin - 40:
            break
    return y


def _fine_print(form: _Form, y: float, _number: int) -> float:
    """Write instructions in narrow columns; return the y below."""
    sheet, words, face, size, margin = form.sheet, form.words, form.face, form.size, form.margin
    columns = int(sheet.rng.integers(2, 4))
    width = (sheet.width - 2 * margin) / columns
    bottom = min(sheet.height - margin, y + float(sheet.rng.uniform(60, 260)))
    for column in range(columns):
        x, below = margin + column * width, y
        while below < bottom - 3 * size:
            if sheet.rng.random() < 0.5:
                below = sheet.text(x, below, words.phrase(2, 5), face.at(size, "bold"))
            text = words.paragraph(int(sheet.rng.integers(15, 60)))
            below = sheet.paragraph(x, below, width - 10, text, face.at(size * 0.95), leading=1.1, bottom=bottom)
    sheet.rule(margin, bottom, sheet.width - margin, bottom)
    return bottom + 2


PARTS = (_grid, _lines, _ticks, _ledger, _question)
"""Functions that draw the parts of a form while space is left."""

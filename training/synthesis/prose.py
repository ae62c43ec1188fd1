"""Typewritten and handwritten pages."""

import numpy as np

from training.synthesis.fonts import Face, choose_face
from training.synthesis.sheet import A4, Color, Sheet, line_height, portrait_size, wrap_words
from training.synthesis.words import Words


def paper_color(rng: np.random.Generator, aged: float) -> Color:
    """Return white or, with probability `aged`, the yellow, grey or pink of old paper."""
    if rng.random() > aged:
        return (255, 255, 255)
    light = int(rng.integers(190, 250))
    return light, int(light - rng.integers(0, 18)), int(light - rng.integers(0, 60))


def draw_typewritten(rng: np.random.Generator) -> Sheet:
    """Draw a typewritten page: letter, memorandum, report, verse or table, with uneven ink and baselines."""
    words = Words(rng)
    sheet = Sheet(*portrait_size(rng), rng, paper_color(rng, 0.5))
    face = choose_face("typewriter", rng)
    size = float(rng.uniform(9, 13))
    ink = _ink(rng)
    margin = float(rng.uniform(45, 110))
    y = float(rng.uniform(30, 150))
    if rng.random() < 0.25:
        y = _printed_head(sheet, words, y)
    kind = int(rng.integers(6))
    if kind == 0:
        y = _letter_head(sheet, words, face, size, ink, margin, y)
    elif kind == 1:
        y = _memo_head(sheet, words, face, size, ink, margin, y)
    elif kind == 2:
        sheet.text(sheet.width / 2, y - size * 2, f"- {rng.integers(2, 90)} -", face.at(size), ink, "ma")
    else:
        y = _typed(sheet, sheet.width / 2 - 60, y, words.phrase(2, 4).upper(), face, size, ink) + size
    body = {4: _typed_verse, 5: _typed_table}.get(kind, _typed_body)
    y = body(sheet, words, face, size, ink, margin, y)
    if kind == 0:
        _signed(sheet, words, face, size, ink, y + size)
    return sheet


def _typed_body(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, margin: float, y: float) -> float:
    rng = sheet.rng
    end = sheet.height - float(rng.uniform(40, 420))
    leading = float(rng.choice([1.1, 1.25, 1.6, 2.0]))
    indent = float(rng.choice([0, 0, 30, 50]))
    while y < end:
        if rng.random() < 0.12:
            y = _typed(sheet, margin, y, words.phrase(2, 5).upper(), face, size, ink) + size * 0.5
            if rng.random() < 0.6:
                sheet.rule(margin, y - size * 0.45, margin + 150, y - size * 0.45, ink)
        text = words.paragraph(int(rng.integers(12, 90)))
        for number, line in enumerate(wrap_words(text, face.at(size), sheet.width - margin * 1.7, indent)):
            if y > end:
                break
            _typed(sheet, margin + (indent if number == 0 else 0), y, " ".join(line), face, size, ink)
            y += line_height(face.at(size)) * leading
        y += size * float(rng.uniform(0, 1.4))
    return y


def _typed_verse(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, margin: float, y: float) -> float:
    rng = sheet.rng
    end, left = sheet.height - float(rng.uniform(40, 350)), margin * float(rng.uniform(1, 2.5))
    while y < end:
        for _ in range(int(rng.integers(2, 9))):
            step = float(rng.choice([0, 0, 0, size * 2]))
            y = _typed(sheet, left + step, y, words.phrase(3, 7).capitalize(), face, size, ink)
        y += size * float(rng.uniform(0.8, 2))
    return y


def _typed_table(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, margin: float, y: float) -> float:
    rng = sheet.rng
    end, count = sheet.height - float(rng.uniform(40, 350)), int(rng.integers(2, 6))
    columns = margin + np.linspace(0, sheet.width - margin * 1.5, count, endpoint=False)
    leading = float(rng.choice([0.2, 0.5, 1.0]))
    while y < end:
        for place, x in enumerate(columns):
            kind = int(rng.integers(4))
            text = words.phrase(1, 3) if place == 0 or kind == 0 else f"{rng.integers(1, 4000):,}" if kind < 3 else "-"
            _typed(sheet, float(x), y, text[: max(4, int(110 / count))], face, size, ink)
        y += size * (1.2 + leading)
    return y


def _signed(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, y: float) -> None:
    x = sheet.width * 0.55
    y = _typed(sheet, x, y, words.one_of("Yours truly,", "Sincerely,", "Amicalement,"), face, size, ink)
    if sheet.rng.random() < 0.5:
        sheet.text(x, y, words.person(), choose_face("hand", sheet.rng).at(size * 2), (30, 30, 90))
    _typed(sheet, x, y + size * 3, words.person(), face, size, ink)


def _ink(rng: np.random.Generator) -> Color:
    grey = int(rng.integers(0, 110))
    return (grey, grey, min(255, grey + int(rng.integers(0, 40))))


def _typed(sheet: Sheet, x: float, y: float, text: str, face: Face, size: float, ink: Color) -> float:
    """Write a line with unevenly inked glyphs and a slightly irregular baseline; return the y below."""
    font, rng = face.at(size), sheet.rng
    for word in text.split(" "):
        shade = int(rng.integers(-25, 45))
        fill = tuple(int(np.clip(channel + shade, 0, 200)) for channel in ink)
        sheet.text(x, y + float(rng.uniform(-0.6, 0.6)), word, font, (fill[0], fill[1], fill[2]))
        x += font.getlength(word + " ")
    return y + line_height(font)


def _printed_head(sheet: Sheet, words: Words, y: float) -> float:
    face, accent = choose_face(str(sheet.rng.choice(["serif", "sans"])), sheet.rng), sheet.color(0, 120)
    y = sheet.text(sheet.width / 2, y, words.firm().upper(), face.at(19, "bold"), accent, "ma")
    y = sheet.text(sheet.width / 2, y, "  ".join(words.address()), face.at(9), accent, "ma")
    return y + 35


def _letter_head(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, margin: float, y: float) -> float:
    y = _typed(sheet, sheet.width * 0.58, y, words.date(), face, size, ink) + size * 2
    for line in [words.person(), *words.address()]:
        y = _typed(sheet, margin, y, line, face, size, ink)
    return (
        _typed(
            sheet,
            margin,
            y + size * 2,
            f"{words.one_of('Dear', 'Sehr geehrter', 'Cher')} {words.person()},",
            face,
            size,
            ink,
        )
        + size
    )


def _memo_head(sheet: Sheet, words: Words, face: Face, size: float, ink: Color, margin: float, y: float) -> float:
    y = (
        _typed(
            sheet, margin, y, words.one_of("MEMORANDUM", "INTEROFFICE MEMO", "NOTE", "PROTOKOLL"), face, size * 1.2, ink
        )
        + size
    )
    for name, value in (
        ("TO", words.person()),
        ("FROM", words.person()),
        ("DATE", words.date()),
        ("SUBJECT", words.phrase(3, 7)),
    ):
        y = _typed(sheet, margin, y, f"{name}:   {value}", face, size, ink) + size * 0.5
    sheet.rule(margin, y, sheet.width - margin, y, ink)
    return y + size * 1.5


def draw_handwritten(rng: np.random.Generator) -> Sheet:
    """Draw a handwritten page: slanting lines on blank, ruled or squared paper, with irregular words."""
    words = Words(rng)
    width, height = A4 if rng.random() < 0.7 else (700, int(rng.integers(300, 640)))
    sheet = Sheet(width, height, rng, paper_color(rng, 0.5))
    face, size = choose_face("hand", rng), float(rng.uniform(17, 34))
    ink = ((20, 25, 90), (25, 25, 30), (60, 45, 35), (10, 60, 150))[rng.integers(4)]
    step = size * float(rng.uniform(1.0, 1.6))
    left, top = float(rng.uniform(15, 90)), float(rng.uniform(20, 110))
    if rng.random() < 0.35:
        for line in np.arange(top + step * 0.85, height - 15, step):
            sheet.rule(0, line, width, line, (170, 190, 220))
        if rng.random() < 0.4:
            sheet.rule(left - 8, 0, left - 8, height, (230, 120, 120))
    drift = float(rng.normal(0, 0.02))
    y, end = top, height * float(rng.uniform(0.4, 0.97))
    if rng.random() < 0.4:
        sheet.text(width * 0.6, y, words.date(), face.at(size), ink)
        y += step * 2
    while y < end:
        lines = wrap_words(
            words.paragraph(int(rng.integers(15, 90))), face.at(size), width - left - float(rng.uniform(10, 60))
        )
        for line in lines:
            if y > end:
                break
            x = left + float(rng.normal(0, 4))
            for word in line:
                font = face.at(size * float(rng.uniform(0.93, 1.07)))
                sheet.text(x, y + drift * x + float(rng.normal(0, 1.2)), word, font, ink)
                x += font.getlength(word + " ") * float(rng.uniform(0.95, 1.15))
            y += step
        y += step * float(rng.uniform(0, 0.8))
    return sheet

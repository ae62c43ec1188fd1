"""Slides and CVs: the two kinds that are designed rather than typeset."""

import numpy as np

from training.synthesis.sketches.business import portrait
from training.synthesis.sketches.fonts import Face, pick
from training.synthesis.sketches.sheet import BLACK, WHITE, Color, Sheet, line_height, wrap
from training.synthesis.sketches.words import Words


def slides(rng: np.random.Generator) -> Sheet:
    """Draw a slide: 16:9 or 4:3, light or dark, with bullets, columns, charts, pictures, a quote or only a title."""
    words = Words(rng)
    width, height = ((800, 450), (800, 600), (800, 500))[rng.choice(3, p=[0.5, 0.4, 0.1])]
    dark = rng.random() < 0.28
    paper = sheet_paper(rng, dark=dark)
    sheet = Sheet(width, height, rng, paper)
    face = pick(str(rng.choice(["sans", "sans", "sans", "serif"])), rng)
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
        _art(sheet, face, ink, art, y, middle - left - 20, bottom - y)
    elif kind < 0.87:
        _art(sheet, face, ink, left + 25, y, right - left - 25, bottom - y)
    elif kind < 0.94:
        rows = [[words.phrase(1, 2) for _ in range(4)] for _ in range(rng.integers(3, 8))]
        sheet.table(left, y, [(right - left) / 4] * 4, rows, face.at(height * 0.035), fill=ink, line=accent, pad=6)
    else:
        sheet.paragraph(
            left + 40, y + 40, right - left - 80, f"“{words.sentence(16)}”", face.at(height * 0.06, "italic"), fill=ink
        )
    _footer(sheet, words, face, ink, accent)
    return sheet


def sheet_paper(rng: np.random.Generator, *, dark: bool) -> Color:
    """Return a slide's background."""
    if dark:
        return int(rng.integers(0, 60)), int(rng.integers(0, 70)), int(rng.integers(10, 110))
    if rng.random() < 0.65:
        return WHITE
    return int(rng.integers(225, 256)), int(rng.integers(225, 256)), int(rng.integers(215, 256))


def _title_slide(sheet: Sheet, words: Words, face: Face, ink: Color, accent: Color) -> None:
    rng, width, height = sheet.rng, sheet.width, sheet.height
    if rng.random() < 0.5:
        top = height * float(rng.choice([0, 0.3, 0.6]))
        sheet.box(0, top, width, height * 0.35, fill=accent)
    x, anchor = (width / 2, "ma") if rng.random() < 0.6 else (width * 0.08, "la")
    y, title = height * float(rng.uniform(0.2, 0.4)), face.at(height * float(rng.uniform(0.07, 0.12)), "bold")
    for line in wrap(words.phrase(3, 7), title, width * 0.85):
        y = sheet.text(x, y, " ".join(line), title, ink, anchor)
    y = sheet.text(x, y + height * 0.05, words.person(), face.at(height * 0.045), ink, anchor)
    sheet.text(x, y + 6, f"{words.firm()}, {words.date()}", face.at(height * 0.035), ink, anchor)


def _slide_title(sheet: Sheet, words: Words, face: Face, ink: Color, accent: Color) -> float:
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
    sheet: Sheet, words: Words, face: Face, ink: Color, accent: Color, x: float, y: float, room: float, bottom: float
) -> None:
    rng = sheet.rng
    size = sheet.height * float(rng.uniform(0.034, 0.06))
    mark = words.one_of("•", "-", "■", "1.", "»")
    for _ in range(rng.integers(2, 8)):
        if y > bottom - size * 2:
            return
        sheet.text(x, y, mark, face.at(size), accent)
        y = sheet.paragraph(
            x + size * 1.2, y, room - size * 1.2, words.phrase(3, 14), face.at(size), fill=ink, bottom=bottom
        )
        for _ in range(rng.choice([0, 0, 0, 1, 2])):
            y = sheet.paragraph(
                x + size * 2.4,
                y,
                room - size * 2.4,
                f"- {words.phrase(2, 8)}",
                face.at(size * 0.82),
                fill=ink,
                bottom=bottom,
            )
        y += size * float(rng.uniform(0.2, 0.8))


def _art(sheet: Sheet, face: Face, ink: Color, x: float, y: float, w: float, h: float) -> None:
    if sheet.rng.random() < 0.6:
        sheet.chart(x + 15, y + 5, w - 30, h - 25, face.at(sheet.height * 0.028), ink)
    else:
        sheet.picture(x, y, w, h - 10)


def _footer(sheet: Sheet, words: Words, face: Face, ink: Color, accent: Color) -> None:
    rng, width, height = sheet.rng, sheet.width, sheet.height
    font = face.at(height * 0.026)
    if rng.random() < 0.5:
        sheet.text(width * 0.97, height * 0.95, str(rng.integers(2, 60)), font, ink, "ra")
    if rng.random() < 0.4:
        sheet.text(width * 0.03, height * 0.95, f"{words.person()}  |  {words.phrase(2, 5)}", font, ink)
    if rng.random() < 0.25:
        sheet.logo(width * 0.9, height * 0.04, height * 0.07, accent)


SECTIONS = {
    "en": ("Experience", "Education", "Skills", "Languages", "Profile", "Projects", "References"),
    "fr": ("Expérience", "Formation", "Compétences", "Langues", "Profil", "Projets", "Références"),
    "de": ("Berufserfahrung", "Ausbildung", "Kenntnisse", "Sprachen", "Profil", "Projekte", "Referenzen"),
    "es": ("Experiencia", "Formación", "Competencias", "Idiomas", "Perfil", "Proyectos", "Referencias"),
    "it": ("Esperienza", "Istruzione", "Competenze", "Lingue", "Profilo", "Progetti", "Referenze"),
    "nl": ("Werkervaring", "Opleiding", "Vaardigheden", "Talen", "Profiel", "Projecten", "Referenties"),
    "pt": ("Experiência", "Formação", "Competências", "Idiomas", "Perfil", "Projetos", "Referências"),
}


def resume(rng: np.random.Generator) -> Sheet:
    """Draw a CV: one or two columns, a coloured side or none, a portrait or none, sparse or dense."""
    words = Words(rng)
    sheet = Sheet(*portrait(rng), rng)
    face = pick(str(rng.choice(["sans", "sans", "serif"])), rng)
    size = float(rng.uniform(8, 11.5))
    accent = sheet.color(0, 150) if rng.random() < 0.65 else BLACK
    names = list(SECTIONS[words.locale[:2]])
    if rng.random() < 0.4:
        _with_side(sheet, words, face, size, accent, names)
    else:
        margin = float(rng.uniform(35, 75))
        y = _name(sheet, words, face, size, accent, margin)
        _sections(sheet, words, face, size, accent, names, margin, y, sheet.width - 2 * margin)
    return sheet


def _name(sheet: Sheet, words: Words, face: Face, size: float, accent: Color, margin: float) -> float:
    rng = sheet.rng
    name = face.at(size * float(rng.uniform(1.8, 3)), "bold" if rng.random() < 0.7 else "regular")
    contact = [words.fake.email(), words.fake.phone_number(), ", ".join(words.address())]
    person = words.person().upper() if rng.random() < 0.3 else words.person()
    y, style = margin * 0.8, int(rng.integers(3))
    if style == 0:
        y = sheet.text(sheet.width / 2, y, person, name, accent, "ma")
        y = sheet.text(sheet.width / 2, y + 4, "  |  ".join(contact), face.at(size * 0.9), BLACK, "ma") + 8
    elif style == 1:
        sheet.box(0, 0, sheet.width, 90, fill=accent)
        sheet.text(margin, 18, person, name, WHITE)
        sheet.text(margin, 62, "   ".join(contact[:2]), face.at(size * 0.9), WHITE)
        y = 105.0
    else:
        y = sheet.text(margin, y, person, name, accent)
        y = sheet.text(margin, y + 2, words.fake.job(), face.at(size * 1.2, "italic"))
        for line in contact:
            y = sheet.text(margin, y + 1, line, face.at(size * 0.95))
    if rng.random() < 0.3:
        sheet.picture(sheet.width - margin - 75, margin * 0.6, 72, 90)
        y = max(y, margin * 0.6 + 95)
    return y + 10


def _with_side(sheet: Sheet, words: Words, face: Face, size: float, accent: Color, names: list[str]) -> None:
    rng = sheet.rng
    side = sheet.width * float(rng.uniform(0.26, 0.38))
    at_left = rng.random() < 0.75
    x0 = 0.0 if at_left else sheet.width - side
    fill = accent if rng.random() < 0.6 else (232, 234, 238)
    sheet.box(x0, 0, side, sheet.height, fill=fill)
    ink = WHITE if sum(fill) < 400 else BLACK
    y = 30.0
    if rng.random() < 0.6:
        sheet.picture(x0 + side / 2 - 45, y, 90, 105)
        y += 120
    for parts in wrap(words.person(), face.at(size * 1.8, "bold"), side - 30):
        y = sheet.text(x0 + 15, y, " ".join(parts), face.at(size * 1.8, "bold"), ink)
    for line in [words.fake.job(), words.fake.email(), words.fake.phone_number(), *words.address()]:
        y = sheet.paragraph(x0 + 15, y + 3, side - 30, line, face.at(size * 0.9), fill=ink)
    for name in (names[2], names[3], words.phrase(1, 1))[: rng.integers(1, 4)]:
        y = sheet.text(x0 + 15, y + 16, name, face.at(size * 1.2, "bold"), ink) + 3
        for _ in range(rng.integers(3, 8)):
            sheet.text(x0 + 15, y, words.phrase(1, 2)[:16], face.at(size * 0.9), ink)
            if rng.random() < 0.5:
                sheet.box(x0 + side * 0.62, y + 3, side * 0.3 * float(rng.uniform(0.3, 1)), 5, fill=ink)
            y += size * 1.5
    margin = (side + 20) if at_left else 25
    _sections(
        sheet, words, face, size, accent, [names[4], names[0], names[1], names[5]], margin, 35, sheet.width - side - 45
    )


def _sections(
    sheet: Sheet,
    words: Words,
    face: Face,
    size: float,
    accent: Color,
    names: list[str],
    x: float,
    y: float,
    room: float,
) -> None:
    rng = sheet.rng
    order = [names[4], names[0], names[1], *names[2:4], *names[5:]] if len(names) > 4 else names
    style, dates_left = int(rng.integers(4)), rng.random() < 0.35
    density, end = int(rng.integers(1, 5)), sheet.height - 35
    for name in order[: rng.integers(3, len(order) + 1)]:
        if y > end - size * 5:
            return
        y = _section_title(sheet, name, face, size, accent, x, y + size, room, style)
        if name == names[0] or name.startswith(("Exp", "Beruf", "Werk", "Esp", "Edu", "Form", "Ausb", "Opl", "Istr")):
            for _ in range(rng.integers(1, density + 2)):
                y = _job(sheet, words, face, size, x, y, room, end, density, dates_left=dates_left)
        elif rng.random() < 0.5:
            y = sheet.paragraph(x, y, room, words.paragraph(15 * density), face.at(size), bottom=end) + 5
        else:
            for _ in range(rng.integers(2, 6)):
                y = sheet.text(x + 5, y, f"• {words.phrase(1, 6)}", face.at(size)) + 1


def _section_title(
    sheet: Sheet, name: str, face: Face, size: float, accent: Color, x: float, y: float, room: float, style: int
) -> float:
    font = face.at(size * 1.25, "bold")
    if style == 0:
        sheet.box(x, y, room, line_height(font) + 4, fill=accent)
        return sheet.text(x + 5, y + 1, name.upper(), font, WHITE if sum(accent) < 450 else BLACK) + 8
    y = sheet.text(x, y, name.upper() if style == 1 else name, font, accent)
    if style < 3:
        sheet.rule(x, y + 2, x + room, y + 2, accent)
    return y + 7


def _job(
    sheet: Sheet,
    words: Words,
    face: Face,
    size: float,
    x: float,
    y: float,
    room: float,
    end: float,
    density: int,
    *,
    dates_left: bool,
) -> float:
    rng = sheet.rng
    start = int(rng.integers(1990, 2022))
    dates = f"{start} - {start + int(rng.integers(1, 6))}"
    if y > end - size * 3:
        return y
    inner = x
    if dates_left:
        sheet.text(x, y, dates, face.at(size * 0.95))
        inner = x + size * 8
    else:
        sheet.text(x + room, y, dates, face.at(size * 0.95), BLACK, "ra")
    y = sheet.text(inner, y, words.fake.job()[:38], face.at(size, "bold"))
    y = sheet.text(inner, y, f"{words.firm()}, {words.fake.city()}", face.at(size, "italic")) + 2
    for _ in range(rng.integers(0, density + 1)):
        y = sheet.paragraph(inner + 6, y, room - (inner - x) - 6, f"• {words.phrase(5, 18)}", face.at(size), bottom=end)
    return y + size * 0.6

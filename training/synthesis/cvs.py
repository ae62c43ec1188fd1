"""CVs."""

import numpy as np

from training.synthesis.fonts import Face, choose_face
from training.synthesis.sheet import BLACK, WHITE, Color, Sheet, line_height, portrait_size, wrap_words
from training.synthesis.words import Words

SECTIONS = {
    "en": ("Experience", "Education", "Skills", "Languages", "Profile", "Projects", "References"),
    "fr": ("Expérience", "Formation", "Compétences", "Langues", "Profil", "Projets", "Références"),
    "de": ("Berufserfahrung", "Ausbildung", "Kenntnisse", "Sprachen", "Profil", "Projekte", "Referenzen"),
    "es": ("Experiencia", "Formación", "Competencias", "Idiomas", "Perfil", "Proyectos", "Referencias"),
    "it": ("Esperienza", "Istruzione", "Competenze", "Lingue", "Profilo", "Progetti", "Referenze"),
    "nl": ("Werkervaring", "Opleiding", "Vaardigheden", "Talen", "Profiel", "Projecten", "Referenties"),
    "pt": ("Experiência", "Formação", "Competências", "Idiomas", "Perfil", "Projetos", "Referências"),
}
"""Headings by language: work, education, skills, languages, profile, projects, references."""


def draw_resume(rng: np.random.Generator) -> Sheet:
    """Draw a CV with one or two columns, sometimes with a coloured side or a portrait."""
    words = Words(rng)
    sheet = Sheet(*portrait_size(rng), rng)
    face = choose_face(str(rng.choice(["sans", "sans", "serif"])), rng)
    size = float(rng.uniform(8, 11.5))
    accent = sheet.color(0, 150) if rng.random() < 0.65 else BLACK
    names = list(SECTIONS[words.language])
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
    for parts in wrap_words(words.person(), face.at(size * 1.8, "bold"), side - 30):
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
    width: float,
) -> None:
    rng = sheet.rng
    order = [names[4], names[0], names[1], *names[2:4], *names[5:]] if len(names) > 4 else names
    style, dates_left = int(rng.integers(4)), rng.random() < 0.35
    density, end = int(rng.integers(1, 5)), sheet.height - 35
    for name in order[: rng.integers(3, len(order) + 1)]:
        if y > end - size * 5:
            return
        y = _section_title(sheet, name, face, size, accent, x, y + size, width, style)
        if name == names[0] or name.startswith(("Exp", "Beruf", "Werk", "Esp", "Edu", "Form", "Ausb", "Opl", "Istr")):
            for _ in range(rng.integers(1, density + 2)):
                y = _job(sheet, words, face, size, x, y, width, end, density, dates_left=dates_left)
        elif rng.random() < 0.5:
            y = sheet.paragraph(x, y, width, words.paragraph(15 * density), face.at(size), bottom=end) + 5
        else:
            for _ in range(rng.integers(2, 6)):
                y = sheet.text(x + 5, y, f"• {words.phrase(1, 6)}", face.at(size)) + 1


def _section_title(
    sheet: Sheet, name: str, face: Face, size: float, accent: Color, x: float, y: float, width: float, style: int
) -> float:
    font = face.at(size * 1.25, "bold")
    if style == 0:
        sheet.box(x, y, width, line_height(font) + 4, fill=accent)
        return sheet.text(x + 5, y + 1, name.upper(), font, WHITE if sum(accent) < 450 else BLACK) + 8
    y = sheet.text(x, y, name.upper() if style == 1 else name, font, accent)
    if style < 3:
        sheet.rule(x, y + 2, x + width, y + 2, accent)
    return y + 7


def _job(
    sheet: Sheet,
    words: Words,
    face: Face,
    size: float,
    x: float,
    y: float,
    width: float,
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
        sheet.text(x + width, y, dates, face.at(size * 0.95), BLACK, "ra")
    y = sheet.text(inner, y, words.fake.job()[:38], face.at(size, "bold"))
    y = sheet.text(inner, y, f"{words.firm()}, {words.fake.city()}", face.at(size, "italic")) + 2
    for _ in range(rng.integers(0, density + 1)):
        y = sheet.paragraph(
            inner + 6, y, width - (inner - x) - 6, f"• {words.phrase(5, 18)}", face.at(size), bottom=end
        )
    return y + size * 0.6

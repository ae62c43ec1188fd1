"""Slides of few words: a word alone, a divider, a photograph under a title or beside it, a window on the screen."""

from dataclasses import replace

from PIL import Image, ImageOps

from training.synthesis.sketches.deck_blocks import blocks
from training.synthesis.sketches.deck_bodies import outline
from training.synthesis.sketches.deck_themes import Area, decorate, heading, lines, mix, talk
from training.synthesis.sketches.fonts import pick
from training.synthesis.sketches.oddments import screen
from training.synthesis.sketches.pictures import photograph
from training.synthesis.sketches.sheet import BLACK, WHITE, Color, clip, line_height, wrap
from training.synthesis.sketches.writer import Writer, on

LONELY = {
    "en": ("Details", "Questions?", "Thank you", "Thank you!", "Any questions?", "Demo", "Outline", "Backup", "Q & A"),
    "fr": ("Merci", "Questions ?", "Merci de votre attention", "Plan", "Démonstration", "Annexes", "Détails"),
    "de": ("Danke", "Fragen?", "Vielen Dank", "Vielen Dank für Ihre Aufmerksamkeit", "Überblick", "Anhang"),
    "es": ("Gracias", "¿Preguntas?", "Muchas gracias", "Índice", "Detalles", "Anexo"),
    "it": ("Grazie", "Domande?", "Grazie per l'attenzione", "Indice", "Dettagli"),
    "nl": ("Bedankt", "Vragen?", "Dank u wel", "Overzicht", "Details"),
    "pt": ("Obrigado", "Perguntas?", "Muito obrigado", "Sumário", "Detalhes"),
}
"""What stands alone on a slide, by language."""


def _lonely(writer: Writer) -> str:
    """Return a word or a line that may stand alone on a slide."""
    if writer.chance(0.55):
        return writer.words.one_of(*LONELY[writer.words.language])
    return writer.words.phrase(1, 4) + writer.words.one_of("", "", "?", "...", "!")


def sparse(writer: Writer) -> None:
    """A theme, or none, around a word, two bullets far apart, one block or three dots."""
    now = talk(writer.words)
    area = decorate(writer, now) if writer.chance(0.75) else Area(0, 0, writer.sheet.width, writer.sheet.height)
    kind = writer.count(0, 9)
    if kind < 4:
        _word(writer, area)
        return
    if writer.chance(0.85):
        area = heading(writer, area, writer.words.phrase(1, 3))
    else:
        area = replace(area, left=area.left + 30, right=area.right - 30, top=area.top + 30)
    if kind < 7:
        _remarks(writer, area)
    elif kind == 7:
        middle = replace(area, top=area.top + area.height * writer.between(0, 0.4))
        blocks(writer, replace(middle, bottom=min(middle.bottom, middle.top + writer.size * 7)))
    elif kind == 8:
        writer.write(area.left, area.top + area.height * writer.between(0, 0.4), "...", writer.between(1, 2))
    else:
        outline(writer, replace(area, bottom=min(area.bottom, area.top + writer.step * writer.between(1.2, 3))))


def _word(writer: Writer, area: Area) -> None:
    """A word or a short line, in the middle or at the left, perhaps with a smaller one below."""
    font = writer.font(writer.between(1.2, 3.2), "bold" if writer.chance(0.4) else "regular")
    anchor, margin = writer.words.one_of("m", "m", "l"), area.width * writer.between(0.06, 0.15)
    room = Area(area.left + margin, area.top, area.right - margin, area.bottom)
    text = _lonely(writer)
    tall = len(wrap(text, font, room.width)) * line_height(font) * 1.12
    room = replace(room, top=area.top + (area.height - tall) * writer.between(0.2, 0.6))
    y = lines(writer, room, text, font, writer.accent if writer.chance(0.5) else writer.ink, anchor=anchor)
    if writer.chance(0.25):
        text = writer.words.one_of(writer.words.fake.email(), writer.words.person(), writer.words.fake.url())
        lines(writer, replace(room, top=y + writer.size), text, writer.font(0.9), writer.ink, anchor=anchor)


def _remarks(writer: Writer, area: Area) -> None:
    """Two or three remarks with wide gaps between them."""
    count, mark = writer.count(1, 3), writer.words.one_of("•", "-", "", "1.", "»")
    scale, gap = writer.between(0.9, 1.5), area.height / (count + writer.between(0.3, 1.5))
    inset = writer.size * scale * (1.2 if mark else 0)
    for number in range(count):
        y = area.top + number * gap
        writer.write(area.left, y, f"{number + 1}." if mark == "1." else mark, scale, fill=writer.accent)
        text = writer.words.phrase(1, 7)
        writer.prose(area.left + inset, y, area.width - inset, text, scale, bottom=min(y + gap, area.bottom))


def divider(writer: Writer) -> None:
    """A section's name on a full colour, a band, or paper with a rule."""
    sheet, now, style = writer.sheet, talk(writer.words), writer.count(0, 3)
    area, ink = Area(0, 0, sheet.width, sheet.height), writer.ink
    if style == 0:
        sheet.box(0, 0, sheet.width, sheet.height, fill=writer.accent)
        ink = on(writer.accent)
    elif style == 1:
        sheet.box(0, sheet.height * 0.3, sheet.width, sheet.height * 0.4, fill=writer.accent)
        ink = on(writer.accent)
    elif style == 2:
        area = decorate(writer, now)
    text = now.sections[now.present]
    name = text if writer.chance(0.5) else f"{now.present + 1}. {text}"
    font = writer.font(writer.between(1.5, 2.8), "bold" if writer.chance(0.5) else "regular")
    inner = Area(area.left + area.width * 0.08, area.top + area.height * 0.42, area.right - 20, area.bottom)
    y = lines(writer, inner, name, font, ink, anchor=writer.words.one_of("l", "m"))
    if style > 1:
        sheet.rule(inner.left, y + 4, inner.right - area.width * 0.06, y + 4, writer.accent, 2)
    if writer.chance(0.3):
        lines(writer, replace(inner, top=y + 12), writer.words.phrase(3, 7), writer.font(0.8), ink)


def _photograph(writer: Writer, area: Area) -> None:
    """Fill an area with a photograph: of things, or nothing but soft colours."""
    if writer.chance(0.4):
        writer.sheet.picture(area.left, area.top, area.width, area.height)
        return
    size = (max(2, round(area.width)), max(2, round(area.height)))
    photo = ImageOps.fit(photograph(writer.sheet.rng).image, size)
    writer.sheet.image.paste(photo, (round(area.left), round(area.top)))


def _veil(writer: Writer, area: Area, color: Color, share: float) -> None:
    """Lay a translucent colour over an area."""
    box = (round(area.left), round(area.top), round(area.right), round(area.bottom))
    below = writer.sheet.image.crop(box)
    writer.sheet.image.paste(Image.blend(below, Image.new("RGB", below.size, color), share), box[:2])


def over_photograph(writer: Writer) -> None:
    """A photograph as large as the slide, and large words on it: on a band, a panel, a veil or with a shadow."""
    sheet, style = writer.sheet, writer.count(0, 3)
    whole = Area(0, 0, sheet.width, sheet.height)
    _photograph(writer, whole)
    veil = writer.words.one_of("dark", "dark", "light", "accent")
    color = {"dark": BLACK, "light": WHITE, "accent": writer.accent}[veil]
    ink, share = on(color), writer.between(0.55, 0.85)
    area = whole
    if style == 0:
        top = sheet.height * writer.between(0.05, 0.6)
        area = replace(whole, top=top, bottom=top + sheet.height * writer.between(0.25, 0.38))
    elif style == 1:
        left = sheet.width * writer.count(0, 1) / 2
        area = replace(whole, left=left, right=left + sheet.width * 0.5)
    elif style == 2:
        share *= 0.7
    if style < 3:
        _veil(writer, area, color, share)
    _caption(writer, area, ink if style < 3 else WHITE, shadow=style == 3)


def _caption(writer: Writer, area: Area, ink: Color, *, shadow: bool) -> None:
    """Large words and perhaps a line or a few remarks below them."""
    margin, anchor = area.width * 0.07, writer.words.one_of("l", "m")
    font = writer.font(writer.between(1.3, 2.6), "bold" if writer.chance(0.6) else "regular")
    text = _lonely(writer) if writer.chance(0.3) else writer.words.phrase(2, 6)
    top = area.top + area.height * writer.between(0.1, 0.35)
    room = Area(area.left + margin, top, area.right - margin, area.bottom)
    if shadow:
        moved = replace(room, left=room.left + 2, right=room.right + 2, top=top + 2)
        lines(writer, moved, text, font, BLACK, anchor=anchor)
    y = lines(writer, room, text, font, ink, anchor=anchor) + writer.size * 0.5
    if shadow or writer.chance(0.3):
        return
    for _ in range(writer.count(1, 4)):
        text = writer.words.phrase(2, 8)
        y = lines(writer, replace(room, top=y), text, writer.font(), ink, anchor=anchor) + writer.size * 0.4


def half_picture(writer: Writer) -> None:
    """A photograph on one half of the slide, at a side or above, and a few words on the other."""
    sheet, share = writer.sheet, writer.between(0.35, 0.65)
    whole = Area(0, 0, sheet.width, sheet.height)
    across = sheet.width * share
    kind = writer.count(0, 2)
    if kind == 0:
        photo, rest = replace(whole, right=across), replace(whole, left=across)
    elif kind == 1:
        photo, rest = replace(whole, left=across), replace(whole, right=across)
    else:
        photo, rest = replace(whole, bottom=sheet.height * share), replace(whole, top=sheet.height * share)
    _photograph(writer, photo)
    if kind == 2 or writer.chance(0.3):
        _word(writer, rest)
        return
    rest = heading(writer, rest, writer.words.phrase(1, 3))
    if writer.chance(0.6):
        outline(writer, rest)
    else:
        _remarks(writer, rest)


def screenshot(writer: Writer) -> None:
    """A title and a picture of a window, in a theme or none."""
    sheet, now = writer.sheet, talk(writer.words)
    area = decorate(writer, now) if writer.chance(0.4) else Area(0, 0, sheet.width, sheet.height)
    area = heading(writer, area, writer.words.phrase(1, 4))
    if writer.chance(0.3):
        area = replace(area, top=outline(writer, replace(area, bottom=area.top + writer.step * 2.5)))
    wide = area.width * writer.between(0.65, 1)
    left = area.left + (area.width - wide) * writer.count(0, 2) / 2
    window = Area(left, area.top, left + wide, area.bottom)
    if writer.chance(0.35):
        picture = ImageOps.contain(screen(sheet.rng).image, (round(window.width), max(20, round(window.height))))
        sheet.image.paste(picture, (round(window.left), round(window.top)))
    else:
        _window(writer, window)


def _window(writer: Writer, area: Area) -> None:
    """A title bar with buttons, a toolbar, a pane with names and one with small lines of one width."""
    sheet, night = writer.sheet, writer.chance(0.35)
    ground, ink = ((30, 32, 38), (215, 215, 215)) if night else ((252, 252, 252), (40, 40, 40))
    bar = mix(ground, ink, 0.12)
    sheet.box(area.left, area.top, area.width, area.height, fill=ground, line=mix(ground, ink, 0.4))
    sheet.box(area.left, area.top, area.width, 16, fill=mix(ground, ink, 0.22))
    font = pick("sans", sheet.rng).at(9)
    for number, color in enumerate(((225, 90, 80), (230, 180, 60), (90, 180, 90))):
        x = area.left + 6 + number * 12
        sheet.pen.ellipse((x, area.top + 4, x + 8, area.top + 12), fill=color)
    sheet.text((area.left + area.right) / 2, area.top + 8, writer.words.phrase(1, 3), font, ink, "mm")
    y = area.top + 17
    if writer.chance(0.7):
        sheet.box(area.left + 1, y, area.width - 2, 20, fill=bar)
        for number in range(min(writer.count(4, 16), int(area.width / 20) - 1)):
            sheet.box(area.left + 6 + number * 19, y + 4, 12, 12, fill=sheet.color(80, 220))
        y += 22
    split = area.left + area.width * writer.between(0.14, 0.35)
    _rows(writer, Area(area.left + 6, y + 4, split - 4, area.bottom - 6), ink, font_size=9, mono=False)
    sheet.rule(split, y, split, area.bottom, mix(ground, ink, 0.4))
    _rows(
        writer, Area(split + 8, y + 4, area.right - 6, area.bottom - 6), ink, font_size=writer.count(7, 11), mono=True
    )


def _rows(writer: Writer, area: Area, ink: Color, *, font_size: int, mono: bool) -> None:
    """Small lines of text, some indented and some in colour."""
    font, y = pick("mono" if mono else "sans", writer.sheet.rng).at(font_size), area.top
    while y + font_size * 1.5 < area.bottom and area.width > 30:
        inset = font_size * writer.count(0, 3) if mono else 0
        if writer.chance(0.85):
            text = clip(writer.words.phrase(1, 9 if mono else 2).lower(), font, area.width - inset)
            color = mix(ink, writer.sheet.color(60, 200), 0.6) if writer.chance(0.3) else ink
            writer.sheet.text(area.left + inset, y, text, font, color)
        y += font_size * 1.45

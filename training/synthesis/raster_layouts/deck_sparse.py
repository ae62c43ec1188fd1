"""Slides of few words: a single word, a section title, a photograph next to or below text, a screenshot."""

from dataclasses import replace

from PIL import Image, ImageOps

from training.synthesis.raster_layouts.deck_blocks import draw_blocks
from training.synthesis.raster_layouts.deck_bodies import draw_outline
from training.synthesis.raster_layouts.deck_themes import (
    Area,
    draw_heading,
    draw_theme,
    mix_colors,
    random_talk,
    write_lines,
)
from training.synthesis.raster_layouts.fonts import choose_face
from training.synthesis.raster_layouts.ood_documents import draw_screenshot
from training.synthesis.raster_layouts.ood_pictures import draw_photograph
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color, clip_text, line_height, wrap_words
from training.synthesis.raster_layouts.writer import Writer, readable_ink

SHORT_TEXTS = {
    "en": ("Details", "Questions?", "Thank you", "Thank you!", "Any questions?", "Demo", "Outline", "Backup", "Q & A"),
    "fr": ("Merci", "Questions ?", "Merci de votre attention", "Plan", "Démonstration", "Annexes", "Détails"),
    "de": ("Danke", "Fragen?", "Vielen Dank", "Vielen Dank für Ihre Aufmerksamkeit", "Überblick", "Anhang"),
    "es": ("Gracias", "¿Preguntas?", "Muchas gracias", "Índice", "Detalles", "Anexo"),
    "it": ("Grazie", "Domande?", "Grazie per l'attenzione", "Indice", "Dettagli"),
    "nl": ("Bedankt", "Vragen?", "Dank u wel", "Overzicht", "Details"),
    "pt": ("Obrigado", "Perguntas?", "Muito obrigado", "Sumário", "Detalhes"),
}
"""Texts that fill a slide on their own, by language."""


def _short_text(writer: Writer) -> str:
    """Return a word or line that fills a slide on its own."""
    if writer.chance(0.55):
        return writer.words.one_of(*SHORT_TEXTS[writer.words.language])
    return writer.words.phrase(1, 4) + writer.words.one_of("", "", "?", "...", "!")


def sparse_slide(writer: Writer) -> None:
    """Draw a slide with or without a theme, with a word, two distant bullets, one block or three dots."""
    talk = random_talk(writer.words)
    area = draw_theme(writer, talk) if writer.chance(0.75) else Area(0, 0, writer.sheet.width, writer.sheet.height)
    kind = writer.count(0, 9)
    if kind < 4:
        _word(writer, area)
        return
    if writer.chance(0.85):
        area = draw_heading(writer, area, writer.words.phrase(1, 3))
    else:
        area = replace(area, left=area.left + 30, right=area.right - 30, top=area.top + 30)
    if kind < 7:
        _remarks(writer, area)
    elif kind == 7:
        middle = replace(area, top=area.top + area.height * writer.between(0, 0.4))
        draw_blocks(writer, replace(middle, bottom=min(middle.bottom, middle.top + writer.size * 7)))
    elif kind == 8:
        writer.write(area.left, area.top + area.height * writer.between(0, 0.4), "...", writer.between(1, 2))
    else:
        draw_outline(writer, replace(area, bottom=min(area.bottom, area.top + writer.step * writer.between(1.2, 3))))


def _word(writer: Writer, area: Area) -> None:
    """Draw a word or short line, centred or on the left, sometimes with a smaller line below."""
    font = writer.font(writer.between(1.2, 3.2), "bold" if writer.chance(0.4) else "regular")
    anchor, margin = writer.words.one_of("m", "m", "l"), area.width * writer.between(0.06, 0.15)
    text_area = Area(area.left + margin, area.top, area.right - margin, area.bottom)
    text = _short_text(writer)
    height = len(wrap_words(text, font, text_area.width)) * line_height(font) * 1.12
    text_area = replace(text_area, top=area.top + (area.height - height) * writer.between(0.2, 0.6))
    y = write_lines(writer, text_area, text, font, writer.accent if writer.chance(0.5) else writer.ink, anchor=anchor)
    if writer.chance(0.25):
        text = writer.words.one_of(writer.words.fake.email(), writer.words.person(), writer.words.fake.url())
        write_lines(writer, replace(text_area, top=y + writer.size), text, writer.font(0.9), writer.ink, anchor=anchor)


def _remarks(writer: Writer, area: Area) -> None:
    """Draw two or three remarks with wide gaps between them."""
    count, mark = writer.count(1, 3), writer.words.one_of("•", "-", "", "1.", "»")
    scale, gap = writer.between(0.9, 1.5), area.height / (count + writer.between(0.3, 1.5))
    inset = writer.size * scale * (1.2 if mark else 0)
    for number in range(count):
        y = area.top + number * gap
        writer.write(area.left, y, f"{number + 1}." if mark == "1." else mark, scale, fill=writer.accent)
        text = writer.words.phrase(1, 7)
        writer.prose(area.left + inset, y, area.width - inset, text, scale, bottom=min(y + gap, area.bottom))


def divider_slide(writer: Writer) -> None:
    """Draw a section title on a full colour, a band, or plain paper with a rule."""
    sheet, talk, style = writer.sheet, random_talk(writer.words), writer.count(0, 3)
    area, ink = Area(0, 0, sheet.width, sheet.height), writer.ink
    if style == 0:
        sheet.box(0, 0, sheet.width, sheet.height, fill=writer.accent)
        ink = readable_ink(writer.accent)
    elif style == 1:
        sheet.box(0, sheet.height * 0.3, sheet.width, sheet.height * 0.4, fill=writer.accent)
        ink = readable_ink(writer.accent)
    elif style == 2:
        area = draw_theme(writer, talk)
    text = talk.sections[talk.present]
    name = text if writer.chance(0.5) else f"{talk.present + 1}. {text}"
    font = writer.font(writer.between(1.5, 2.8), "bold" if writer.chance(0.5) else "regular")
    inner = Area(area.left + area.width * 0.08, area.top + area.height * 0.42, area.right - 20, area.bottom)
    y = write_lines(writer, inner, name, font, ink, anchor=writer.words.one_of("l", "m"))
    if style > 1:
        sheet.rule(inner.left, y + 4, inner.right - area.width * 0.06, y + 4, writer.accent, 2)
    if writer.chance(0.3):
        write_lines(writer, replace(inner, top=y + 12), writer.words.phrase(3, 7), writer.font(0.8), ink)


def _photograph(writer: Writer, area: Area) -> None:
    """Fill an area with a photograph of objects or of soft colours."""
    if writer.chance(0.4):
        writer.sheet.picture(area.left, area.top, area.width, area.height)
        return
    size = (max(2, round(area.width)), max(2, round(area.height)))
    photo = ImageOps.fit(draw_photograph(writer.sheet.rng).image, size)
    writer.sheet.image.paste(photo, (round(area.left), round(area.top)))


def _veil(writer: Writer, area: Area, color: Color, share: float) -> None:
    """Draw a translucent colour over an area."""
    box = (round(area.left), round(area.top), round(area.right), round(area.bottom))
    below = writer.sheet.image.crop(box)
    writer.sheet.image.paste(Image.blend(below, Image.new("RGB", below.size, color), share), box[:2])


def photograph_slide(writer: Writer) -> None:
    """Draw a photograph that fills the slide, with large words on a band, panel, veil or shadow."""
    sheet, style = writer.sheet, writer.count(0, 3)
    whole = Area(0, 0, sheet.width, sheet.height)
    _photograph(writer, whole)
    veil = writer.words.one_of("dark", "dark", "light", "accent")
    color = {"dark": BLACK, "light": WHITE, "accent": writer.accent}[veil]
    ink, share = readable_ink(color), writer.between(0.55, 0.85)
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
    """Write large words, sometimes with a line or a few remarks below them."""
    margin, anchor = area.width * 0.07, writer.words.one_of("l", "m")
    font = writer.font(writer.between(1.3, 2.6), "bold" if writer.chance(0.6) else "regular")
    text = _short_text(writer) if writer.chance(0.3) else writer.words.phrase(2, 6)
    top = area.top + area.height * writer.between(0.1, 0.35)
    text_area = Area(area.left + margin, top, area.right - margin, area.bottom)
    if shadow:
        moved = replace(text_area, left=text_area.left + 2, right=text_area.right + 2, top=top + 2)
        write_lines(writer, moved, text, font, BLACK, anchor=anchor)
    y = write_lines(writer, text_area, text, font, ink, anchor=anchor) + writer.size * 0.5
    if shadow or writer.chance(0.3):
        return
    for _ in range(writer.count(1, 4)):
        text = writer.words.phrase(2, 8)
        y = write_lines(writer, replace(text_area, top=y), text, writer.font(), ink, anchor=anchor) + writer.size * 0.4


def half_photograph_slide(writer: Writer) -> None:
    """Draw a photograph on one half of the slide and a few words on the other."""
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
    rest = draw_heading(writer, rest, writer.words.phrase(1, 3))
    if writer.chance(0.6):
        draw_outline(writer, rest)
    else:
        _remarks(writer, rest)


def screenshot_slide(writer: Writer) -> None:
    """Draw a title and a picture of a window, with or without a theme."""
    sheet, talk = writer.sheet, random_talk(writer.words)
    area = draw_theme(writer, talk) if writer.chance(0.4) else Area(0, 0, sheet.width, sheet.height)
    area = draw_heading(writer, area, writer.words.phrase(1, 4))
    if writer.chance(0.3):
        area = replace(area, top=draw_outline(writer, replace(area, bottom=area.top + writer.step * 2.5)))
    width = area.width * writer.between(0.65, 1)
    left = area.left + (area.width - width) * writer.count(0, 2) / 2
    window = Area(left, area.top, left + width, area.bottom)
    if writer.chance(0.35):
        picture = ImageOps.contain(
            draw_screenshot(sheet.rng).image, (round(window.width), max(20, round(window.height)))
        )
        sheet.image.paste(picture, (round(window.left), round(window.top)))
    else:
        _window(writer, window)


def _window(writer: Writer, area: Area) -> None:
    """Draw a title bar with buttons, a toolbar, a pane with names and one with small monospaced lines."""
    sheet, dark = writer.sheet, writer.chance(0.35)
    ground, ink = ((30, 32, 38), (215, 215, 215)) if dark else ((252, 252, 252), (40, 40, 40))
    bar = mix_colors(ground, ink, 0.12)
    sheet.box(area.left, area.top, area.width, area.height, fill=ground, line=mix_colors(ground, ink, 0.4))
    sheet.box(area.left, area.top, area.width, 16, fill=mix_colors(ground, ink, 0.22))
    font = choose_face("sans", sheet.rng).at(9)
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
    sheet.rule(split, y, split, area.bottom, mix_colors(ground, ink, 0.4))
    _rows(
        writer, Area(split + 8, y + 4, area.right - 6, area.bottom - 6), ink, font_size=writer.count(7, 11), mono=True
    )


def _rows(writer: Writer, area: Area, ink: Color, *, font_size: int, mono: bool) -> None:
    """Draw small lines of text, some indented and some in colour."""
    font, y = choose_face("mono" if mono else "sans", writer.sheet.rng).at(font_size), area.top
    while y + font_size * 1.5 < area.bottom and area.width > 30:
        inset = font_size * writer.count(0, 3) if mono else 0
        if writer.chance(0.85):
            text = clip_text(writer.words.phrase(1, 9 if mono else 2).lower(), font, area.width - inset)
            color = mix_colors(ink, writer.sheet.color(60, 200), 0.6) if writer.chance(0.3) else ink
            writer.sheet.text(area.left + inset, y, text, font, color)
        y += font_size * 1.45

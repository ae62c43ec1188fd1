"""Themes of slides: side bars, headlines, footlines, titles and navigation."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from training.synthesis.raster_layouts.fonts import Font
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color, RasterSheet, clip_text, line_height, wrap_words
from training.synthesis.raster_layouts.words import RasterWords
from training.synthesis.raster_layouts.writer import Writer, readable_ink, weighted_choice

SECTIONS = {
    "en": (
        "Introduction",
        "Motivation",
        "Related work",
        "Method",
        "Experiments",
        "Results",
        "Discussion",
        "Conclusion",
    ),
    "fr": ("Introduction", "Contexte", "État de l'art", "Méthode", "Expériences", "Résultats", "Conclusion"),
    "de": ("Einleitung", "Motivation", "Grundlagen", "Verfahren", "Ergebnisse", "Ausblick", "Zusammenfassung"),
    "es": ("Introducción", "Objetivos", "Marco teórico", "Método", "Resultados", "Discusión", "Conclusiones"),
    "it": ("Introduzione", "Obiettivi", "Stato dell'arte", "Metodo", "Risultati", "Conclusioni"),
    "nl": ("Inleiding", "Doel", "Achtergrond", "Methode", "Resultaten", "Conclusie"),
    "pt": ("Introdução", "Objetivos", "Trabalhos relacionados", "Método", "Resultados", "Conclusão"),
}
"""Names of a talk's sections by language."""


@dataclass(frozen=True)
class Area:
    """A rectangle of a slide that is free to write on."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """The width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The height in pixels."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Talk:
    """The details of a talk that a theme repeats on every slide; `present` is the index of the current section."""

    title: str
    author: str
    place: str
    sections: tuple[str, ...]
    present: int
    page: int
    pages: int


def random_talk(words: RasterWords) -> Talk:
    """Return the details of a made-up talk."""
    rng = words.rng
    names = SECTIONS[words.language]
    kept = sorted(int(n) for n in rng.choice(len(names), int(rng.integers(3, 7)), replace=False))
    sections = tuple(names[n] if rng.random() < 0.7 else words.phrase(1, 2) for n in kept)
    pages = int(rng.integers(6, 70))
    present, page = int(rng.integers(len(sections))), int(rng.integers(1, pages + 1))
    return Talk(words.phrase(2, 5), words.person(), words.firm(), sections, present, page, pages)


def mix_colors(first: Color, second: Color, share: float) -> Color:
    """Return a colour between two; `share` is the proportion of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _gradient_end(fill: Color) -> Color:
    """Return an end colour for a gradient on which the ink remains readable."""
    return WHITE if readable_ink(fill) == BLACK else BLACK


def draw_gradient(sheet: RasterSheet, area: Area, first: Color, second: Color, *, across: bool) -> None:
    """Fill a rectangle with a gradient from the left or from the top."""
    w, h = max(1, round(area.width)), max(1, round(area.height))
    ramp = np.linspace(0, 1, w if across else h)
    line = np.asarray(first) + ramp[:, None] * (np.asarray(second) - np.asarray(first))
    pixels = np.broadcast_to(line[None, :] if across else line[:, None], (h, w, 3))
    sheet.image.paste(Image.fromarray(pixels.astype(np.uint8)), (round(area.left), round(area.top)))


def write_lines(
    writer: Writer, area: Area, text: str, font: Font, fill: Color, *, anchor: str = "l", leading: float = 1.12
) -> float:
    """Write wrapped text flush left, centred or flush right ("l", "m", "r") and return the y below it."""
    x = {"l": area.left, "m": (area.left + area.right) / 2, "r": area.right}[anchor]
    y, step = area.top, line_height(font) * leading
    for line in wrap_words(text, font, area.width):
        if y + step > area.bottom:
            break
        writer.sheet.text(x, y, clip_text(" ".join(line), font, area.width), font, fill, f"{anchor}a")
        y += step
    return y


def draw_side_bar(writer: Writer, talk: Talk, area: Area) -> Area:
    """Draw a coloured bar of full height with the speaker and the progress; return the remaining area."""
    sheet = writer.sheet
    width = area.width * writer.between(0.08, 0.25)
    left = writer.chance(0.65)
    bar = replace(area, right=area.left + width) if left else replace(area, left=area.right - width)
    pale = writer.chance(0.2)
    fill = mix_colors(writer.accent, WHITE, 0.75) if pale else writer.accent
    if writer.chance(0.4):
        draw_gradient(sheet, bar, fill, mix_colors(fill, _gradient_end(fill), 0.5), across=writer.chance(0.3))
    else:
        sheet.box(bar.left, bar.top, bar.width, bar.height, fill=fill)
    if width < area.width * 0.125 or writer.chance(0.12):
        _vertical_title(writer, talk, bar, readable_ink(fill))
    elif writer.chance(0.9):
        _contents(writer, talk, bar, readable_ink(fill), fill)
    return replace(area, left=bar.right) if left else replace(area, right=bar.left)


def _vertical_title(writer: Writer, talk: Talk, bar: Area, ink: Color) -> None:
    """Write the title vertically, and the page number at the end of the bar."""
    size = min(bar.width * writer.between(0.25, 0.5), bar.height * 0.08)
    font = writer.face.at(size, writer.words.one_of("bold", "regular"))
    text = clip_text(writer.words.one_of(talk.title, talk.sections[talk.present], talk.author), font, bar.height * 0.75)
    x, y = (bar.left + bar.right) / 2, bar.top + bar.height * writer.between(0.42, 0.55)
    writer.write_rotated(x, y, text, font, 90 if writer.chance(0.8) else 270, ink, frame=False)
    if writer.chance(0.6):
        writer.sheet.text(x, bar.bottom - 8, str(talk.page), writer.face.at(min(size, 14)), ink, "ms")


def _contents(writer: Writer, talk: Talk, bar: Area, ink: Color, fill: Color) -> None:
    """Write a short title, an author and the sections, the current one in full ink, above a logo or the progress."""
    sheet, pad = writer.sheet, bar.width * 0.08
    small = min(bar.width * writer.between(0.085, 0.12), bar.height * 0.045)
    inner = Area(bar.left + pad, bar.top + bar.height * writer.between(0.02, 0.2), bar.right - pad, bar.bottom - 40)
    anchor, y = writer.words.one_of("l", "l", "m"), inner.top
    if writer.chance(0.75):
        y = write_lines(writer, inner, talk.title, writer.face.at(small * 1.15, "bold"), ink, anchor=anchor) + small
    if writer.chance(0.75):
        y = write_lines(writer, replace(inner, top=y), talk.author, writer.face.at(small), ink, anchor=anchor) + small
    dim, mark = mix_colors(ink, fill, 0.5), writer.chance(0.3)
    for number, name in enumerate(talk.sections if writer.chance(0.8) else ()):
        here = number == talk.present
        if here and mark:
            sheet.box(bar.left, y - 2, bar.width, small * 1.5, fill=mix_colors(fill, ink, 0.3))
        font = writer.face.at(small, "bold" if here else "regular")
        y = write_lines(writer, replace(inner, top=y), name, font, ink if here else dim) + small * 0.5
    foot, end = bar.bottom - 22, writer.count(0, 3)
    if end == 0:
        sheet.box(inner.left, foot, inner.width, 6, line=ink)
        sheet.box(inner.left, foot, inner.width * talk.page / talk.pages, 6, fill=ink)
    elif end == 1:
        sheet.logo(inner.left, foot - 12, 24, ink)
    elif end == 2:
        sheet.text(inner.left, foot, f"{talk.page} / {talk.pages}", writer.face.at(small), ink)


def draw_headline(writer: Writer, talk: Talk, area: Area) -> Area:
    """Draw one or two rows of coloured boxes with section names and slide dots; return the remaining area."""
    sheet, rows = writer.sheet, writer.count(1, 2)
    font = writer.face.at(sheet.height * writer.between(0.02, 0.028))
    height = font.size * writer.between(1.5, 2.2)
    shades = (mix_colors(writer.accent, BLACK, 0.45), writer.accent)
    y, dots = area.top, writer.chance(0.6)
    for row in range(rows):
        fill = shades[row]
        deep = height * (1.7 if dots and row == 0 else 1)
        sheet.box(area.left, y, area.width, deep, fill=fill)
        names = talk.sections if row == 0 else (talk.sections[talk.present],)
        width = area.width / max(len(names), 2)
        for number, name in enumerate(names):
            here = row == 1 or number == talk.present
            ink = readable_ink(fill) if here else mix_colors(readable_ink(fill), fill, 0.5)
            x = area.left + number * width + 6
            sheet.text(x, y + (height - font.size) * 0.4, clip_text(name, font, width - 10), font, ink)
            if dots and row == 0:
                _dots(writer, x, y + height, width - 12, ink, here=here)
        y += deep
    return replace(area, top=y + 1)


def _dots(writer: Writer, x: float, y: float, width: float, ink: Color, *, here: bool) -> None:
    """Draw small circles, one for each slide, the current one filled."""
    count = min(writer.count(2, 9), int(width // 7))
    filled = writer.count(0, 8) if here else -1
    for number in range(count):
        dot = (x + number * 7, y, x + number * 7 + 4, y + 4)
        writer.sheet.pen.ellipse(dot, fill=ink if number == filled else None, outline=ink)


def draw_footline(writer: Writer, talk: Talk, area: Area) -> Area:
    """Draw two or three coloured boxes at the foot: author, title, date and page number; return the remaining area."""
    sheet, count = writer.sheet, writer.count(2, 3)
    font = writer.face.at(sheet.height * writer.between(0.02, 0.028))
    height, width = font.size * writer.between(1.5, 2), area.width / count
    texts = [f"{talk.author} ({talk.place})", talk.title, f"{writer.words.date()}    {talk.page}/{talk.pages}"]
    if count == 2:
        texts = [talk.author, f"{talk.title}    {talk.page}/{talk.pages}"]
    y = area.bottom - height
    for number, text in enumerate(texts):
        fill = mix_colors(writer.accent, BLACK, (0.5, 0.25, 0)[number])
        x = area.left + number * width
        sheet.box(x, y, width, height, fill=fill)
        sheet.text(x + width / 2, y + height / 2, clip_text(text, font, width - 10), font, readable_ink(fill), "mm")
    return replace(area, bottom=y)


def draw_no_decoration(_writer: Writer, _now: Talk, area: Area) -> Area:
    """Draw nothing and return the whole area."""
    return area


FRAMES: dict[Callable[[Writer, Talk, Area], Area], float] = {
    draw_side_bar: 0.5,
    draw_headline: 0.3,
    draw_no_decoration: 0.2,
}
"""Decorations around the slide's own text, and their shares."""


def draw_theme(writer: Writer, talk: Talk) -> Area:
    """Draw a theme and return the area that it leaves to the slide."""
    area = Area(0, 0, writer.sheet.width, writer.sheet.height)
    frame = weighted_choice(FRAMES, writer.sheet.rng)
    if writer.chance(0.25 if frame is draw_side_bar else 0.55):
        area = draw_footline(writer, talk, area)
    area = frame(writer, talk, area)
    if writer.chance(0.35):
        _navigation(writer, area)
    if writer.chance(0.2):
        edge = area.right - writer.size * 2
        writer.sheet.logo(edge, area.top + writer.size * 0.4, writer.size * 1.4, mix_colors(writer.accent, WHITE, 0.3))
    return area


def _navigation(writer: Writer, area: Area) -> None:
    """Draw tiny arrows and icons at the lower right."""
    color, pen, y = mix_colors(writer.accent, WHITE, 0.5), writer.sheet.pen, area.bottom - 9
    for number in range(5):
        x = area.right - 92 + number * 18
        pen.polygon([(x, y + 3), (x + 3, y), (x + 3, y + 6)], fill=color)
        pen.rectangle((x + 5, y + 1, x + 8, y + 4), outline=color)
        pen.polygon([(x + 13, y + 3), (x + 10, y), (x + 10, y + 6)], fill=color)


def draw_heading(writer: Writer, area: Area, text: str) -> Area:
    """Write the slide's title at the top or on the left; return the remaining area, with margins."""
    if area.width > writer.sheet.width * 0.8 and writer.chance(0.12):
        return _heading_at_left(writer, area, text)
    sheet, style = writer.sheet, writer.count(0, 4)
    margin = area.width * writer.between(0.03, 0.09)
    inner = Area(area.left + margin, area.top + writer.size * 0.6, area.right - margin, area.bottom - 14)
    font = writer.font(writer.between(1.25, 1.7), "bold" if writer.chance(0.4) else "regular")
    text = clip_text(text, font, inner.width - writer.size * 2)
    if style < 2:
        height = font.size * writer.between(1.4, 2.2)
        fill = writer.accent if style == 0 else mix_colors(writer.accent, BLACK, 0.3)
        strip = replace(area, bottom=area.top + height)
        draw_gradient(sheet, strip, fill, mix_colors(fill, _gradient_end(fill), writer.between(0, 0.6)), across=True)
        sheet.text(inner.left, area.top + height / 2, text, font, readable_ink(fill), "lm")
        return replace(inner, top=strip.bottom + writer.size)
    if style == 2:
        y = write_lines(writer, inner, text, font, writer.accent, anchor="m")
    else:
        y = write_lines(writer, inner, text, font, writer.accent if style == 3 else writer.ink)
    if writer.chance(0.3):
        sheet.rule(inner.left, y + 3, inner.right, y + 3, writer.accent, writer.count(1, 3))
    return replace(inner, top=y + writer.size * 0.8)


def _heading_at_left(writer: Writer, area: Area, text: str) -> Area:
    """Write the slide's title into a separate column, coloured or not; return the area next to it."""
    column = replace(area, right=area.left + area.width * writer.between(0.22, 0.34))
    fill = mix_colors(writer.accent, BLACK, writer.between(0, 0.5))
    coloured = writer.chance(0.7)
    if coloured:
        writer.sheet.box(column.left, column.top, column.width, column.height, fill=fill)
    inner = Area(
        column.left + 14, column.top + area.height * writer.between(0.06, 0.45), column.right - 10, area.bottom
    )
    font = writer.font(writer.between(1.1, 1.5), "bold" if writer.chance(0.5) else "regular")
    write_lines(writer, inner, text, font, readable_ink(fill) if coloured else writer.accent)
    return Area(column.right + 22, area.top + area.height * 0.08, area.right - 22, area.bottom - 14)

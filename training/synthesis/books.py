"""Pages of printed books."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from training.synthesis.fonts import Face, choose_face
from training.synthesis.prose import paper_color
from training.synthesis.sheet import Color, Sheet
from training.synthesis.words import Words


def draw_book_page(rng: np.random.Generator) -> Sheet:
    """Draw a page of a printed book: prose, verse, dialogue, a chapter opening or notes; single or a spread."""
    width = int(rng.uniform(430, 600))
    height = int(width * rng.uniform(1.3, 1.75))
    if rng.random() > 0.15:
        return _leaf(rng, width, height)
    left, right = _leaf(rng, width, height), _leaf(rng, width, height)
    sheet = Sheet(2 * width, height, rng)
    sheet.image.paste(left.image, (0, 0))
    sheet.image.paste(right.image, (width, 0))
    distance = np.abs(np.arange(2 * width) - width) / (width * 0.08)
    gutter = np.asarray(sheet.image) * (0.5 + 0.5 * np.clip(distance, 0, 1))[None, :, None]
    sheet.image = Image.fromarray(gutter.astype(np.uint8))
    return sheet


@dataclass(frozen=True)
class _TypeArea:
    """The printed area of a page and its type."""

    sheet: Sheet
    words: Words
    face: Face
    size: float
    ink: Color
    left: float
    width: float
    leading: float

    def center(self, y: float, text: str, scale: float = 1, style: str = "regular") -> float:
        """Print a centred line and return the y below it."""
        font = self.face.at(self.size * scale, style)
        return self.sheet.text(self.left + self.width / 2, y, text, font, self.ink, "ma")

    def prose(self, y: float, words: int, bottom: float, *, indent: float, scale: float = 1) -> float:
        """Print a justified paragraph and return the y below it."""
        text, font = self.words.paragraph(words), self.face.at(self.size * scale)
        return self.sheet.paragraph(
            self.left, y, self.width, text, font,
            fill=self.ink, leading=self.leading, justify=True, indent=indent, bottom=bottom,
        )  # fmt: skip


def _leaf(rng: np.random.Generator, width: int, height: int) -> Sheet:
    sheet = Sheet(width, height, rng, paper_color(rng, 0.6))
    left, right = (width * float(rng.uniform(0.06, 0.18)) for _ in range(2))
    area = _TypeArea(
        sheet=sheet,
        words=Words(rng),
        face=choose_face("book", rng),
        size=float(rng.uniform(9, 16)),
        ink=(int(rng.integers(0, 70)),) * 3,
        left=left,
        width=width - left - right,
        leading=float(rng.uniform(1.05, 1.45)),
    )
    end = height * float(rng.uniform(0.88, 0.95))
    y = _head(area, height * float(rng.uniform(0.05, 0.1)), end)
    notes = end - (area.size * 7 if rng.random() < 0.2 else 0)
    print_text = (_prose, _prose, _prose, _verse, _dialogue)[rng.integers(5)]
    while y < notes - area.size * 1.5:
        y = print_text(area, y, notes)
    if notes < end:
        sheet.rule(left, notes + 2, left + area.width * 0.3, notes + 2, area.ink)
        area.prose(notes + 6, 60, end, indent=0, scale=0.75)
    return sheet


def _head(area: _TypeArea, y: float, end: float) -> float:
    """Print the running head or the page number, and sometimes a chapter's title or a picture."""
    sheet, words, rng = area.sheet, area.words, area.sheet.rng
    folio = str(rng.integers(2, 600))
    if rng.random() < 0.7:
        x = area.left if rng.random() < 0.5 else area.left + area.width
        sheet.text(x, y, folio, area.face.at(area.size * 0.9), area.ink, "ma")
        y = area.center(y, words.phrase(2, 4).upper(), 0.85) + area.size
    else:
        area.center(end + area.size * 0.8, folio, 0.9)
    if rng.random() < 0.25:
        chapter = words.one_of("CHAPTER ", "CHAPITRE ", "KAPITEL ", "") + words.one_of("I", "IV", "XII", "7")
        y = area.center(y + sheet.height * float(rng.uniform(0.03, 0.2)), chapter, 1.6)
        y = area.center(y + 6, words.phrase(2, 5), 1.1, "italic") + area.size * 2
    if rng.random() < 0.1:
        height = sheet.height * float(rng.uniform(0.2, 0.4))
        sheet.picture(area.left + area.width * 0.1, y, area.width * 0.8, height)
        y = area.center(y + height + 4, words.phrase(3, 7), 0.85, "italic") + area.size
    return y


def _prose(area: _TypeArea, y: float, bottom: float) -> float:
    return area.prose(y, int(area.sheet.rng.integers(30, 220)), bottom, indent=area.size * 1.5)


def _dialogue(area: _TypeArea, y: float, bottom: float) -> float:
    return area.prose(area.center(y, area.words.fake.first_name().upper(), 0.9), 30, bottom, indent=15)


def _verse(area: _TypeArea, y: float, bottom: float) -> float:
    rng, font = area.sheet.rng, area.face.at(area.size)
    for _ in range(rng.integers(4, 9)):
        if y < bottom - area.size:
            x = area.left + area.width * 0.15 + float(rng.choice([0, 0, 15]))
            y = area.sheet.text(x, y, area.words.phrase(4, 7), font, area.ink) + area.size * (area.leading - 1)
    return y + area.size

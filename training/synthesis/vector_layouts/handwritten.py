"""Handwritten pages: letters, notes, lists and school work, on plain, ruled or squared paper."""

from dataclasses import dataclass
from random import Random

from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.strokes import Handwriting

SIZES = (A4, A4, LETTER, (420.0, 595.0), (430.0, 600.0), (595.0, 420.0))
GREETINGS = {
    "en": ("Dear {},", "My dear {},", "Hello {}!"),
    "fr": ("Cher {},", "Ma chère {},"),
    "de": ("Lieber {},", "Liebe {},"),
    "es": ("Querido {}:", "Hola {},"),
}
FAREWELLS = {
    "en": ("With love,", "Yours,", "See you soon,"),
    "fr": ("Je t'embrasse,", "Bien à toi,"),
    "de": ("Herzlichst,", "Bis bald,"),
    "es": ("Un abrazo,", "Hasta pronto,"),
}


@dataclass
class WritingPad:
    """Writing paper that a handwriting fills line by line."""

    sheet: VectorSheet
    hand: Handwriting
    left: float
    right: float
    pitch: float
    size: float
    y: float

    @property
    def full(self) -> bool:
        """Whether the last line is written."""
        return self.y > self.sheet.height - 45

    def write(self, text: str, *, indent: float = 0.0) -> None:
        """Write a paragraph with an indented first line."""
        for number, line in enumerate(self.hand.lines(text, self.size, self.right - self.left - indent)):
            if self.full:
                return
            self.hand.write(self.sheet, self.left + indent * (number == 0), self.y, line, self.size)
            self.y += self.pitch


def draw_vector_handwritten(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a handwritten page."""
    words = VectorWords(rng, language or rng.choice(("en", "en", "fr", "fr", "de", "es")))
    sheet = VectorSheet(rng.choice(SIZES))
    size = rng.uniform(8.5, 14.0)
    pad = WritingPad(
        sheet, Handwriting(rng), rng.uniform(28, 75), sheet.width - rng.uniform(18, 55), size * rng.uniform(1.65, 2.3),
        size, rng.uniform(50, 95),
    )  # fmt: skip
    _paper(rng, pad)
    rng.choice((_letter, _letter, _prose, _prose, _list, _school))(rng, words, pad)
    if rng.random() < 0.2:
        _strike_out(rng, pad)
    return sheet


def _paper(rng: Random, pad: WritingPad) -> None:
    """Draw the ruling of the paper."""
    sheet = pad.sheet
    look = rng.choice(("plain", "plain", "ruled", "ruled", "squared"))
    color = rng.choice(("#b9c9de", "#c9c9c9", "#a9bfd0", "#d6b8b8"))
    if look == "ruled":
        y = pad.y + 3.0
        while y < sheet.height - 20:
            sheet.rule((0, y), (sheet.width, y), 0.6, color=color)
            y += pad.pitch
        if rng.random() < 0.5:
            sheet.rule((pad.left - 8, 0), (pad.left - 8, sheet.height), 0.8, color="#d98a8a")
        if rng.random() < 0.3:
            for hole in (0.12, 0.5, 0.88):
                sheet.circle(16, sheet.height * hole, 7, fill="#8f8f8f")
    elif look == "squared":
        for x in range(0, int(sheet.width), 14):
            sheet.rule((x, 0), (x, sheet.height), 0.4, color=color)
        for y in range(0, int(sheet.height), 14):
            sheet.rule((0, y), (sheet.width, y), 0.4, color=color)


def _letter(rng: Random, words: VectorWords, pad: WritingPad) -> None:
    day = words.dated(words.day(1905, 2024), long=True)
    date_x = pad.right - pad.hand.length(day, pad.size) if rng.random() < 0.7 else pad.left
    pad.hand.write(pad.sheet, max(pad.left, date_x), pad.y, day, pad.size)
    pad.y += pad.pitch * 2
    pad.write(rng.choice(GREETINGS[words.language]).format(words.faker.first_name()))
    pad.y += pad.pitch * 0.5
    for _ in range(rng.randint(2, 5)):
        pad.write(words.passage("notes", rng.randint(3, 6)), indent=rng.choice((0.0, 24.0)))
    if pad.y < pad.sheet.height - 100:
        x = rng.choice((pad.left, (pad.left + pad.right) / 2))
        pad.y += pad.pitch * 0.5
        pad.hand.write(pad.sheet, x, pad.y, rng.choice(FAREWELLS[words.language]), pad.size)
        pad.hand.sign(pad.sheet, x + 14, pad.y + pad.pitch * 1.4, words.name(), pad.size * 1.5)


def _prose(rng: Random, words: VectorWords, pad: WritingPad) -> None:
    if rng.random() < 0.3:
        number = str(rng.randint(1, 40))
        pad.hand.write(pad.sheet, pad.right - 20, pad.y - pad.pitch, number, pad.size)
    genre = rng.choice(("notes", "notes", "letter", "novel"))
    while not pad.full:
        pad.write(words.passage(genre, rng.randint(3, 7)), indent=rng.choice((0.0, 20.0)))
        pad.y += pad.pitch * rng.choice((0.0, 0.0, 1.0))
        if rng.random() < 0.12:
            break


def _list(rng: Random, words: VectorWords, pad: WritingPad) -> None:
    title = words.company()
    end = pad.hand.write(pad.sheet, pad.left, pad.y, title, pad.size * 1.25)
    pad.sheet.strokes([[(pad.left, pad.y + 6), (end, pad.y + 4)]], 1.1, color=pad.hand.ink)
    pad.y += pad.pitch * 1.6
    for number in range(1, rng.randint(6, 16)):
        if pad.full:
            break
        mark = rng.choice((f"{number}.", "-"))
        pad.hand.write(pad.sheet, pad.left, pad.y, mark, pad.size)
        left, pad.left = pad.left, pad.left + pad.size * 1.9
        pad.write(words.passage("notes", 1))
        pad.left = left


def _school(rng: Random, words: VectorWords, pad: WritingPad) -> None:
    """Write lines of arithmetic between lines of text."""
    while not pad.full:
        pad.write(words.passage("notes", rng.randint(1, 3)))
        for _ in range(rng.randint(1, 4)):
            if pad.full:
                break
            a, b = rng.randint(2, 40), rng.randint(2, 40)
            line = rng.choice((f"{a} x {b} = {a * b}", f"y = {a} x + {b}", f"{a}/{b} + 1 = {a + b}/{b}",
                               f"F = {a} N, m = {b} kg"))  # fmt: skip
            pad.hand.write(pad.sheet, pad.left + 40, pad.y, line, pad.size)
            pad.y += pad.pitch
    if rng.random() < 0.5:
        Handwriting(rng, ink="#b3202a").write(pad.sheet, pad.right - 85, 45, f"{rng.randint(8, 20)}/20", 20)


def _strike_out(rng: Random, pad: WritingPad) -> None:
    """Cross out a word or two."""
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(pad.left, pad.right - 80), rng.uniform(120, max(130, pad.y))
        points = [(x + step * 9.0, y + rng.gauss(0, 2.5)) for step in range(rng.randint(4, 8))]
        pad.sheet.strokes([points], 1.4, color=pad.hand.ink)

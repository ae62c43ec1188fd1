"""Pages of old books: hand-set type in a narrow measure, a running head, a catchword, sometimes a headpiece."""

import math
from random import Random

from training.synthesis.vector_layouts.drawing import VectorSheet, text_width, wrap_text
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.typefaces import Family, choose_family

HEADS = {
    "en": ("THE HISTORY OF A VOYAGE", "LETTERS TO A FRIEND", "THE TRAVELLER", "AN ESSAY ON HUMAN FORTUNE",
           "MEMOIRS OF A GENTLEMAN", "THE COUNTRY PARSON"),
    "fr": ("HISTOIRE D'UN VOYAGE", "LETTRES D'UNE DAME", "AVANT-PROPOS", "MÉMOIRES DU CHEVALIER",
           "DISCOURS SUR LA FORTUNE", "LE PAYSAN"),
    "de": ("GESCHICHTE EINER REISE", "BRIEFE AN EINEN FREUND", "DER WANDERER", "VORREDE"),
    "it": ("STORIA DI UN VIAGGIO", "LETTERE AD UN AMICO", "IL VIANDANTE", "PREFAZIONE"),
}  # fmt: skip
PERSONS = ("LE DOCTEUR", "ARISTE", "LA COMTESSE", "DAMON", "LISETTE", "Sir JOHN", "Mrs. LOVELY", "VALERE")
ROMAN = ("i", "ij", "iij", "iv", "v", "vj", "vij", "viij", "ix", "x", "xj", "xij", "xiij", "xiv", "xv", "xvj", "xvij")


LONG_S = "\N{LATIN SMALL LETTER LONG S}"


class Leaf:
    """A page of an old book, set from the running head down to the catchword."""

    def __init__(self, rng: Random, words: VectorWords) -> None:
        self.rng, self.words = rng, words
        width = rng.uniform(260, 330)
        self.sheet = VectorSheet((width, width * rng.uniform(1.5, 1.78)))
        self.fonts: Family = choose_family(rng, "SourceSerif", "Caladea", "Times", "SourceSerif")
        self.size = rng.uniform(9.5, 13.0)
        self.leading = self.size * rng.uniform(1.14, 1.35)
        self.left = rng.uniform(32, 58)
        self.right = width - rng.uniform(28, 52)
        self.y = rng.uniform(40, 62)
        self.bottom = self.foot = self.sheet.height - rng.uniform(54, 90)
        self.long_s = rng.random() < 0.75

    @property
    def measure(self) -> float:
        """The width of the type area."""
        return self.right - self.left

    @property
    def full(self) -> bool:
        """Whether the last line is set."""
        return self.y + self.leading > self.bottom

    def with_long_s(self, text: str) -> str:
        """Return text with the long s, except at the end of a word and in typefaces without that glyph."""
        if not self.long_s or self.fonts.regular.startswith("Times"):
            return text
        return "".join(
            LONG_S if letter == "s" and following.isalpha() else letter
            for letter, following in zip(text, text[1:] + " ", strict=True)
        )

    def centred(self, text: str, size: float, *, face: str = "", spacing: float = 0.0) -> None:
        """Set a centred line."""
        width = text_width(text, face or self.fonts.regular, size, spacing=spacing)
        size *= min(1.0, (self.measure - 64) / width)
        self.sheet.text((self.left + self.right) / 2, self.y, text, face or self.fonts.regular, size, align="center",
                        spacing=spacing)  # fmt: skip

    def paragraph(self, text: str, *, indent: float, face: str = "", ragged: bool = False) -> None:
        """Set a paragraph with small random offsets, as in hand-set type."""
        face = face or self.fonts.regular
        lines = wrap_text(self.with_long_s(text), face, self.size, self.measure, indent=indent)
        for number, line in enumerate(lines):
            if self.full:
                return
            self.y += self.leading
            first = indent if number == 0 else 0.0
            self.sheet.line_of_text(
                self.left + first + self.rng.gauss(0, 0.25),
                self.y + self.rng.gauss(0, 0.3),
                self.measure - first,
                line,
                face,
                self.size,
                align="left" if ragged else "justify",
                last=number == len(lines) - 1,
            )

    def running_head(self) -> None:
        """Set the title of the book and the page number."""
        rng = self.rng
        number = rng.choice(ROMAN) if rng.random() < 0.25 else str(rng.randint(2, 420))
        head = rng.choice(HEADS[self.words.language])
        if rng.random() < 0.5:
            self.centred(head, self.size * 0.95, spacing=1.2)
        else:
            self.centred(head.title(), self.size * 1.05, face=self.fonts.italic)
        at_left = rng.random() < 0.5
        self.sheet.text(self.left if at_left else self.right, self.y, number, self.fonts.regular, self.size,
                        align="left" if at_left else "right")  # fmt: skip
        if rng.random() < 0.25:
            self.sheet.rule((self.left, self.y + 4), (self.right, self.y + 4), 0.7)
        self.y += self.leading * 0.8

    def catchword(self) -> None:
        """Set the first word of the next page below the last line, and a signature mark."""
        y = self.foot + self.leading * 1.1
        word = self.with_long_s(self.rng.choice(("which", "had", "qu'elle", "noir", "& the", "cette")))
        self.sheet.text(self.right, y, word, self.fonts.regular, self.size, align="right")
        if self.rng.random() < 0.5:
            mark = f"{self.rng.choice('ABCDEFGHKLM')}{self.rng.choice(('', ' ij', ' 2', ' iij'))}"
            self.sheet.text((self.left + self.right) / 2, y, mark, self.fonts.regular, self.size, align="center")

    def headpiece(self) -> None:
        """Draw an ornament across the page, as at the start of a chapter."""
        top, height = self.y - 8, self.rng.uniform(26, 44)
        sheet, centre = self.sheet, top + height / 2
        sheet.box(self.left, top, self.measure, height, border=1.2)
        sheet.box(self.left + 3, top + 3, self.measure - 6, height - 6, border=0.5)
        turns = self.rng.randint(5, 9)
        pitch = self.measure / turns
        for turn in range(turns):
            middle = self.left + (turn + 0.5) * pitch
            for side in (-1, 1):
                spiral = [
                    (middle + side * (pitch * 0.06 + pitch * 0.38 * (1 - t / 14)) * math.cos(t * 0.65),
                     centre + (height * 0.34 * (1 - t / 16)) * math.sin(t * 0.65))
                    for t in range(13)
                ]  # fmt: skip
                sheet.strokes([spiral], 1.5)
            sheet.circle(middle, centre, 2.6, fill="#000000")
            for petal in range(6):
                angle = petal * math.tau / 6
                sheet.circle(middle + 4.6 * math.cos(angle), centre + 4.6 * math.sin(angle), 1.5, fill="#000000")
        self.y = top + height + self.size * 2.4


def draw_vector_book_page(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a page of an eighteenth-century book."""
    leaf = Leaf(rng, VectorWords(rng, language or rng.choice(("en", "en", "fr", "fr", "de", "it"))))
    kind = rng.choice(("prose", "prose", "notes", "opening", "play", "verse", "dictionary"))
    if kind == "opening":
        _opening(leaf)
    else:
        leaf.running_head()
    if kind == "play":
        _play(leaf)
    elif kind == "verse":
        _verse(leaf)
    elif kind == "dictionary":
        _dictionary(leaf)
    else:
        if kind == "notes":
            _notes(leaf)
        while not leaf.full:
            leaf.paragraph(leaf.words.passage("novel", rng.randint(2, 5)), indent=leaf.size * 1.4)
    if rng.random() < 0.75:
        leaf.catchword()
    return leaf.sheet


def _opening(leaf: Leaf) -> None:
    """Set the start of a chapter: a headpiece, a title, and a paragraph with a large initial."""
    rng = leaf.rng
    leaf.headpiece()
    title = rng.choice(HEADS[leaf.words.language])
    leaf.centred(title, leaf.size * 1.7, spacing=2.5)
    leaf.y += leaf.leading * 1.6
    leaf.centred(rng.choice(("CHAP. I.", "LIVRE PREMIER.", "CHAPITRE II.", "BOOK III.")), leaf.size * 1.05, spacing=1)
    leaf.y += leaf.leading * 0.6
    text = leaf.words.passage("novel", 2)
    size = leaf.leading * 2.1
    leaf.sheet.text(leaf.left, leaf.y + leaf.leading * 1.85, text[0], leaf.fonts.regular, size)
    inset = text_width(text[0], leaf.fonts.regular, size) + 3
    lines = wrap_text(leaf.with_long_s(text[1:]), leaf.fonts.regular, leaf.size, leaf.measure - inset)
    for line in lines[:2]:
        leaf.y += leaf.leading
        leaf.sheet.line_of_text(leaf.left + inset, leaf.y, leaf.measure - inset, line, leaf.fonts.regular, leaf.size)
    leaf.paragraph(" ".join(lines[2:]), indent=0)


def _play(leaf: Leaf) -> None:
    """Set a dialogue with each speaker's name above the speech."""
    persons = leaf.rng.sample(PERSONS, leaf.rng.randint(2, 3))
    turn = 0
    while leaf.y + 2.4 * leaf.leading < leaf.bottom:
        leaf.y += leaf.leading * 1.15
        leaf.centred(persons[turn % len(persons)] + ".", leaf.size * 0.95, spacing=1.5)
        leaf.paragraph(leaf.words.passage("novel", leaf.rng.randint(1, 2)), indent=leaf.size)
        turn += 1


def _notes(leaf: Leaf) -> None:
    """Set footnotes in small type below a short rule."""
    size, leading = leaf.size * 0.72, leaf.leading * 0.74
    lines = wrap_text(
        leaf.with_long_s(f"(a) {leaf.words.passage('novel', leaf.rng.randint(1, 3))}"),
        leaf.fonts.regular,
        size,
        leaf.measure,
    )
    y = leaf.bottom - leading * len(lines)
    leaf.sheet.rule((leaf.left, y), (leaf.left + leaf.measure * 0.3, y), 0.6)
    for number, line in enumerate(lines, 1):
        leaf.sheet.line_of_text(
            leaf.left, y + number * leading, leaf.measure, line, leaf.fonts.regular, size, last=number == len(lines)
        )
    leaf.bottom = y - leading


def _dictionary(leaf: Leaf) -> None:
    """Set entries in two narrow columns with a rule between them."""
    left, right, top = leaf.left, leaf.right, leaf.y
    middle = (left + right) / 2
    leaf.size, leaf.leading = leaf.size * 0.74, leaf.leading * 0.76
    leaf.sheet.rule((middle, top + 6), (middle, leaf.bottom), 0.6)
    for leaf.left, leaf.right in ((left, middle - 6), (middle + 6, right)):
        leaf.y = top
        while not leaf.full:
            entry = leaf.words.faker.last_name().upper()
            leaf.paragraph(f"{entry}. {leaf.words.passage('novel', leaf.rng.randint(1, 2))}", indent=0)
    leaf.left, leaf.right = left, right


def _verse(leaf: Leaf) -> None:
    """Set verses: short lines, ragged on the right."""
    leaf.size *= 0.9
    while not leaf.full:
        for line in wrap_text(leaf.words.passage("novel", 2), leaf.fonts.regular, leaf.size, leaf.measure * 0.86)[:8]:
            leaf.paragraph(line[0].upper() + line[1:], indent=0, ragged=True)
        leaf.y += leaf.leading * 0.7

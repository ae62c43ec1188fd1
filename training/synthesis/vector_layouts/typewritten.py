"""Typewritten pages: letters, memoranda and manuscripts from a worn typewriter."""

from random import Random

from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.strokes import Handwriting
from training.synthesis.vector_layouts.typefaces import SERIF, choose_family

RIBBONS = ("#15151a", "#1d1d24", "#232a44", "#2b2b66", "#3a2d5c", "#2c2622")
OPENINGS = {
    "en": ("Dear Mr. {},", "Dear Madam,", "Gentlemen:", "My dear {},"),
    "fr": ("Monsieur,", "Chère Madame,", "Mon cher {},"),
    "de": ("Sehr geehrter Herr {},", "Sehr geehrte Herren,", "Liebe Frau {},"),
    "es": ("Muy señor mío:", "Estimado señor {}:"),
}
CLOSINGS = {
    "en": ("Yours faithfully,", "Yours sincerely,", "Very truly yours,"),
    "fr": ("Veuillez agréer, Monsieur, mes salutations distinguées.", "Bien à vous,"),
    "de": ("Mit vorzüglicher Hochachtung", "Mit freundlichen Grüssen"),
    "es": ("Atentamente le saluda,", "Suyo afectísimo,"),
}


MEMORANDA = {
    "en": ("MEMORANDUM", "To", "From", "Date", "Subject"),
    "fr": ("NOTE DE SERVICE", "À", "De", "Date", "Objet"),
    "de": ("AKTENNOTIZ", "An", "Von", "Datum", "Betr."),
    "es": ("MEMORÁNDUM", "Para", "De", "Fecha", "Asunto"),
}


class Typewriter:
    """A typewriter: its pitch, its ribbon, and glyphs that print too high, too low or too faint."""

    def __init__(self, rng: Random, sheet: VectorSheet, left: float, size: float, spacing: float) -> None:
        self._rng, self._sheet = rng, sheet
        self.left, self.size, self.leading = left, size, size * spacing
        self.pitch = size * 0.6
        self._face = rng.choice(("Courier", "Courier-Bold", "Courier-Bold"))
        self._ribbon = rng.choice(RIBBONS)
        self._jitter = rng.uniform(0.1, 0.35)
        self._crooked = {chr(code): rng.gauss(0, 0.45) for code in range(33, 250)}
        self.columns = int((sheet.width - left - rng.uniform(36, 80)) / self.pitch)
        self.y = rng.uniform(55, 110)

    def type(self, text: str = "", *, column: int = 0, underline: bool = False) -> None:
        """Type one line from a column on and return the carriage."""
        rng, sheet = self._rng, self._sheet
        x = self.left + column * self.pitch
        wander = rng.gauss(0, 0.3)
        for position, character in enumerate(text):
            if character == " ":
                continue
            at = x + position * self.pitch + rng.gauss(0, self._jitter)
            up = self.y + wander + self._crooked.get(character, 0.0) + rng.gauss(0, self._jitter * 0.7)
            sheet.text(at, up, character, self._face, self.size, color=self._strike())
            if rng.random() < 0.004:  # An overtyped character.
                sheet.text(at + 0.4, up, rng.choice("xn/e"), self._face, self.size, color=self._ribbon)
        if underline:
            sheet.text(x, self.y + 1.2, "_" * len(text), self._face, self.size, color=self._ribbon)
        self.y += self.leading

    def _strike(self) -> str:
        """Return the ribbon's colour at the strength of this key stroke."""
        force = min(1.0, max(0.45, self._rng.gauss(0.9, 0.14)))
        parts = (int(self._ribbon[i : i + 2], 16) for i in (1, 3, 5))
        return "#" + "".join(f"{round(255 - (255 - part) * force):02x}" for part in parts)

    def paragraph(self, text: str, indent: int) -> None:
        """Type a paragraph, breaking lines at the right margin."""
        line = " " * indent
        for word in text.split():
            if len(line) + len(word) + 1 > self.columns and line.strip():
                self.type(line)
                line = word
            else:
                line = f"{line} {word}" if line.strip() else line + word
        self.type(line)

    def skip(self, lines: float = 1.0) -> None:
        """Advance the paper by a number of lines."""
        self.y += self.leading * lines

    def full(self, keep: int) -> bool:
        """Return whether fewer than `keep` lines are left on the page."""
        return self.y + keep * self.leading > self._sheet.height - 40


def draw_vector_typewritten(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a typewritten page: more often a letter than a manuscript."""
    words = VectorWords(rng, language or rng.choice(("en", "en", "fr", "de", "es")))
    sheet = VectorSheet(rng.choice((A4, LETTER, (540.0, 700.0), (576.0, 810.0))))
    machine = Typewriter(
        rng, sheet, rng.uniform(50, 100), rng.choice((10.0, 11.0, 12.0, 12.0)), rng.choice((1.2, 1.5, 1.9, 2.2))
    )
    kind = rng.choices(("letter", "manuscript", "memorandum"), (55, 30, 15))[0]
    if kind == "letter":
        _letter(rng, words, sheet, machine)
    elif kind == "memorandum":
        _memorandum(rng, words, machine)
    else:
        _manuscript(rng, words, machine)
    return sheet


def _letter(rng: Random, words: VectorWords, sheet: VectorSheet, machine: Typewriter) -> None:
    machine.leading = min(machine.leading, machine.size * 1.5)
    sender, person = words.company(), words.name()
    if rng.random() < 0.5:
        fonts = choose_family(rng, *SERIF)
        y = rng.uniform(48, 64)
        sheet.text(sheet.width / 2, y, sender.upper(), fonts.bold, rng.uniform(15, 21), align="center", spacing=1.5)
        sheet.text(sheet.width / 2, y + 15, " - ".join(words.address()), fonts.regular, 8.5, align="center")
        if rng.random() < 0.5:
            sheet.rule((machine.left, y + 24), (sheet.width - machine.left, y + 24), 0.8)
        machine.y = y + rng.uniform(48, 70)
    day = words.dated(words.day(1932, 1974), long=True)
    machine.type(day, column=max(0, rng.choice((0, machine.columns - len(day) - rng.randint(0, 6)))))
    machine.skip(1.5)
    for line in [f"Mr. {person}" if words.language == "en" else person, *words.address()]:
        machine.type(line)
    machine.skip(1.2)
    if rng.random() < 0.3:
        machine.type(f"Ref: {words.digits('##/####')}", column=rng.choice((0, 10)), underline=True)
        machine.skip()
    machine.type(rng.choice(OPENINGS[words.language]).format(person.split()[-1]))
    machine.skip()
    indent = rng.choice((0, 5, 8))
    for _ in range(rng.randint(2, 5)):
        if machine.full(16):
            break
        machine.paragraph(words.passage("letter", rng.randint(2, 4)), indent)
        machine.skip(rng.choice((0.5, 1.0)))
    closing = rng.choice(CLOSINGS[words.language])
    signer = words.name()
    column = 0 if len(closing) > 40 else rng.choice((0, machine.columns // 2))
    machine.type(closing, column=column)
    if rng.random() < 0.7:
        Handwriting(rng, joined=True).sign(
            sheet, machine.left + column * machine.pitch, machine.y + machine.leading * 1.5, signer, 15
        )
    machine.skip(3)
    machine.type(signer, column=column)


def _memorandum(rng: Random, words: VectorWords, machine: Typewriter) -> None:
    title, *labels = MEMORANDA[words.language]
    machine.type(title, column=rng.choice((0, max(0, machine.columns // 2 - len(title) // 2))), underline=True)
    machine.skip()
    answers = (words.name(), words.name(), words.dated(words.day(1932, 1974), long=True), words.company())
    for label, answer in zip(labels, answers, strict=True):
        machine.type(f"{label + ':':<10}{answer}")
    machine.type("-" * (machine.columns - 2))
    for number in range(1, rng.randint(3, 7)):
        if machine.full(10):
            break
        machine.paragraph(f"{number}. {words.passage('letter', rng.randint(1, 3))}", 0)
        machine.skip(0.5)


def _manuscript(rng: Random, words: VectorWords, machine: Typewriter) -> None:
    number = f"- {rng.randint(2, 180)} -"
    machine.type(number, column=machine.columns // 2 - len(number) // 2)
    machine.skip()
    if rng.random() < 0.5:
        title = words.company().upper()
        machine.type(title, column=max(0, machine.columns // 2 - len(title) // 2), underline=True)
        machine.skip()
    genre = "novel" if rng.random() < 0.5 else "letter"
    indent = rng.choice((4, 6, 10))
    while not machine.full(6):
        machine.paragraph(words.passage(genre, rng.randint(1, 4)), indent)
        if rng.random() < 0.4:
            machine.skip(0.6)

"""CVs of one page."""

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.typefaces import SANS, SERIF, Family, choose_family

TERMS = {
    "en": ("Profile", "Experience", "Education", "Skills", "Languages", "Contact", "References", "Curriculum Vitae"),
    "fr": ("Profil", "Expérience", "Formation", "Compétences", "Langues", "Contact", "Références", "Curriculum vitæ"),
    "de": ("Profil", "Berufserfahrung", "Ausbildung", "Kenntnisse", "Sprachen", "Kontakt", "Referenzen", "Lebenslauf"),
    "es": ("Perfil", "Experiencia", "Formación", "Competencias", "Idiomas", "Contacto", "Referencias", "Currículum"),
    "it": ("Profilo", "Esperienza", "Istruzione", "Competenze", "Lingue", "Contatti", "Referenze", "Curriculum vitae"),
    "pt": ("Perfil", "Experiência", "Formação", "Competências", "Idiomas", "Contato", "Referências", "Currículo"),
}  # fmt: skip
SKILLS = ("Project management", "Bookkeeping", "Python", "Excel", "Customer care", "First aid", "AutoCAD",
          "Negotiation", "SQL", "Photoshop", "Public speaking", "Forklift licence", "SAP", "Data analysis",
          "Team leadership", "Welding", "Copywriting", "Scheduling")  # fmt: skip
LANGUAGE_NAMES = ("English", "Français", "Deutsch", "Español", "Italiano", "Português")
DEGREES = ("BSc Economics", "MA History", "Diploma in Nursing", "BEng Civil Engineering", "MSc Statistics",
           "Apprenticeship, Electronics", "BA Modern Languages", "Teaching Certificate")  # fmt: skip
ACCENTS = ("#27496d", "#8b2635", "#2e5d4b", "#4a4a4a", "#5c3d73", "#a35d1c", "#0b7285", "#111111")


@dataclass
class Column:
    """A column of the page that fills from the top."""

    sheet: VectorSheet
    fonts: Family
    x: float
    y: float
    width: float
    size: float
    accent: str
    ink: str
    heading: str

    @property
    def full(self) -> bool:
        """Whether no other block fits."""
        return self.y > self.sheet.height - 90

    def title(self, text: str) -> None:
        """Start a section in the style of this CV."""
        self.y += self.size * 1.2
        face, size = self.fonts.bold, self.size * 1.3
        if self.heading == "bar":
            self.sheet.box(self.x, self.y - size, self.width, size * 1.4, fill=self.accent)
            self.sheet.text(self.x + 5, self.y + 1, text, face, size, color="#ffffff")
        elif self.heading == "center":
            self.sheet.text(self.x + self.width / 2, self.y, text, face, size, align="center", color=self.accent)
        else:
            caps = text.upper() if self.heading in ("caps", "under") else text
            self.sheet.text(self.x, self.y, caps, face, size, color=self.accent, spacing=0.8 * (self.heading == "caps"))
        if self.heading in ("under", "center"):
            self.sheet.rule((self.x, self.y + 4), (self.x + self.width, self.y + 4), 0.8, color=self.accent)
        self.y += size * 1.5

    def text(self, text: str, *, face: str = "", bullet: bool = False) -> None:
        """Set a paragraph, optionally with a bullet."""
        indent = self.size * 1.3 if bullet else 0.0
        if bullet:
            self.sheet.circle(self.x + indent * 0.45, self.y - self.size * 0.3, self.size * 0.14, fill=self.ink)
        self.y = self.sheet.paragraph(
            self.x + indent, self.y, self.width - indent, text, face or self.fonts.regular, self.size,
            leading=1.32, color=self.ink,
        )  # fmt: skip

    def row(self, left: str, right: str) -> None:
        """Set a bold line with a date at its right end."""
        self.sheet.text(self.x, self.y, left, self.fonts.bold, self.size, color=self.ink)
        self.sheet.text(self.x + self.width, self.y, right, self.fonts.regular, self.size * 0.92, align="right",
                        color=self.ink)  # fmt: skip
        self.y += self.size * 1.32


def draw_vector_resume(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a CV of one page."""
    words = VectorWords(rng, language)
    sheet = VectorSheet(LETTER if words.locale == "en_US" else A4)
    name = words.name()
    sheet.describe(f"{TERMS[words.language][7]} {name}", name)
    fonts = choose_family(rng, *SANS, *SANS, *SERIF)
    accent = rng.choice(ACCENTS)
    column = Column(
        sheet, fonts, 0, 0, 0, rng.uniform(8.6, 10.2), accent, "#222222",
        rng.choice(("under", "caps", "bar", "plain", "center")),
    )  # fmt: skip
    rng.choice((_sidebar, _banner, _classic, _classic, _timeline, _tabular))(rng, words, column, name)
    return sheet


def _sidebar(rng: Random, words: VectorWords, main: Column, name: str) -> None:
    """Draw a coloured side column next to the career."""
    sheet, terms = main.sheet, TERMS[words.language]
    width = sheet.width * rng.uniform(0.28, 0.36)
    dark = rng.random() < 0.65
    sheet.box(0, 0, width, sheet.height, fill=main.accent if dark else "#e8ebee")
    ink = "#ffffff" if dark else "#222222"
    side = Column(sheet, main.fonts, 22, 60, width - 40, main.size * 0.95, ink if dark else main.accent, ink, "caps")
    if rng.random() < 0.6:
        sheet.image(width / 2 - 42, 36, 84, 96, draw_passport_photo(rng))
        side.y = 160
    side.title(terms[5])
    for line in [*words.address(), words.phone(), words.mail(name)]:
        side.text(line)
    _skills(rng, words, side)
    _languages(rng, words, side)
    main.x, main.y, main.width = width + 26, 62.0, sheet.width - width - 58
    sheet.text(main.x, main.y, name, main.fonts.bold, 25, color=main.accent)
    sheet.text(main.x, main.y + 19, _job(words), main.fonts.regular, 12, color="#555555")
    main.y += 44
    _career(rng, words, main)


def _banner(rng: Random, words: VectorWords, main: Column, name: str) -> None:
    """Draw a coloured band with the name, and one or two columns below."""
    sheet = main.sheet
    height = rng.uniform(80, 125)
    sheet.box(0, 0, sheet.width, height, fill=main.accent)
    sheet.text(44, height * 0.5, name, main.fonts.bold, 27, color="#ffffff")
    sheet.text(44, height * 0.5 + 20, _job(words), main.fonts.regular, 12, color="#ffffff")
    for number, line in enumerate([*words.address()[-2:], words.phone(), words.mail(name)]):
        sheet.text(sheet.width - 40, 28 + number * 13, line, main.fonts.regular, 8.5, align="right", color="#ffffff")
    main.x, main.y = 44.0, height + 26
    main.width = sheet.width - 88
    if rng.random() < 0.5:
        main.width = sheet.width * 0.56
        side = Column(sheet, main.fonts, main.x + main.width + 28, main.y, sheet.width - main.width - 112,
                      main.size, main.accent, main.ink, main.heading)  # fmt: skip
        _skills(rng, words, side)
        _languages(rng, words, side)
        _education(rng, words, side)
    _career(rng, words, main)


def _classic(rng: Random, words: VectorWords, main: Column, name: str) -> None:
    """Draw one plain column below a centred or left-aligned head."""
    sheet, terms = main.sheet, TERMS[words.language]
    left = rng.uniform(48, 72)
    main.x, main.width = left, sheet.width - 2 * left
    contact = "  |  ".join([words.address()[-1], words.phone(), words.mail(name)])
    if rng.random() < 0.5:
        sheet.text(sheet.width / 2, 62, name, main.fonts.bold, 24, align="center", color=main.accent)
        sheet.text(sheet.width / 2, 80, contact, main.fonts.regular, 9, align="center")
    else:
        if rng.random() < 0.5:
            sheet.text(left, 44, terms[7], main.fonts.regular, 10, color="#666666")
        sheet.text(left, 66, name, main.fonts.bold, 24, color=main.accent)
        sheet.text(left, 82, contact, main.fonts.regular, 9)
        if rng.random() < 0.4:
            sheet.image(sheet.width - left - 62, 28, 62, 74, draw_passport_photo(rng))
    main.y = 112.0
    _career(rng, words, main)
    if not main.full:
        _skills(rng, words, main)
    if not main.full:
        _languages(rng, words, main)


def _timeline(rng: Random, words: VectorWords, main: Column, name: str) -> None:
    """Draw years to the left of a vertical line, and events to its right."""
    sheet, terms = main.sheet, TERMS[words.language]
    sheet.text(50, 64, name, main.fonts.bold, 26, color=main.accent)
    sheet.text(50, 84, "  ·  ".join([_job(words), words.phone(), words.mail(name)]), main.fonts.regular, 9.5)
    line = 132.0
    main.x, main.y, main.width = line + 18, 116.0, sheet.width - line - 68
    for title in (terms[1], terms[2]):
        main.title(title)
        year = rng.randint(2018, 2024)
        for _ in range(rng.randint(2, 4)):
            if main.full:
                break
            begin = year - rng.randint(1, 4)
            sheet.circle(line, main.y - 3, 3.2, fill=main.accent)
            sheet.text(line - 14, main.y, f"{begin} - {year}", main.fonts.regular, main.size, align="right")
            entry = rng.choice(DEGREES) if title == terms[2] else _job(words)
            main.text(entry, face=main.fonts.bold)
            main.text(words.company(), face=main.fonts.italic)
            for item in words.sentences("work", 0 if title == terms[2] else rng.randint(1, 3)):
                main.text(item, bullet=True)
            main.y += main.size
            year = begin
    sheet.rule((line, 116), (line, min(main.y, sheet.height - 40)), 1.0, color=main.accent)
    if not main.full:
        _skills(rng, words, main)


def _tabular(rng: Random, words: VectorWords, main: Column, name: str) -> None:
    """Draw labels in a narrow left column and their values on the right, across the page."""
    sheet, terms = main.sheet, TERMS[words.language]
    divide = rng.uniform(140, 185)
    sheet.text(divide + 12, 60, terms[7], main.fonts.bold, 17, color=main.accent)
    main.x, main.y, main.width = divide + 12, 92.0, sheet.width - divide - 60
    facts = [("", name), (terms[5], ", ".join(words.address())), ("", words.phone()), ("", words.mail(name))]
    for label, fact in facts:
        sheet.text(divide, main.y, label, main.fonts.bold, main.size, align="right", color=main.accent)
        main.text(fact)
    year = rng.randint(2019, 2025)
    for title, entries in ((terms[1], rng.randint(2, 4)), (terms[2], rng.randint(1, 3))):
        main.y += main.size * 1.4
        sheet.text(divide, main.y, title, main.fonts.bold, main.size * 1.1, align="right", color=main.accent)
        main.y += main.size * 1.5
        for _ in range(entries):
            if main.full:
                break
            begin = year - rng.randint(1, 4)
            sheet.text(divide, main.y, f"{begin} - {year}", main.fonts.regular, main.size, align="right")
            main.text(_job(words) if title == terms[1] else rng.choice(DEGREES), face=main.fonts.bold)
            main.text(f"{words.company()}, {words.faker.city()}")
            for item in words.sentences("work", rng.randint(1, 3) if title == terms[1] else 0):
                main.text(item, bullet=True)
            main.y += main.size * 0.8
            year = begin
    for title, items in ((terms[3], rng.sample(SKILLS, 5)), (terms[4], rng.sample(LANGUAGE_NAMES, 3))):
        if not main.full:
            main.y += main.size
            sheet.text(divide, main.y, title, main.fonts.bold, main.size * 1.1, align="right", color=main.accent)
            main.text(", ".join(items))
    if rng.random() < 0.6:
        sheet.rule((divide + 5, 44), (divide + 5, min(main.y + 10, sheet.height - 40)), 0.7, color=main.accent)


def _job(words: VectorWords) -> str:
    return words.faker.job().split(",")[0].split("/")[0].capitalize()


def _career(rng: Random, words: VectorWords, column: Column) -> None:
    terms = TERMS[words.language]
    if rng.random() < 0.7:
        column.title(terms[0])
        column.text(". ".join(words.sentences("work", 2)) + ".")
    column.title(terms[1])
    year = rng.randint(2019, 2025)
    for _ in range(rng.randint(2, 5)):
        if column.full:
            break
        begin = year - rng.randint(1, 5)
        column.row(_job(words)[:44], f"{begin} - {year}")
        column.text(f"{words.company()}, {words.faker.city()}", face=column.fonts.italic)
        for item in words.sentences("work", rng.randint(1, 4)):
            column.text(item, bullet=True)
        column.y += column.size * 0.7
        year = begin
    if not column.full:
        _education(rng, words, column)


def _education(rng: Random, words: VectorWords, column: Column) -> None:
    column.title(TERMS[words.language][2])
    for _ in range(rng.randint(1, 3)):
        if not column.full:
            column.row(rng.choice(DEGREES)[: int(column.width / 7)], str(rng.randint(1994, 2018)))
            column.text(words.faker.city(), face=column.fonts.italic)
            column.y += column.size * 0.4


def _skills(rng: Random, words: VectorWords, column: Column) -> None:
    column.title(TERMS[words.language][3])
    look = rng.choice(("bars", "bullets", "line"))
    skills = rng.sample(SKILLS, rng.randint(4, 8))
    if look == "line":
        column.text(", ".join(skills))
        return
    for skill in skills:
        if column.full:
            break
        column.text(skill, bullet=look == "bullets")
        if look == "bars":
            length = min(column.width, 190.0)
            column.sheet.box(column.x, column.y - column.size * 0.8, length, 3.2, fill="#c8ccd0")
            column.sheet.box(column.x, column.y - column.size * 0.8, length * rng.uniform(0.4, 1), 3.2,
                             fill=column.accent)  # fmt: skip
            column.y += column.size * 0.5


def _languages(rng: Random, words: VectorWords, column: Column) -> None:
    column.title(TERMS[words.language][4])
    for language in rng.sample(LANGUAGE_NAMES, rng.randint(2, 3)):
        column.text(f"{language} ({rng.choice(('A2', 'B1', 'B2', 'C1', 'C2'))})")


def draw_passport_photo(rng: Random) -> Image.Image:
    """Draw an invented passport photo: head and shoulders in front of a plain wall."""
    wall = rng.choice(("#cfd8dc", "#dfe3e0", "#b8c4cc", "#e6ded2"))
    skin, hair = (
        rng.choice(("#e2b999", "#c68e66", "#8a5a3c", "#f0cdb4")),
        rng.choice(("#2a1d14", "#5a3a1e", "#a07a4a", "#777777")),
    )
    image = Image.new("RGB", (168, 192), wall)
    pen = ImageDraw.Draw(image)
    pen.ellipse((46, 26, 122, 120), fill=hair)
    pen.rectangle((70, 110, 98, 150), fill=skin)
    pen.ellipse((18, 136, 150, 260), fill=rng.choice(("#26303c", "#5a2430", "#3a4a3a", "#d8d8d8")))
    pen.ellipse((54, 42, 114, 126), fill=skin)
    pen.polygon(((66, 138), (102, 138), (84, 172)), fill="#f4f4f4")
    for x in (70, 92):
        pen.ellipse((x, 76, x + 7, 82), fill="#2b2b2b")
    pen.arc((70, 92, 98, 112), 20, 160, fill="#7a3b34", width=3)
    return image.filter(ImageFilter.GaussianBlur(1.2))

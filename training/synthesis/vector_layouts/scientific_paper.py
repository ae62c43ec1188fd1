"""Scientific papers: title, abstract, numbered sections, formulas, figures and references."""

from random import Random

from training.synthesis.vector_layouts import figures
from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet, wrap_text
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.typefaces import Family, choose_family

SECTIONS = ("Introduction", "Related Work", "Data", "Methods", "Experiments", "Results", "Discussion", "Limitations",
            "Conclusion")  # fmt: skip
JOURNALS = ("J. Stat.", "J. Ecol.", "Hydrol. Lett.", "Doc. Anal.", "Ann. Mater.")
TITLES = ("On the Estimation of {}: a Comparative Study", "Towards Reliable Models of {}",
          "Revisiting {} with Sparse Data", "{}: Evidence from a Long-Term Survey",
          "A Practical Method for {}", "How Much Data Does {} Need?")  # fmt: skip


class Flow:
    """Text, figures and tables that flow through columns and pages."""

    def __init__(
        self, rng: Random, words: VectorWords, sheet: VectorSheet, fonts: Family, columns: int, pages: int
    ) -> None:
        self.rng, self.words, self.sheet, self.fonts = rng, words, sheet, fonts
        self.size = rng.uniform(8.6, 10.0) if columns == 2 else rng.uniform(9.6, 11.2)
        self.leading = self.size * rng.uniform(1.14, 1.32)
        self.margin = rng.uniform(44, 60) if columns == 2 else rng.uniform(70, 110)
        self.gap = rng.uniform(14, 24)
        self.columns, self.pages = columns, pages
        self.width = (sheet.width - 2 * self.margin - self.gap * (columns - 1)) / columns
        self.top = self.y = rng.uniform(56, 80)
        self.bottom = sheet.height - rng.uniform(52, 72)
        self.column = self.page = 0
        self.formulas = self.figures = self.tables = 0
        self.running = words.company() + " et al."

    @property
    def x(self) -> float:
        """The left edge of the current column."""
        return self.margin + self.column * (self.width + self.gap)

    @property
    def done(self) -> bool:
        """Whether the last page is full."""
        return self.page >= self.pages

    def reserve(self, height: float) -> bool:
        """Move to the next column if less than `height` points are left; return False after the last page."""
        if self.y + height > self.bottom:
            self.column += 1
            self.y = self.top
            if self.column == self.columns:
                self._turn()
        return not self.done

    def _turn(self) -> None:
        self.column, self.page = 0, self.page + 1
        self.top = 66.0
        self.y = self.top
        if not self.done:
            self.sheet.new_page()
            self.page_marks(self.page + 1)

    def page_marks(self, number: int) -> None:
        """Set the running head and the page number."""
        sheet, rng = self.sheet, self.rng
        if number > 1 or rng.random() < 0.5:
            sheet.text(self.margin, 40, self.running, self.fonts.italic, 8)
            sheet.text(sheet.width - self.margin, 40, str(number), self.fonts.regular, 8, align="right")
        else:
            sheet.text(sheet.width / 2, sheet.height - 32, str(number), self.fonts.regular, 9, align="center")

    def paragraph(self, text: str, indent: float = 0.0, face: str = "") -> None:
        """Set a justified paragraph that may continue in the next column."""
        face = face or self.fonts.regular
        lines = wrap_text(text, face, self.size, self.width, indent=indent)
        for number, line in enumerate(lines):
            if not self.reserve(self.leading):
                return
            self.y += self.leading
            first = indent if number == 0 else 0.0
            self.sheet.line_of_text(
                self.x + first, self.y, self.width - first, line, face, self.size, last=number == len(lines) - 1
            )

    def heading(self, text: str, *, centered: bool = False) -> None:
        """Set a section heading."""
        if not self.reserve(self.leading * 4):
            return
        self.y += self.leading * 1.9
        x = self.x + self.width / 2 if centered else self.x
        self.sheet.text(x, self.y, text, self.fonts.bold, self.size * 1.15, align="center" if centered else "left")
        self.y += self.leading * 0.35

    def insert(self) -> None:
        """Insert a figure, a table or a formula."""
        rng, sheet = self.rng, self.sheet
        what = rng.choice(("figure", "table", "formula", "formula"))
        if what == "formula":
            if self.reserve(self.leading * 3.4):
                self.y += self.leading * 2.0
                self.formulas += 1
                figures.draw_formula(
                    sheet, rng, self.x + self.width / 2, self.y, self.size, self.formulas, self.x + self.width
                )
                self.y += self.leading * 1.0
            return
        rows = rng.randint(3, 7)
        height = self.width * rng.uniform(0.5, 0.75) if what == "figure" else self.size * 1.45 * (rows + 2)
        if not self.reserve(height + self.leading * 4):
            return
        self.y += self.leading
        if what == "figure":
            figures.draw_plot(sheet, rng, self.x, self.y, self.width, height, self.fonts)
            self.figures += 1
            label = f"Figure {self.figures}. "
        else:
            figures.draw_number_table(sheet, rng, self.x, self.y, self.width, self.fonts, self.size * 0.92, rows)
            self.tables += 1
            label = f"Table {self.tables}. "
        self.y += height + self.leading * 1.2
        caption = label + self.words.passage("science", 1)
        self.y = sheet.paragraph(self.x, self.y, self.width, caption, self.fonts.regular, self.size * 0.88)

    def references(self) -> None:
        """Set the list of references until the page is full."""
        self.heading("References")
        number = 0
        while not self.done and number < 24:
            number += 1
            rng, person = self.rng, self.words.faker
            authors = (
                f"{person.last_name()}, {person.first_name()[0]}. and {person.last_name()}, {person.first_name()[0]}."
            )
            place = f"{rng.choice(JOURNALS)} {rng.randint(3, 60)}, {rng.randint(1, 400)}-{rng.randint(401, 900)}"
            entry = f"[{number}] {authors} ({rng.randint(1985, 2024)}). {self.title()}. {place}."
            self.paragraph(entry)

    def title(self) -> str:
        """Return the title of a paper."""
        topics = ("Coastal Erosion", "Document Layout", "Urban Heat", "Enzyme Kinetics", "Traffic", "Crop Yield",
                  "Glacier Retreat", "Reading Fluency", "Speech in Noise")  # fmt: skip
        return self.rng.choice(TITLES).format(self.rng.choice(topics))


def draw_vector_paper(
    rng: Random, language: str | None = None, *, pages: int = 1, first: bool | None = None
) -> VectorSheet:
    """Draw pages of a paper.

    Args:
        rng: Source of every random choice.
        language: Language of the names; the prose is English.
        pages: Number of pages.
        first: Whether the first page is the paper's title page; random if not given.

    Returns:
        The sheet with the pages.
    """
    words = VectorWords(rng, language or "en")
    sheet = VectorSheet(rng.choice((A4, LETTER)))
    fonts = choose_family(rng, "Times", "Times", "SourceSerif", "Caladea", "Times", "Helvetica")
    columns = 2 if rng.random() < 0.6 else 1
    flow = Flow(rng, words, sheet, fonts, columns, pages)
    opens = rng.random() < 0.55 if first is None else first
    if rng.random() < 0.12:
        _line_numbers(flow)
    flow.page_marks(1 if opens else rng.randint(2, 30))
    number = rng.randint(2, 6)
    if opens:
        number = 1
        _title(flow)
    else:
        flow.paragraph(words.passage("science", rng.randint(1, 4)))
    while not flow.done:
        if number > len(SECTIONS):
            flow.references()
            break
        flow.heading(f"{number}  {SECTIONS[number - 1]}")
        for paragraph in range(rng.randint(2, 4)):
            flow.paragraph(words.passage("science", rng.randint(3, 6)), indent=12.0 * (paragraph > 0))
            if rng.random() < 0.45 and not flow.done:
                flow.insert()
        if not opens and rng.random() < 0.2:
            number = len(SECTIONS)
        number += 1
    return sheet


def _line_numbers(flow: Flow) -> None:
    """Number the lines in the margin of the first page, as in manuscripts under review."""
    y, number = flow.top + flow.leading, 1
    while y < flow.bottom:
        flow.sheet.text(flow.margin - 16, y, str(number), flow.fonts.regular, 6.5, align="right", color="#777777")
        y, number = y + flow.leading, number + 1


def _journal(flow: Flow) -> None:
    """Set a journal's name, issue and mark above the title."""
    sheet, rng = flow.sheet, flow.rng
    accent = rng.choice(("#12518f", "#8a1c1c", "#1d6b3a", "#222222"))
    issue = f"{rng.choice(JOURNALS)} {rng.randint(3, 60)} ({rng.randint(1990, 2024)}) {rng.randint(1, 900)}"
    sheet.rule((flow.margin, 50), (sheet.width - flow.margin, 50), rng.choice((0.6, 2.5)), color=accent)
    sheet.box(flow.margin, 24, 60, 20, fill=accent)
    sheet.text(flow.margin + 30, 38, rng.choice(("OPEN", "RESEARCH", "ARTICLE")), "Helvetica-Bold", 9, align="center",
               color="#ffffff")  # fmt: skip
    sheet.text(sheet.width - flow.margin, 40, issue, flow.fonts.italic, 9, align="right", color=accent)


def _title(flow: Flow) -> None:
    """Set the title, the authors and the abstract above the columns."""
    if flow.rng.random() < 0.4:
        _journal(flow)
    rng, sheet, words, fonts = flow.rng, flow.sheet, flow.words, flow.fonts
    centre, width = sheet.width / 2, sheet.width - 2 * flow.margin
    title, authors = flow.title(), ", ".join(words.name() for _ in range(rng.randint(2, 4)))
    sheet.describe(title, authors)
    align = rng.choice(("center", "center", "left"))
    x = centre if align == "center" else flow.margin
    y = sheet.paragraph(flow.margin, 84, width, title, rng.choice((fonts.bold, fonts.regular)), 19, align=align)
    sheet.text(x, y + 4, authors, fonts.regular, 11, align=align)
    sheet.text(x, y + 19, f"Department of {rng.choice(('Hydrology', 'Statistics', 'Ecology', 'Computing'))}, "
               f"University of {words.faker.city()}", fonts.italic, 9.5, align=align)  # fmt: skip
    y += 46
    full_width = flow.columns == 1 or rng.random() < 0.5
    abstract = words.passage("science", rng.randint(4, 6))
    if full_width:
        inset = 30.0 if rng.random() < 0.6 else 0.0
        sheet.text(centre, y, "Abstract", fonts.bold, flow.size, align="center")
        y = sheet.paragraph(
            flow.margin + inset, y + flow.leading * 1.2, width - 2 * inset, abstract, fonts.regular, flow.size * 0.95,
            align="justify", leading=1.2,
        )  # fmt: skip
        flow.top = flow.y = y + 8
    else:
        flow.top = flow.y = y
        flow.heading("Abstract", centered=True)
        flow.paragraph(abstract, face=fonts.italic if rng.random() < 0.4 else "")

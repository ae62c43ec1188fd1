"""Forms: numbered boxes, combs and tick boxes, empty or filled in with handwriting or a typewriter face."""

from collections.abc import Callable
from random import Random

from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.strokes import Handwriting
from training.synthesis.vector_layouts.typefaces import SANS, SERIF, Family, choose_family

TITLES = {
    "en": ("Application for a Residence Permit", "Change of Address", "Request for Reimbursement",
           "Membership Application", "Annual Income Statement", "Patient Registration", "Customs Declaration",
           "Accident Report", "Application for a Parking Permit", "Library Card Registration"),
    "fr": ("Demande de carte de séjour", "Déclaration de revenus", "Fiche d'inscription",
           "Demande de remboursement", "Changement d'adresse"),
    "de": ("Antrag auf Kindergeld", "Anmeldung bei der Meldebehörde", "Unfallanzeige", "Aufnahmeantrag",
           "Erklärung zum Einkommen"),
    "es": ("Solicitud de inscripción", "Declaración de la renta", "Parte de accidente", "Cambio de domicilio"),
    "it": ("Domanda di iscrizione", "Dichiarazione dei redditi", "Denuncia di infortunio"),
    "pt": ("Pedido de inscrição", "Declaração de rendimentos", "Mudança de endereço"),
}  # fmt: skip
FIELDS = {
    "en": ("Last name", "First name", "Date of birth", "Place of birth", "Nationality", "Street and number",
           "Postal code", "Town", "Telephone", "E-mail", "Employer", "Occupation", "Passport number",
           "Date of arrival", "Bank account", "Signature", "Date"),
    "fr": ("Nom", "Prénom", "Né(e) le", "Lieu de naissance", "Nationalité", "Rue et numéro", "Code postal",
           "Commune", "Téléphone", "Courriel", "Employeur", "Profession", "N° de passeport", "Date d'arrivée",
           "Compte bancaire", "Signature", "Date"),
    "de": ("Name", "Vorname", "Geburtsdatum", "Geburtsort", "Staatsangehörigkeit", "Strasse, Hausnummer",
           "PLZ", "Wohnort", "Telefon", "E-Mail", "Arbeitgeber", "Beruf", "Passnummer", "Einzugsdatum",
           "Bankverbindung", "Unterschrift", "Datum"),
    "es": ("Apellidos", "Nombre", "Fecha de nacimiento", "Lugar", "Nacionalidad", "Calle y número", "C. P.",
           "Municipio", "Teléfono", "Correo", "Empresa", "Profesión", "Pasaporte", "Fecha de llegada",
           "Cuenta bancaria", "Firma", "Fecha"),
    "it": ("Cognome", "Nome", "Nato il", "Luogo di nascita", "Cittadinanza", "Via e numero", "CAP", "Comune",
           "Telefono", "E-mail", "Datore di lavoro", "Professione", "Passaporto", "Data di arrivo", "Conto",
           "Firma", "Data"),
    "pt": ("Sobrenome", "Nome", "Nascimento", "Naturalidade", "Nacionalidade", "Rua e número", "CEP", "Cidade",
           "Telefone", "E-mail", "Empregador", "Profissão", "Passaporte", "Chegada", "Conta", "Assinatura",
           "Data"),
}  # fmt: skip
QUESTIONS = {
    "en": ("Have you applied before?", "Do you receive other benefits?", "Is the address permanent?",
           "Married or in a civil partnership?", "Do you have dependants?", "I agree to the terms overleaf."),
    "fr": ("Première demande ?", "Percevez-vous d'autres aides ?", "Adresse permanente ?", "Marié(e) ?"),
    "de": ("Erstmaliger Antrag?", "Weitere Leistungen?", "Hauptwohnung?", "Verheiratet?"),
    "es": ("¿Primera solicitud?", "¿Recibe otras ayudas?", "¿Domicilio permanente?", "¿Casado?"),
    "it": ("Prima domanda?", "Riceve altri aiuti?", "Residenza stabile?", "Coniugato?"),
    "pt": ("Primeiro pedido?", "Recebe outro auxílio?", "Endereço permanente?", "Casado?"),
}  # fmt: skip
YES_NO = {"en": ("Yes", "No"), "fr": ("Oui", "Non"), "de": ("Ja", "Nein"), "es": ("Sí", "No"), "it": ("Sì", "No"),
          "pt": ("Sim", "Não")}  # fmt: skip
SECTION = {"en": "Part", "fr": "Cadre", "de": "Abschnitt", "es": "Apartado", "it": "Quadro", "pt": "Parte"}
AMOUNTS = {
    "en": ("Wages", "Interest", "Pension", "Rent received", "Other", "Deductions", "Tax withheld", "Balance"),
    "fr": ("Salaires", "Intérêts", "Pension", "Loyers perçus", "Autres", "Déductions", "Impôt retenu", "Solde"),
    "de": ("Arbeitslohn", "Zinsen", "Rente", "Mieteinnahmen", "Sonstiges", "Abzüge", "Steuerabzug", "Saldo"),
    "es": ("Salarios", "Intereses", "Pensión", "Alquileres", "Otros", "Deducciones", "Retenciones", "Saldo"),
    "it": ("Stipendi", "Interessi", "Pensione", "Affitti", "Altro", "Detrazioni", "Ritenute", "Saldo"),
    "pt": ("Salários", "Juros", "Pensão", "Aluguéis", "Outros", "Deduções", "Imposto retido", "Saldo"),
}


class Form:
    """A form whose parts are drawn from top to bottom."""

    def __init__(self, rng: Random, words: VectorWords, sheet: VectorSheet, filled: bool) -> None:
        self.rng, self.words, self.sheet = rng, words, sheet
        self.left = rng.uniform(30, 48)
        self.right = sheet.width - self.left
        self.fonts: Family = choose_family(rng, *SANS, "Helvetica", *SERIF[:1])
        self.ink = rng.choice(("#000000", "#000000", "#1d3f72", "#6b2130", "#1f5a3a"))
        self.shade = rng.choice(("#e9e9e9", "#dde8f3", "#f3e6dc", "#e4efe2", "#ffffff"))
        self.hand = Handwriting(rng, joined=rng.random() < 0.3)
        self.by_machine = rng.random() < 0.3
        self.filled = filled
        self.number = 0
        self.part = 0
        self.y = 0.0

    def answer(self, x: float, y: float, text: str, size: float = 10.0) -> None:
        """Write an answer if the form is filled in; some questions stay unanswered."""
        if not self.filled or self.rng.random() < 0.08:
            return
        if self.by_machine:
            self.sheet.text(x, y, text, "Courier", size)
        else:
            self.hand.write(self.sheet, x, y, text, size * 0.95)

    def section(self, title: str) -> None:
        """Start a section of the form."""
        self.part += 1
        label = f"{SECTION[self.words.language]} {self.part}"
        width = self.right - self.left
        self.sheet.box(self.left, self.y, width, 15, fill=self.shade, border=0.6, color=self.ink)
        self.sheet.box(self.left, self.y, 58, 15, fill=self.ink)
        self.sheet.text(self.left + 6, self.y + 11, label, self.fonts.bold, 9, color="#ffffff")
        self.sheet.text(self.left + 66, self.y + 11, title, self.fonts.bold, 9, color=self.ink)
        self.y += 15

    def row(self, cells: list[tuple[str, str, float]], height: float) -> None:
        """Draw boxes in a row, each with a label, its answer and its share of the width."""
        x = self.left
        total_share = sum(share for _, _, share in cells)
        for label, answer, share in cells:
            width = (self.right - self.left) * share / total_share
            self.number += 1
            self.sheet.box(x, self.y, width, height, border=0.5, color=self.ink)
            self.sheet.text(x + 3, self.y + 7.5, f"{self.number}. {label}", self.fonts.regular, 6.3, color=self.ink)
            self.answer(x + 8, self.y + height - 5, answer, min(11.0, (width - 12) / max(len(answer), 1) * 1.55))
            x += width
        self.y += height

    def comb(self, label: str, answer: str, cells: int) -> None:
        """Draw a box for each character."""
        self.number += 1
        side = min(17.0, (self.right - self.left - 130) / cells)
        self.sheet.text(
            self.left, self.y + side * 0.75, f"{self.number}. {label}", self.fonts.regular, 8, color=self.ink
        )
        for index in range(cells):
            x = self.left + 125 + index * side
            self.sheet.box(x, self.y, side, side, border=0.5, color=self.ink)
            if index < len(answer) and answer[index] != " ":
                self.answer(x + side * 0.25, self.y + side * 0.78, answer[index].upper(), side * 0.6)
        self.y += side + 6

    def choice(self, question: str) -> None:
        """Draw a question with boxes for yes and no."""
        self.number += 1
        y = self.y + 10
        self.sheet.text(self.left, y, f"{self.number}. {question}", self.fonts.regular, 8.5, color=self.ink)
        ticked = self.rng.randrange(2)
        for index, option in enumerate(YES_NO[self.words.language]):
            x = self.right - 110 + index * 55
            self.sheet.box(x, y - 8, 9, 9, border=0.7, color=self.ink)
            self.sheet.text(x + 13, y, option, self.fonts.regular, 8.5, color=self.ink)
            if index == ticked:
                self.answer(x + 1, y - 0.5, "x", 9)
        self.y += 17

    def amounts(self, count: int) -> None:
        """Draw lines for amounts of money with dotted leaders, as on tax forms."""
        for index in range(count):
            self.number += 1
            y = self.y + 10
            names = AMOUNTS[self.words.language]
            label = f"{self.number}  {names[index % len(names)]}"
            end = self.left + self.sheet.text(self.left + 4, y, label, self.fonts.regular, 8.5, color=self.ink) + 10
            self.sheet.rule((end, y), (self.right - 132, y), 0.8, color=self.ink, dash=(0.8, 6))
            self.sheet.box(self.right - 126, self.y, 24, 15, border=0.5, color=self.ink, fill=self.shade)
            self.sheet.text(self.right - 114, y, str(self.number), self.fonts.bold, 8, align="center", color=self.ink)
            self.sheet.box(self.right - 102, self.y, 102, 15, border=0.5, color=self.ink)
            self.answer(self.right - 86, y + 1, self.words.amount(self.rng.uniform(10, 60000)), 9.5)
            self.y += 15


def _head(form: Form) -> None:
    rng, sheet, words = form.rng, form.sheet, form.words
    title = rng.choice(TITLES[words.language])
    sheet.describe(title, "")
    code = words.digits(rng.choice(("Form ###", "F-##/####", "Form ####-A")))
    y = rng.uniform(34, 46)
    look = rng.choice(("three", "left", "center"))
    if look == "three":
        sheet.text(form.left, y + 8, code, form.fonts.bold, 15, color=form.ink)
        sheet.text(sheet.width / 2, y + 6, title, form.fonts.bold, 15, align="center", color=form.ink)
        sheet.text(form.right, y + 2, str(rng.randint(2005, 2025)), form.fonts.bold, 20, align="right", color=form.ink)
        sheet.rule((form.left, y + 18), (form.right, y + 18), 1.5, color=form.ink)
    elif look == "left":
        sheet.box(form.left, y - 12, 30, 30, border=1.5, color=form.ink)
        sheet.circle(form.left + 15, y + 3, 10, border=1.2, color=form.ink)
        sheet.text(form.left + 40, y + 2, title, form.fonts.bold, 17, color=form.ink)
        sheet.text(form.left + 40, y + 15, words.company(), form.fonts.regular, 9, color=form.ink)
        sheet.text(form.right, y + 2, code, form.fonts.regular, 9, align="right", color=form.ink)
    else:
        sheet.text(sheet.width / 2, y, words.company().upper(), form.fonts.regular, 9, align="center", color=form.ink)
        sheet.text(sheet.width / 2, y + 18, title.upper(), form.fonts.bold, 14, align="center", color=form.ink)
        sheet.box(form.right - 92, y - 14, 92, 30, border=0.8, color=form.ink)
        sheet.text(form.right - 88, y - 6, code, form.fonts.regular, 6.5, color=form.ink)
    form.y = y + 30


def _person(form: Form) -> None:
    words, rng = form.words, form.rng
    fields = FIELDS[words.language]
    first, last = words.name().split(" ", 1)
    address = words.address()
    height = rng.uniform(24, 32)
    form.section(fields[0] if rng.random() < 0.2 else f"{fields[0]}, {fields[1].lower()}")
    form.row([(fields[0], last, 3), (fields[1], first, 3)], height)
    form.row([(fields[2], words.dated(words.day(1945, 2004)), 2), (fields[3], words.faker.city(), 3),
              (fields[4], "", 2)], height)  # fmt: skip
    form.row([(fields[5], address[0][:30], 5)], height)
    form.row([(fields[6], words.digits("#####"), 1), (fields[7], words.faker.city(), 3)], height)
    if rng.random() < 0.7:
        form.row([(fields[8], words.phone(), 2), (fields[9], words.mail(f"{first} {last}"), 3)], height)
    if rng.random() < 0.5:
        form.row([(fields[10], words.company()[:24], 3), (fields[11], "", 2)], height)


def _amounts(form: Form) -> None:
    form.section(form.rng.choice(TITLES[form.words.language]))
    form.amounts(form.rng.randint(4, 12))


def _questions(form: Form) -> None:
    form.section(form.rng.choice(TITLES[form.words.language]))
    form.y += 4
    questions = QUESTIONS[form.words.language]
    for question in form.rng.sample(questions, min(len(questions), form.rng.randint(2, 6))):
        form.choice(question)


def _combs(form: Form) -> None:
    words, fields = form.words, FIELDS[form.words.language]
    form.y += 6
    answers = {0: words.plain(words.faker.last_name()), 2: words.digits("## ## ####"), 12: words.digits("#########"),
               14: words.digits("################"), 6: words.digits("#####")}  # fmt: skip
    for index in form.rng.sample(sorted(answers), form.rng.randint(2, 5)):
        form.comb(fields[index], answers[index], form.rng.randint(len(answers[index]), 22))


def _grid(form: Form) -> None:
    """Draw a table with empty rows to fill in."""
    rng, sheet, fields = form.rng, form.sheet, FIELDS[form.words.language]
    rows, columns = rng.randint(3, 7), rng.randint(3, 6)
    height, width = rng.uniform(15, 22), (form.right - form.left) / columns
    names = rng.sample(fields[:15], columns)
    for row in range(rows + 1):
        for column in range(columns):
            x, y = form.left + column * width, form.y + row * height
            sheet.box(x, y, width, height, border=0.5, color=form.ink, fill=form.shade if row == 0 else None)
            if row == 0:
                sheet.text(x + 3, y + height * 0.65, names[column], form.fonts.bold, 7, color=form.ink)
            elif row <= 2 and rng.random() < 0.8:
                form.answer(x + 5, y + height * 0.75, form.words.digits("##/##"), 9)
    form.y += (rows + 1) * height


def _sign(form: Form) -> None:
    rng, sheet = form.rng, form.sheet
    y = sheet.height - rng.uniform(48, 70)
    fields = FIELDS[form.words.language]
    for x, width, label in ((form.left, 130.0, fields[16]), (form.right - 230, 230.0, fields[15])):
        sheet.rule((x, y), (x + width, y), 0.7, color=form.ink)
        sheet.text(x, y + 9, label, form.fonts.regular, 7, color=form.ink)
    form.answer(form.left + 8, y - 4, form.words.dated(form.words.day()), 10)
    if form.filled:
        form.hand.sign(sheet, form.right - 200, y - 4, form.words.name(), 16)
    sheet.text(form.right, sheet.height - 22, "1/2", form.fonts.regular, 7, align="right", color=form.ink)
    if rng.random() < 0.3:
        x = form.left
        while x < form.left + 110:
            thickness = rng.choice((0.8, 1.6, 2.4))
            sheet.box(x, sheet.height - 34, thickness, 18, fill="#000000")
            x += thickness + rng.choice((0.8, 1.6))


PARTS: dict[Callable[[Form], None], float] = {_person: 215, _amounts: 195, _questions: 121, _combs: 121, _grid: 176}
"""The parts of a form, and the maximum height of each in points."""


def draw_vector_form(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a page of a form."""
    words = VectorWords(rng, language)
    sheet = VectorSheet(LETTER if words.locale == "en_US" else A4)
    form = Form(rng, words, sheet, filled=rng.random() < 0.65)
    _head(form)
    first = [_person] if rng.random() < 0.7 else []
    for part in [*first, *rng.sample(list(PARTS), len(PARTS))]:
        if form.y + PARTS[part] < sheet.height - 85:
            part(form)
            form.y += rng.uniform(6, 14)
    _sign(form)
    return sheet

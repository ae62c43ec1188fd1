"""Shared parts of tax forms: terms in four languages, the header strip, typed amounts, grey cells."""

from typing import NamedTuple

from training.synthesis.raster_layouts.fonts import Face
from training.synthesis.raster_layouts.sheet import BLACK, Color
from training.synthesis.raster_layouts.writer import Writer

GREY: Color = (205, 205, 205)
"""Colour of cells that must not be filled in."""


class TaxFormTerms(NamedTuple):
    """The wording of tax forms in one language."""

    form: str
    page: str
    line: str
    part: str
    total: str
    worksheet: str
    yes: str
    no: str
    detach: str
    continued: str
    warnings: tuple[str, ...]
    heads: tuple[str, ...]
    fields: tuple[str, ...]


TERMS = {
    "en": TaxFormTerms(
        *("Form", "Page", "Line", "Part", "Total. Add lines", "Worksheet", "Yes", "No"),
        *("Detach here and mail with your payment", "Continuation"),
        ("TIP", "CAUTION", "NOTE"),
        ("General Instructions", "Who Must File", "When To File", "Where To File", "Purpose of Form", "Definitions",
         "Specific Instructions", "What's New", "Penalties", "Exceptions", "Recordkeeping", "Amended Return"),
        ("Name(s) shown on return", "Your social security number", "Address (number, street, and apt. no.)",
         "City, town, state, and ZIP code", "Amount you are paying", "Employer identification number", "Tax year"),
    ),
    "de": TaxFormTerms(
        *("Formular", "Seite", "Zeile", "Teil", "Summe der Zeilen", "Rechenblatt", "Ja", "Nein"),
        *("Bitte hier abtrennen", "Fortsetzung"),
        ("TIPP", "ACHTUNG", "HINWEIS"),
        ("Allgemeine Hinweise", "Wer ist verpflichtet?", "Abgabefrist", "Zuständiges Finanzamt", "Begriffe",
         "Ausfüllhilfe", "Anlagen", "Sonderausgaben", "Verspätung", "Ausnahmen", "Rechtsbehelf", "Datenschutz"),
        ("Name, Vorname", "Steuernummer", "Straße und Hausnummer", "Postleitzahl, Wohnort", "Betrag in EUR",
         "Identifikationsnummer", "Jahr"),
    ),
    "fr": TaxFormTerms(
        *("Formulaire", "Page", "Ligne", "Partie", "Total des lignes", "Feuille de calcul", "Oui", "Non"),
        *("À détacher et à joindre au paiement", "Suite"),
        ("CONSEIL", "ATTENTION", "NOTE"),
        ("Instructions générales", "Qui doit déclarer", "Date limite", "Où déposer", "Objet du formulaire",
         "Définitions", "Notice explicative", "Nouveautés", "Pénalités", "Exceptions", "Justificatifs", "Réclamations"),
        ("Nom et prénom", "Numéro fiscal", "Adresse (numéro, rue)", "Code postal, commune", "Montant à payer",
         "Numéro SIRET", "Année"),
    ),
    "es": TaxFormTerms(
        *("Modelo", "Página", "Línea", "Parte", "Total de las líneas", "Hoja de cálculo", "Sí", "No"),
        *("Separe aquí y adjunte su pago", "Continuación"),
        ("NOTA", "ATENCIÓN", "AVISO"),
        ("Instrucciones generales", "Quién debe declarar", "Plazo", "Dónde presentar", "Objeto del modelo",
         "Definiciones", "Instrucciones específicas", "Novedades", "Sanciones", "Excepciones", "Registros", "Recursos"),
        ("Apellidos y nombre", "N.I.F.", "Domicilio (calle y número)", "Código postal, municipio", "Importe a ingresar",
         "Número de identificación", "Ejercicio"),
    ),
}  # fmt: skip


def tax_form_terms(writer: Writer) -> TaxFormTerms:
    """Return the terms of the writer's language."""
    return TERMS[writer.words.language]


def form_number(writer: Writer) -> str:
    """Return a form number."""
    suffix = writer.words.one_of("", "", "-EZ", "-B", " (A)", "/2", "-ES")
    return f"{tax_form_terms(writer).form} {writer.words.number(writer.count(2, 4))}{suffix}"


def draw_form_header(writer: Writer, margin: float, *, later: bool = True) -> float:
    """Write a form's number and year between rules, with a page number on later pages; return the y below."""
    sheet, y = writer.sheet, margin * writer.between(0.6, 1)
    right = sheet.width - margin
    year = f"({writer.count(1996, 2025)})" if writer.chance(0.7) else ""
    if later:
        page = f"{tax_form_terms(writer).page} {writer.count(2, 9)}"
        left, end = (page, f"{form_number(writer)} {year}") if writer.chance(0.3) else (form_number(writer), page)
        writer.write(
            margin, y, f"{left} {year}" if end == page else left, 1, "bold" if writer.chance(0.3) else "regular"
        )
        y = writer.write(right, y, end, 1, "bold" if end == page else "regular", anchor="ra")
    else:
        writer.write(margin, y, form_number(writer), writer.between(1.4, 2.2), "bold")
        writer.write(right, y, year.strip("()"), 2, "bold", anchor="ra")
        y = writer.write(sheet.width / 2, y + 2, writer.words.phrase(2, 5), 1.5, "bold", anchor="ma")
        y = writer.write(sheet.width / 2, y, f"({writer.words.phrase(3, 6)})", 0.85, anchor="ma") + 4
    sheet.rule(margin, y + 3, right, y + 3, width=writer.count(1, 3))
    return y + 9


def write_answer(
    writer: Writer, filled: Face | None, x: float, y: float, width: float, text: str, share: float
) -> None:
    """Type or write an answer that fits the space, if the form is filled in."""
    if filled is None or not writer.chance(share):
        return
    font = filled.at(writer.size * 1.1)
    if font.getlength(text) < width:
        writer.sheet.text(x, y, text, font, writer.sheet.color(0, 80))


def draw_leader(writer: Writer, x: float, y: float, until: float) -> None:
    """Draw dots from a text to a number."""
    dots = int((until - x) / max(1.0, writer.font().getlength(" . ")))
    if dots > 0:
        writer.write(until, y, " . " * dots, anchor="ra")


def draw_captioned_box(writer: Writer, x: float, y: float, w: float, h: float, caption: str) -> None:
    """Draw a box with a small caption in its corner."""
    writer.sheet.box(x, y, w, h, line=BLACK)
    writer.prose(x + 3, y + 2, w - 6, caption, 0.8, bottom=y + h)

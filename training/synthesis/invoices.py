"""Invoices."""

from collections.abc import Sequence

import numpy as np

from training.synthesis.fonts import Face, choose_face
from training.synthesis.sheet import BLACK, WHITE, Color, Sheet, line_height, portrait_size
from training.synthesis.words import Words

INVOICE_TERMS = {
    "en": "INVOICE|Invoice no.|Date|Bill to|Description|Qty|Price|Amount|Subtotal|Tax|Total",
    "fr": "FACTURE|Facture n°|Date|Client|Désignation|Qté|P.U.|Montant|Sous-total|TVA|Total",
    "de": "RECHNUNG|Rechnungs-Nr.|Datum|Kunde|Bezeichnung|Menge|Preis|Betrag|Netto|MwSt.|Summe",
    "es": "FACTURA|Factura nº|Fecha|Cliente|Concepto|Cant.|Precio|Importe|Base|IVA|Total",
    "it": "FATTURA|Fattura n.|Data|Cliente|Descrizione|Q.tà|Prezzo|Importo|Imponibile|IVA|Totale",
    "nl": "FACTUUR|Factuurnr.|Datum|Klant|Omschrijving|Aantal|Prijs|Bedrag|Subtotaal|BTW|Totaal",
    "pt": "FATURA|Fatura nº|Data|Cliente|Descrição|Qtd.|Preço|Valor|Subtotal|IVA|Total",
}  # fmt: skip
"""Title, number, date, recipient, columns of the table, subtotal, tax and total by language."""


def draw_invoice(rng: np.random.Generator) -> Sheet:
    """Draw sender, recipient, numbers, items and totals; sparse or full."""
    words = Words(rng)
    terms = INVOICE_TERMS[words.language].split("|")
    sheet = Sheet(*portrait_size(rng), rng)
    role = str(rng.choice(["sans", "sans", "serif", "mono"]))
    face, size = choose_face(role, rng), float(rng.uniform(8.5, 12))
    accent = sheet.color(0, 160) if rng.random() < 0.6 else BLACK
    margin = float(rng.uniform(28, 70))
    y = _invoice_head(sheet, words, terms, face, size, accent, margin)
    y = _parties(sheet, words, terms, face, size, margin, y)
    y = _items(sheet, words, terms, face, size, accent, margin, y)
    _totals(sheet, words, terms, face, size, accent, margin, y)
    return sheet


def _invoice_head(
    sheet: Sheet, words: Words, terms: Sequence[str], face: Face, size: float, accent: Color, margin: float
) -> float:
    rng, right = sheet.rng, sheet.width - margin
    title = face.at(size * rng.uniform(1.5, 3), "bold")
    kind = int(rng.integers(5))
    if kind == 0:
        sheet.box(0, 0, sheet.width, 62, fill=accent)
        sheet.text(margin, 18, words.firm(), face.at(size * 1.8, "bold"), WHITE)
        sheet.text(right, 18, terms[0], title, WHITE, "ra")
        return 85.0
    if kind == 1:
        sheet.text(sheet.width / 2, margin * 0.6, words.firm(), face.at(size * 1.9, "bold"), accent, "ma")
        y = margin * 0.6 + size * 2.3
        for line in words.address():
            sheet.text(sheet.width / 2, y, line, face.at(size), BLACK, "ma")
            y += size * 1.3
        sheet.rule(margin, y + 5, right, y + 5, accent, 2)
        sheet.text(sheet.width / 2, y + 14, terms[0], title, accent, "ma")
        return y + 14 + line_height(title) + 10
    if rng.random() < 0.7:
        sheet.logo(margin if kind != 2 else right - 45, margin * 0.7, 45, accent)
    x, anchor = (margin + (55 if kind == 3 else 0), "la") if kind != 2 else (margin, "la")
    y = sheet.text(x, margin * 0.7, words.firm(), face.at(size * 1.4, "bold"), accent, anchor)
    for line in [*words.address(), words.fake.phone_number(), words.fake.email()][: rng.integers(2, 6)]:
        y = sheet.text(x, y, line, face.at(size * 0.95))
    sheet.text(right if kind != 2 else margin, y + 12, terms[0], title, accent, "ra" if kind != 2 else "la")
    return y + 20 + line_height(title)


def _parties(
    sheet: Sheet, words: Words, terms: Sequence[str], face: Face, size: float, margin: float, y: float
) -> float:
    rng = sheet.rng
    plain, bold = face.at(size), face.at(size, "bold")
    flip = rng.random() < 0.3
    left, other = (sheet.width * 0.58, margin) if flip else (margin, sheet.width * 0.58)
    top = y
    y = sheet.text(left, y, terms[3], bold)
    for line in [words.one_of(words.firm(), words.person()), *words.address()]:
        y = sheet.text(left, y, line, plain) + 1
    facts = [(terms[1], words.number(int(rng.integers(4, 9)))), (terms[2], words.date())]
    facts += [(words.phrase(1, 2), words.number(5)) for _ in range(rng.integers(0, 4))]
    lower = top
    for name, value in facts:
        sheet.text(other, lower, name, bold)
        lower = sheet.text(other + 95, lower, value, plain) + 2
    return max(y, lower) + float(rng.uniform(10, 40))


def _items(
    sheet: Sheet,
    words: Words,
    terms: Sequence[str],
    face: Face,
    size: float,
    accent: Color,
    margin: float,
    y: float,
) -> float:
    rng = sheet.rng
    width = sheet.width - 2 * margin
    shares = [0.5, 0.12, 0.18, 0.2] if rng.random() < 0.6 else [0.12, 0.44, 0.2, 0.24]
    heads = list(terms[4:8]) if shares[0] == 0.5 else [terms[5], *terms[4:5], *terms[6:8]]
    widths = [share * width for share in shares]
    head_font = face.at(size, "bold")
    style = int(rng.integers(4))
    if style == 0:
        sheet.box(margin, y, width, line_height(head_font) + 8, fill=accent)
    ink = WHITE if style == 0 else BLACK
    line = (150, 150, 150) if style == 1 else None
    pad = float(rng.uniform(2, 7))
    y = sheet.table(margin, y, widths, [heads], head_font, fill=ink, line=line, pad=4, right=(2, 3))
    if style >= 2:
        sheet.rule(margin, y, margin + width, y, accent)
    rows = []
    for _ in range(int(rng.choice([1, 2, 3, 4, 6, 8, 11, 15, 19]))):
        what, count = words.phrase(1, 6), str(rng.integers(1, 30))
        cells = [what, count] if shares[0] == 0.5 else [count, what]
        rows.append([*cells, words.amount(), words.amount(5, 3000)])
    stripe = (238, 240, 244) if rng.random() < 0.3 else None
    while rows and y + len(rows) * (size * 1.1 + 2 * pad) > sheet.height - 190:
        rows.pop()
    y = sheet.table(margin, y, widths, rows, face.at(size), line=line, stripe=stripe, pad=pad, right=(2, 3))
    if style == 1 and rng.random() < 0.5:
        bottom = float(rng.uniform(y, sheet.height - 185))
        sheet.box(margin, y, width, bottom - y, line=line)
        return bottom + 6
    sheet.rule(margin, y + 2, margin + width, y + 2, accent)
    return y + 8


def _totals(
    sheet: Sheet,
    words: Words,
    terms: Sequence[str],
    face: Face,
    size: float,
    accent: Color,
    margin: float,
    y: float,
) -> None:
    rng, right = sheet.rng, sheet.width - margin
    for term, style in ((terms[8], "regular"), (terms[9], "regular"), (terms[10], "bold")):
        font = face.at(size * (1.15 if style == "bold" else 1), style)
        if style == "bold" and rng.random() < 0.3:
            sheet.box(right - 210, y - 2, 210, line_height(font) + 6, fill=(225, 228, 235))
        sheet.text(right - 200, y, term, font)
        y = sheet.text(right, y, words.money(20, 9000), font, BLACK, "ra") + 5
    y += float(rng.uniform(8, 40))
    if rng.random() < 0.6:
        y = sheet.paragraph(
            margin, y, sheet.width * 0.6, words.paragraph(30), face.at(size * 0.9), bottom=sheet.height - 60
        )
    if rng.random() < 0.5:
        sheet.text(margin, y + 10, f"IBAN {words.number(18)}  BIC {words.number(8)}", face.at(size * 0.9))
    if rng.random() < 0.6:
        foot = "  |  ".join([words.firm(), *words.address()])
        sheet.rule(margin, sheet.height - 38, right, sheet.height - 38, accent)
        sheet.text(sheet.width / 2, sheet.height - 34, foot, face.at(size * 0.75), (110, 110, 110), "ma")

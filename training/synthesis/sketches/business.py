"""Invoices and receipts, in many layouts."""

from collections.abc import Sequence

import numpy as np

from training.synthesis.sketches.fonts import Face, pick
from training.synthesis.sketches.sheet import BLACK, WHITE, Color, Sheet, line_height
from training.synthesis.sketches.words import Words

A4 = (620, 877)
LETTER = (620, 802)

INVOICE = {
    "en": (
        "INVOICE",
        "Invoice no.",
        "Date",
        "Bill to",
        "Description",
        "Qty",
        "Price",
        "Amount",
        "Subtotal",
        "Tax",
        "Total",
    ),
    "fr": (
        "FACTURE",
        "Facture n°",
        "Date",
        "Client",
        "Désignation",
        "Qté",
        "P.U.",
        "Montant",
        "Sous-total",
        "TVA",
        "Total",
    ),
    "de": (
        "RECHNUNG",
        "Rechnungs-Nr.",
        "Datum",
        "Kunde",
        "Bezeichnung",
        "Menge",
        "Preis",
        "Betrag",
        "Netto",
        "MwSt.",
        "Summe",
    ),
    "es": (
        "FACTURA",
        "Factura nº",
        "Fecha",
        "Cliente",
        "Concepto",
        "Cant.",
        "Precio",
        "Importe",
        "Base",
        "IVA",
        "Total",
    ),
    "it": (
        "FATTURA",
        "Fattura n.",
        "Data",
        "Cliente",
        "Descrizione",
        "Q.tà",
        "Prezzo",
        "Importo",
        "Imponibile",
        "IVA",
        "Totale",
    ),
    "nl": (
        "FACTUUR",
        "Factuurnr.",
        "Datum",
        "Klant",
        "Omschrijving",
        "Aantal",
        "Prijs",
        "Bedrag",
        "Subtotaal",
        "BTW",
        "Totaal",
    ),
    "pt": ("FATURA", "Fatura nº", "Data", "Cliente", "Descrição", "Qtd.", "Preço", "Valor", "Subtotal", "IVA", "Total"),
}


def portrait(rng: np.random.Generator) -> tuple[int, int]:
    """Return the size of an A4 or letter page."""
    return A4 if rng.random() < 0.6 else LETTER


def invoice(rng: np.random.Generator) -> Sheet:
    """Draw a bill: sender, receiver, numbers, items, totals; sparse or full, plain or designed."""
    words = Words(rng)
    terms = INVOICE[words.locale[:2]]
    sheet = Sheet(*portrait(rng), rng)
    role = str(rng.choice(["sans", "sans", "serif", "mono"]))
    face, size = pick(role, rng), float(rng.uniform(8.5, 12))
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
    sheet: Sheet, words: Words, terms: Sequence[str], face: Face, size: float, accent: Color, margin: float, y: float
) -> float:
    rng = sheet.rng
    room = sheet.width - 2 * margin
    shares = [0.5, 0.12, 0.18, 0.2] if rng.random() < 0.6 else [0.12, 0.44, 0.2, 0.24]
    heads = list(terms[4:8]) if shares[0] == 0.5 else [terms[5], *terms[4:5], *terms[6:8]]
    widths = [share * room for share in shares]
    head_font = face.at(size, "bold")
    style = int(rng.integers(4))
    if style == 0:
        sheet.box(margin, y, room, line_height(head_font) + 8, fill=accent)
    ink = WHITE if style == 0 else BLACK
    line = (150, 150, 150) if style == 1 else None
    pad = float(rng.uniform(2, 7))
    y = sheet.table(margin, y, widths, [heads], head_font, fill=ink, line=line, pad=4, right=(2, 3))
    if style >= 2:
        sheet.rule(margin, y, margin + room, y, accent)
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
        sheet.box(margin, y, room, bottom - y, line=line)
        return bottom + 6
    sheet.rule(margin, y + 2, margin + room, y + 2, accent)
    return y + 8


def _totals(
    sheet: Sheet, words: Words, terms: Sequence[str], face: Face, size: float, accent: Color, margin: float, y: float
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


def receipt(rng: np.random.Generator) -> Sheet:
    """Draw a till receipt: a narrow strip of print, alone or lying on a sheet, a scanner or a table."""
    words = Words(rng)
    face = pick(str(rng.choice(["mono", "mono", "mono", "sans"])), rng)
    size = float(rng.uniform(11, 16))
    width = int(rng.uniform(250, 400))
    count = int(rng.choice([1, 2, 3, 4, 6, 9, 14, 22]))
    grey = int(rng.integers(232, 256))
    strip = Sheet(width, 1500, rng, (grey, grey, grey))
    end = _receipt_text(strip, words, face, size, count)
    strip.image = strip.image.crop((0, 0, width, int(min(1500, end + rng.uniform(10, 60)))))
    return _laid(strip, rng)


def _receipt_text(strip: Sheet, words: Words, face: Face, size: float, count: int) -> float:
    rng, width = strip.rng, strip.width
    ink = (int(rng.integers(0, 110) if rng.random() < 0.8 else rng.integers(110, 190)),) * 3  # thermal paper fades
    plain, bold = face.at(size), face.at(size, "bold")
    edge, y = float(rng.uniform(8, 24)), float(rng.uniform(8, 40))
    if rng.random() < 0.3:
        strip.logo(width / 2 - 25, y, 50, ink)
        y += 58
    y = strip.text(width / 2, y, words.firm().upper(), face.at(size * rng.uniform(1.0, 1.5), "bold"), ink, "ma")
    for line in [*words.address(), f"TEL {words.number(9)}", f"{words.date()} {words.number(2)}:{words.number(2)}"]:
        y = strip.text(width / 2, y, line, plain, ink, "ma")
    y += size * 0.4
    dashes = words.one_of("-", "=", "*", " ") * 60
    y = strip.text(edge, y, dashes[: int((width - 2 * edge) / max(1.0, plain.getlength("-")))], plain, ink)
    for _ in range(count):
        name = words.phrase(1, 3)
        if rng.random() < 0.6:
            name = name.upper()
        if rng.random() < 0.35:
            y = strip.text(edge, y, name[:22], plain, ink)
            name = f"  {rng.integers(1, 9)} x {words.amount(1, 60)}"
        strip.text(edge, y, name[: int(width / size * 1.1)], plain, ink)
        y = strip.text(width - edge, y, words.amount(1, 120), plain, ink, "ra") + 1
    y = strip.text(edge, y + 2, dashes[: int((width - 2 * edge) / max(1.0, plain.getlength("-")))], plain, ink)
    for name in ["Subtotal", "Tax", "TOTAL", words.one_of("Cash", "VISA", "Card"), "Change"][: rng.integers(2, 6)]:
        font = face.at(size * 1.35, "bold") if name == "TOTAL" else plain
        strip.text(edge, y, name, font, ink)
        y = strip.text(width - edge, y, words.money(3, 400), font, ink, "ra") + 2
    y += size
    if rng.random() < 0.4:
        x = edge + 20
        while x < width - edge - 20:
            bar = float(rng.uniform(1, 4))
            strip.box(x, y, bar, 34, fill=ink)
            x += bar + float(rng.uniform(2, 5))
        y += 44
    for _ in range(rng.integers(0, 4)):
        y = strip.text(width / 2, y, words.phrase(2, 4).upper(), bold if rng.random() < 0.2 else plain, ink, "ma")
    return y


def _laid(strip: Sheet, rng: np.random.Generator) -> Sheet:
    """Put a strip onto what it was scanned or photographed on, or leave it filling the picture."""
    kind = int(rng.integers(4))
    width, height = strip.image.size
    if kind == 0:
        strip.width, strip.height = width, height
        return strip
    if kind == 1:
        ground = Sheet(*A4, rng)
    else:
        pad = rng.uniform(0.04, 0.5, 2)
        ground = Sheet(
            int(width * (1 + 2 * pad[0])), int(height * (1 + pad[1])), rng, WHITE if kind == 2 else (70, 60, 55)
        )
    if kind == 3:
        ground.picture(0, 0, ground.width, ground.height)
    # On a scanner's glass as large as a letter, a receipt is a small thing somewhere in the white.
    share = float(rng.uniform(0.24, 0.7)) if kind == 1 else 0.95
    strip.image.thumbnail((ground.width * share, ground.height * 0.97))
    if kind == 1 and rng.random() < 0.6:
        strip.image = strip.image.point(lambda value: min(255, value + 24))  # its edges do not show
    turned = strip.image
    if kind == 3:
        mask_angle = float(rng.uniform(-8, 8))
        turned = strip.image.convert("RGBA").rotate(mask_angle, expand=True)
        turned.thumbnail((ground.width, ground.height))
    x = int(rng.uniform(0, max(1, ground.width - turned.width)))
    y = int(rng.uniform(0, max(1, (ground.height - turned.height) * (0.6 if kind == 1 else 1))))
    ground.image.paste(turned, (x, y), turned if turned.mode == "RGBA" else None)
    return ground

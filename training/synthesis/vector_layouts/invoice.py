"""Invoices: a business bills a customer for a list of items, with tax and payment details."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from training.synthesis.vector_layouts.drawing import A4, LETTER, VectorSheet
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.strokes import Handwriting
from training.synthesis.vector_layouts.typefaces import MONO, SANS, SERIF, Family, choose_family

TERMS = {
    "en": ("INVOICE", "Bill to", "Invoice no.", "Date", "Due date", "Description", "Qty", "Unit price", "Amount",
           "Subtotal", "VAT", "Total due", "Payment details", "Thank you for your business."),
    "fr": ("FACTURE", "Facturé à", "N° de facture", "Date", "Échéance", "Désignation", "Qté", "Prix unitaire",
           "Montant", "Sous-total", "TVA", "Total TTC", "Règlement", "Merci de votre confiance."),
    "de": ("RECHNUNG", "Rechnung an", "Rechnungsnr.", "Datum", "Fällig am", "Beschreibung", "Menge",
           "Einzelpreis", "Betrag", "Zwischensumme", "MwSt.", "Gesamtbetrag", "Zahlungsdetails",
           "Vielen Dank für Ihren Auftrag."),
    "es": ("FACTURA", "Facturar a", "N.º de factura", "Fecha", "Vencimiento", "Descripción", "Cant.", "Precio",
           "Importe", "Base imponible", "IVA", "Total", "Forma de pago", "Gracias por su confianza."),
    "it": ("FATTURA", "Spett.le", "Fattura n.", "Data", "Scadenza", "Descrizione", "Q.tà", "Prezzo", "Importo",
           "Imponibile", "IVA", "Totale", "Pagamento", "Grazie per la fiducia."),
    "pt": ("FATURA", "Cliente", "Fatura n.º", "Data", "Vencimento", "Descrição", "Qtd.", "Preço unit.", "Valor",
           "Subtotal", "Impostos", "Total", "Dados de pagamento", "Obrigado pela preferência."),
}  # fmt: skip
GOODS = {
    "en": ("Oak shelf, 90 cm", "Consulting, senior, per day", "Printer paper A4, box", "Website maintenance",
           "Copper pipe 15 mm", "Translation, per page", "Steel bracket M8", "Delivery and handling",
           "Office chair, black", "Network cable, 10 m", "Photography, half day", "Annual licence",
           "Painting of stairwell", "Coffee beans, 1 kg", "Safety gloves, pair", "Repair of compressor"),
    "fr": ("Étagère en chêne", "Conseil, journée", "Ramette papier A4", "Maintenance du site", "Tube cuivre 15 mm",
           "Traduction, la page", "Livraison", "Chaise de bureau", "Café en grains 1 kg", "Peinture murale"),
    "de": ("Regal Eiche, 90 cm", "Beratung, Tagessatz", "Kopierpapier A4", "Wartung Webseite",
           "Kupferrohr 15 mm", "Versandkosten", "Bürostuhl, schwarz", "Netzwerkkabel 10 m", "Malerarbeiten"),
    "es": ("Estantería de roble", "Consultoría, día", "Papel A4, caja", "Mantenimiento web", "Silla de oficina",
           "Portes", "Tubo de cobre", "Traducción, página", "Café en grano 1 kg"),
    "it": ("Scaffale in rovere", "Consulenza, giornata", "Carta A4, scatola", "Manutenzione sito", "Trasporto",
           "Sedia da ufficio", "Cavo di rete 10 m", "Tubo in rame"),
    "pt": ("Estante de carvalho", "Consultoria, diária", "Papel A4, caixa", "Manutenção do site", "Frete",
           "Cadeira de escritório", "Cabo de rede 10 m"),
}  # fmt: skip
STAMPS = {
    "en": ("PAID", "RECEIVED", "APPROVED", "COPY", "OVERDUE"),
    "fr": ("PAYÉ", "REÇU LE", "COPIE", "ACQUITTÉE"),
    "de": ("BEZAHLT", "EINGEGANGEN", "KOPIE", "GEBUCHT"),
    "es": ("PAGADO", "RECIBIDO", "COPIA"),
    "it": ("PAGATO", "RICEVUTO", "COPIA"),
    "pt": ("PAGO", "RECEBIDO", "CÓPIA"),
}
ACCENTS = ("#1f4e79", "#7a1f2b", "#2f6b3a", "#333333", "#8a5a00", "#4b2e83", "#00707a", "#000000", "#c0392b")


@dataclass(frozen=True)
class Style:
    """The design of one business's invoices."""

    fonts: Family
    size: float
    accent: str
    head: str
    table: str


def draw_vector_invoice(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw an invoice of one page."""
    words = VectorWords(rng, language)
    sheet = VectorSheet(LETTER if words.locale == "en_US" else A4)
    style = Style(
        fonts=choose_family(rng, *SANS, *SANS, *SERIF, *MONO),
        size=rng.uniform(8.2, 10.2),
        accent=rng.choice(ACCENTS),
        head=rng.choice(("band", "left", "right", "center", "letterhead")),
        table=rng.choice(("grid", "ruled", "filled", "plain", "striped")),
    )
    left = rng.uniform(40, 62)
    right = sheet.width - left
    y = _head(sheet, rng, words, style, left, right)
    y = _parties(sheet, rng, words, style, left, right, y)
    y, total = _table(sheet, rng, words, style, left, right, y)
    y = _totals(sheet, rng, words, style, right, y, total)
    _foot(sheet, rng, words, style, left, right, y)
    if rng.random() < 0.25:
        _office_marks(sheet, rng, words, left)
    return sheet


def _head(sheet: VectorSheet, rng: Random, words: VectorWords, style: Style, left: float, right: float) -> float:
    """Draw the seller and the word "invoice"; return the y below."""
    title, company, address = TERMS[words.language][0], words.company(), words.address()
    sheet.describe(f"{title.capitalize()} {company}", company)
    fonts, size = style.fonts, style.size
    if rng.random() < 0.4:
        title = title.capitalize()
    if style.head == "band":
        height = rng.uniform(60, 100)
        sheet.box(0, 0, sheet.width, height, fill=style.accent)
        sheet.text(left, height * 0.62, company, fonts.bold, 20, color="#ffffff")
        sheet.text(right, height * 0.62, title, fonts.regular, 20, align="right", color="#ffffff")
        sheet.text(left, height + 18, " · ".join(address), fonts.regular, size * 0.9, color="#555555")
        return height + 50
    y = rng.uniform(52, 75)
    if style.head == "center":
        sheet.text(sheet.width / 2, y, company, fonts.bold, 18, align="center", color=style.accent)
        sheet.text(sheet.width / 2, y + 15, ", ".join(address), fonts.regular, size, align="center")
        sheet.rule((left, y + 26), (right, y + 26), 1.2, color=style.accent)
        sheet.text(sheet.width / 2, y + 58, title, fonts.bold, 22, align="center", spacing=3)
        return y + 90
    if style.head == "letterhead":
        _logo(sheet, rng, company, style, left, y - 20)
        sheet.text(left + 56, y, company, fonts.bold, 17, color=style.accent)
        sheet.text(left + 56, y + 14, " - ".join([*address, words.phone()]), fonts.regular, size * 0.88)
        sheet.rule((left, y + 32), (right, y + 32), 0.8)
        sheet.text(left, y + 66, title, fonts.bold, 24)
        return y + 96
    near, far = (left, right) if style.head == "left" else (right, left)
    sides = ("left", "right") if style.head == "left" else ("right", "left")
    sheet.text(near, y + 8, title, fonts.bold, rng.uniform(24, 34), align=sides[0], color=style.accent)
    sheet.text(far, y, company, fonts.bold, size * 1.3, align=sides[1])
    for number, line in enumerate([*address, words.phone(), words.mail("accounts")]):
        sheet.text(far, y + 14 + number * size * 1.25, line, fonts.regular, size, align=sides[1])
    return y + 110


def _office_marks(sheet: VectorSheet, rng: Random, words: VectorWords, left: float) -> None:
    """Draw office marks: a stamp, initials, an account number in the margin."""
    color = rng.choice(("#b03030", "#2a4a9a", "#3a7a4a", "#444444"))
    stamp = rng.choice(STAMPS[words.language])
    x, y = sheet.width * rng.uniform(0.3, 0.7), sheet.height * rng.uniform(0.62, 0.85)
    sheet.stamp(x, y, stamp, rng.uniform(13, 26), rng.uniform(-12, 25), color)
    if rng.random() < 0.6:
        Handwriting(rng).sign(sheet, x + 20, y + rng.uniform(25, 45), words.name(), 15)
    if rng.random() < 0.4:
        Handwriting(rng).write(sheet, left + rng.uniform(0, 200), 30, words.digits("## / ####"), 12)


def _logo(sheet: VectorSheet, rng: Random, company: str, style: Style, x: float, y: float) -> None:
    initials = "".join(word[0] for word in company.split()[:2] if word[0].isalpha()).upper()
    if rng.random() < 0.5:
        sheet.circle(x + 22, y + 22, 22, fill=style.accent)
    else:
        sheet.box(x, y, 44, 44, fill=style.accent, radius=rng.choice((0, 6)))
    sheet.text(x + 22, y + 28, initials, style.fonts.bold, 17, align="center", color="#ffffff")


def _parties(
    sheet: VectorSheet, rng: Random, words: VectorWords, style: Style, left: float, right: float, y: float
) -> float:
    """Draw the buyer and the invoice's number and dates; return the y below."""
    terms, fonts, size = TERMS[words.language], style.fonts, style.size
    step = size * 1.35
    sheet.text(left, y, terms[1], fonts.bold, size, color=style.accent)
    buyer = [words.company() if rng.random() < 0.7 else words.name(), *words.address()]
    for number, line in enumerate(buyer, 1):
        sheet.text(left, y + number * step, line, fonts.regular, size)
    day = words.day()
    billed = rng.choice((f"{day.year}-{words.digits('####')}", words.digits("INV-#####"), words.digits("######")))
    facts = [
        (terms[2], billed),
        (terms[3], words.dated(day)),
        (terms[4], words.dated(day + timedelta(days=rng.choice((14, 30, 60))))),
    ]
    boxed = rng.random() < 0.25
    for number, (label, value) in enumerate(facts):
        base = y + number * step * (1.3 if boxed else 1.0)
        if boxed:
            sheet.box(right - 190, base - step * 0.9, 190, step * 1.3, border=0.5)
        sheet.text(right - 185, base, label, fonts.bold if boxed else fonts.regular, size)
        sheet.text(right - 5, base, value, fonts.regular, size, align="right")
    return y + max(len(buyer) + 1, 4) * step + rng.uniform(18, 40)


def _table(
    sheet: VectorSheet, rng: Random, words: VectorWords, style: Style, left: float, right: float, y: float
) -> tuple[float, float]:
    """Draw the billed items; return the y below the table and the net total."""
    terms, fonts, size = TERMS[words.language], style.fonts, style.size
    row = size * rng.uniform(1.8, 2.6)
    width = right - left
    edges = [left + 5, left + width * 0.62, left + width * 0.81, right - 5]
    count = rng.randint(2, max(3, min(16, int((sheet.height - y - 210) / row))))
    filled = style.table in ("filled", "striped")
    if filled:
        sheet.box(left, y, width, row, fill=style.accent)
    shade = "#ffffff" if filled else "#000000"
    for edge, term, align in zip(edges, terms[5:9], ("left", "right", "right", "right"), strict=True):
        sheet.text(edge, y + row * 0.66, term, fonts.bold, size, align=align, color=shade)
    total = 0.0
    for number in range(1, count + 1):
        top = y + number * row
        if style.table == "striped" and number % 2 == 0:
            sheet.box(left, top, width, row, fill="#eef1f4")
        quantity, price = rng.randint(1, 24), round(rng.uniform(3, 950), 2)
        total += quantity * price
        cells = (
            rng.choice(GOODS[words.language]), str(quantity), words.amount(price), words.money(quantity * price),
        )  # fmt: skip
        for edge, cell, align in zip(edges, cells, ("left", "right", "right", "right"), strict=True):
            sheet.text(edge, top + row * 0.66, cell, fonts.regular, size, align=align)
        if style.table == "ruled":
            sheet.rule((left, top), (right, top), 0.4, color="#999999")
    uprights = (left, edges[1] - 42, edges[1] + 10, edges[2] + 8, right)
    _rules(sheet, style, uprights, [y + number * row for number in range(count + 2)])
    return y + (count + 1) * row, total


def _rules(sheet: VectorSheet, style: Style, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Draw the table's rules: around every cell in a grid, otherwise below the headings and the last row."""
    left, right = xs[0], xs[-1]
    if style.table == "grid":
        for y in ys:
            sheet.rule((left, y), (right, y), 0.5)
        for x in xs:
            sheet.rule((x, ys[0]), (x, ys[-1]), 0.5)
    elif style.table != "striped":
        for y in (ys[1], ys[-1]):
            sheet.rule((left, y), (right, y), 0.9)


def _totals(
    sheet: VectorSheet, rng: Random, words: VectorWords, style: Style, right: float, y: float, total: float
) -> float:
    """Draw net, tax and gross below the table's right end; return the y below."""
    terms, fonts, size = TERMS[words.language], style.fonts, style.size
    rate = rng.choice((5, 7, 10, 19, 20, 21))
    tax = round(total * rate / 100, 2)
    rows = ((terms[9], total), (f"{terms[10]} {rate} %", tax), (terms[11], total + tax))
    y += size * 2.2
    for number, (label, value) in enumerate(rows):
        last = number == 2
        face = fonts.bold if last else fonts.regular
        scale = 1.15 if last else 1.0
        if last and rng.random() < 0.4:
            sheet.box(right - 205, y - size * 1.4, 205, size * 2.1, fill="#e8e8e8")
        sheet.text(right - 195, y, label, face, size * scale)
        sheet.text(right - 5, y, words.money(value), face, size * scale, align="right")
        y += size * 1.8
    return y


def _foot(
    sheet: VectorSheet, rng: Random, words: VectorWords, style: Style, left: float, right: float, y: float
) -> None:
    """Draw the payment details below the totals or at the bottom of the page."""
    terms, fonts, size = TERMS[words.language], style.fonts, style.size
    bank = words.digits("IBAN XX## #### #### #### #### ##")
    y = max(y + 20, sheet.height - 95) if rng.random() < 0.6 else y + 25
    if y > sheet.height - 60:
        return
    sheet.text(left, y, terms[12], fonts.bold, size, color=style.accent)
    sheet.text(left, y + size * 1.5, f"{words.company()} Bank · {bank}", fonts.regular, size)
    sheet.text(left, y + size * 3, terms[13], fonts.italic, size)
    if rng.random() < 0.4:
        sheet.rule((left, sheet.height - 38), (right, sheet.height - 38), 0.5, color=style.accent)
        foot = words.digits("VAT ID ## ### ### ###  ·  Reg. ######")
        sheet.text(sheet.width / 2, sheet.height - 26, foot, fonts.regular, 7, align="center", color="#666666")

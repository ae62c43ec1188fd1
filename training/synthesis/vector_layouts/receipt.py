"""Receipts: the narrow paper strips of thermal and impact printers in tills."""

from dataclasses import dataclass
from random import Random

from training.synthesis.vector_layouts.drawing import VectorSheet, text_width
from training.synthesis.vector_layouts.phrases import VectorWords
from training.synthesis.vector_layouts.strokes import Handwriting
from training.synthesis.vector_layouts.typefaces import Family, choose_family

TERMS = {
    "en": ("RECEIPT", "Cashier", "Subtotal", "Tax", "TOTAL", "CASH", "CARD", "CHANGE", "Items sold",
           "THANK YOU, PLEASE COME AGAIN", "Table", "Goods sold are not returnable"),
    "fr": ("TICKET", "Caissier", "Sous-total", "TVA", "TOTAL", "ESPÈCES", "CARTE", "RENDU", "Articles",
           "MERCI DE VOTRE VISITE", "Table", "Ni repris ni échangé"),
    "de": ("KASSENBON", "Bediener", "Zwischensumme", "MwSt", "SUMME", "BAR", "KARTE", "RÜCKGELD", "Artikel",
           "VIELEN DANK FÜR IHREN EINKAUF", "Tisch", "Umtausch nur mit Bon"),
    "es": ("TICKET", "Cajero", "Subtotal", "IVA", "TOTAL", "EFECTIVO", "TARJETA", "CAMBIO", "Artículos",
           "GRACIAS POR SU VISITA", "Mesa", "Cambios solo con ticket"),
    "it": ("SCONTRINO", "Cassa", "Subtotale", "IVA", "TOTALE", "CONTANTI", "CARTA", "RESTO", "Articoli",
           "GRAZIE E ARRIVEDERCI", "Tavolo", "Documento commerciale"),
    "pt": ("CUPOM FISCAL", "Operador", "Subtotal", "Impostos", "TOTAL", "DINHEIRO", "CARTÃO", "TROCO", "Itens",
           "OBRIGADO, VOLTE SEMPRE", "Mesa", "Não trocamos sem o cupom"),
}  # fmt: skip
GOODS = {
    "en": "MILK 1L|BREAD WHOLEMEAL|EGGS FREE RANGE 6|TOMATOES LOOSE|ORANGE JUICE|BUTTER 250G|COFFEE GROUND|"
    "BANANAS|CHEDDAR MATURE|PASTA 500G|OLIVE OIL|CHICKEN RICE|TEA ICED LARGE|NORMAL KEY|BATTERY AA 4PK|SOAP BAR|"
    "RICE 5KG|APPLES GALA|CHOC BISCUIT|FLAT WHITE|NOODLE SOUP|PAPER TOWEL|LIGHT BULB E27|SALAD BOWL",
    "fr": "LAIT 1L|BAGUETTE|ŒUFS X6|TOMATES|JUS ORANGE|BEURRE DOUX|CAFÉ MOULU|BANANES|COMTÉ 200G|PÂTES 500G|"
    "CROISSANT X2|EAU 1,5L|CHOCOLAT NOIR|SALADE",
    "de": "MILCH 1L|VOLLKORNBROT|EIER 10ER|TOMATEN|ORANGENSAFT|BUTTER|KAFFEE|BANANEN|GOUDA|NUDELN|BREZEL|WASSER|"
    "SCHOKOLADE|APFELSCHORLE",
    "es": "LECHE 1L|PAN INTEGRAL|HUEVOS 12|TOMATE|ZUMO NARANJA|MANTEQUILLA|CAFÉ|PLÁTANO|QUESO|ARROZ|ACEITE 1L|AGUA",
    "it": "LATTE 1L|PANE|UOVA 6|POMODORI|SUCCO|BURRO|CAFFÈ|BANANE|PARMIGIANO|PASTA 500G|ACQUA|CORNETTO",
    "pt": "LEITE 1L|PÃO FRANCÊS|OVOS 12|TOMATE|SUCO LARANJA|MANTEIGA|CAFÉ|BANANA|QUEIJO|ARROZ 5KG|FEIJÃO|ÁGUA",
}
HEADS = {
    "en": ("Qty Item", "Amount"),
    "fr": ("Qté Article", "Montant"),
    "de": ("Menge Artikel", "EUR"),
    "es": ("Cant. Artículo", "Importe"),
    "it": ("Q.tà Articolo", "Importo"),
    "pt": ("Qtd. Item", "Valor"),
}
RULES = ("-", "=", "*", ".", "_")


@dataclass(frozen=True)
class Printer:
    """A till's printer: its face, size, ink and the width of its characters."""

    fonts: Family
    size: float
    stretch: float
    color: str
    mark: str

    @property
    def face(self) -> str:
        """The face of most lines."""
        return self.fonts.regular if self.fonts.regular != "Courier" else self.fonts.bold


class Roll:
    """A paper roll that is printed line by line, each line below the last."""

    def __init__(self, sheet: VectorSheet, printer: Printer, margin: float) -> None:
        self.sheet, self.printer, self.margin = sheet, printer, margin
        self.y = margin + printer.size

    @property
    def right(self) -> float:
        """The right edge of the print."""
        return self.sheet.width - self.margin

    def line(self, left: str = "", right: str = "", *, center: bool = False, scale: float = 1.0) -> None:
        """Print text on the left or centred, and text on the right, at `scale` times the usual size."""
        printer = self.printer
        size, stretch = printer.size * scale, printer.stretch
        self.y += size * 0.28 * (scale > 1)
        available = (self.right - self.margin) / stretch
        needed = text_width(f"{left}  {right}" if right else left, printer.face, size)
        stretch *= min(1.0, available / max(needed, 1.0))  # Tills compress a line that does not fit.
        x, align = (self.sheet.width / 2, "center") if center else (self.margin, "left")
        self.sheet.text(x, self.y, left, printer.face, size, align=align, color=printer.color, stretch=stretch)
        self.sheet.text(
            self.right, self.y, right, printer.face, size, align="right", color=printer.color, stretch=stretch
        )
        self.y += size * 1.22

    def rule(self) -> None:
        """Print a line of the printer's separator character."""
        width = text_width(self.printer.mark, self.printer.face, self.printer.size) * self.printer.stretch
        self.line(self.printer.mark * int((self.right - self.margin) / width - 2), center=True)

    def bars(self, rng: Random) -> None:
        """Print a bar code."""
        x, height = self.margin + 14.0, rng.uniform(24, 40)
        while x < self.right - 14:
            thickness = rng.choice((0.9, 0.9, 1.8, 2.7))
            self.sheet.box(x, self.y, thickness, height, fill=self.printer.color)
            x += thickness + rng.choice((0.9, 1.8))
        self.y += height + self.printer.size * 1.3


def draw_vector_receipt(rng: Random, language: str | None = None) -> VectorSheet:
    """Draw a receipt as one strip; its length depends on the number of items."""
    words = VectorWords(rng, language)
    bought = _basket(rng, words)
    printer = Printer(
        fonts=choose_family(rng, "Courier", "Courier", "Courier", "Helvetica", "SourceSans", "OpenSans"),
        size=rng.uniform(7.6, 9.6),
        stretch=rng.uniform(0.82, 1.04),
        color=rng.choice(("#000000", "#1c1c20", "#2b2b35", "#3c3c48", "#322f55")),
        mark=rng.choice(RULES),
    )
    width = rng.choice((164.0, 204.0, 227.0))
    shop = _shop(rng, words)
    two_lines = rng.random() < 0.4
    lines = 24 + len(shop) + len(bought) * (2 if two_lines else 1)
    sheet = VectorSheet((width, lines * printer.size * 1.25 + rng.uniform(70, 130)))
    roll = Roll(sheet, printer, rng.uniform(9, 16))
    _head(roll, rng, words, shop)
    total = _goods(roll, words, bought, two_lines, HEADS[words.language] if rng.random() < 0.4 else None)
    _payment(roll, rng, words, total, len(bought))
    if rng.random() < 0.2:
        hand = Handwriting(rng)
        hand.write(sheet, roll.margin + rng.uniform(0, 60), roll.y + 12, words.digits("##-##"), rng.uniform(12, 18))
        roll.y += 18
    sheet.cut(min(sheet.height, roll.y + rng.uniform(4, 30)))
    return sheet


def _shop(rng: Random, words: VectorWords) -> list[str]:
    lines = [words.company().upper(), *words.address(), f"TEL {words.phone()}"]
    if rng.random() < 0.6:
        lines.append(words.digits(rng.choice(("VAT ID ### ### ###", "REG ######-#", "GST ############"))))
    return lines if rng.random() < 0.5 else [line.upper() for line in lines]


def _basket(rng: Random, words: VectorWords) -> list[tuple[str, int, float]]:
    names = GOODS[words.language].split("|")
    count = rng.randint(1, rng.choice((4, 8, min(18, len(names)))))
    return [(name, rng.choice((1, 1, 1, 2, 3)), round(rng.uniform(0.5, 30), 2)) for name in rng.sample(names, count)]


def _head(roll: Roll, rng: Random, words: VectorWords, shop: list[str]) -> None:
    terms = TERMS[words.language]
    roll.line(shop[0], center=True, scale=rng.choice((1.0, 1.25, 1.6)))
    for line in shop[1:]:
        roll.line(line, center=True)
    roll.y += roll.printer.size * 0.5
    if rng.random() < 0.7:
        roll.line(terms[0], center=True, scale=rng.choice((1.0, 1.3)))
    day, time = words.day(), f"{rng.randint(8, 22):02}:{rng.randint(0, 59):02}"
    roll.line(words.dated(day), time)
    roll.line(f"{terms[1]}: {words.faker.first_name().upper()}", words.digits("#######"))
    if rng.random() < 0.3:
        roll.line(f"{terms[10]} {rng.randint(1, 40)}", scale=1.5)
    roll.rule()


def _goods(
    roll: Roll, words: VectorWords, bought: list[tuple[str, int, float]], two_lines: bool, heads: tuple[str, str] | None
) -> float:
    total = 0.0
    if heads:
        roll.line(heads[0], heads[1])
        roll.rule()
    for name, count, price in bought:
        total += count * price
        amount = words.amount(count * price)
        if two_lines:
            roll.line(name)
            roll.line(f"  {words.digits('########')}  {count} x {words.amount(price)}", amount)
        else:
            roll.line(f"{count} {name}", amount)
    roll.rule()
    return total


def _payment(roll: Roll, rng: Random, words: VectorWords, total: float, count: int) -> None:
    terms = TERMS[words.language]
    rate = rng.choice((6, 7, 10, 19, 20))
    tax = total * rate / (100 + rate)
    roll.line(terms[2], words.amount(total - tax))
    roll.line(f"{terms[3]} {rate}%", words.amount(tax))
    roll.line(terms[4], words.money(total), scale=rng.choice((1.0, 1.4, 1.8)))
    if rng.random() < 0.5:
        given = (int(total / 10) + 1) * 10
        roll.line(terms[5], words.amount(given))
        roll.line(terms[7], words.amount(given - total))
    else:
        roll.line(terms[6], words.amount(total))
        roll.line(words.digits("**** **** **** ####"), words.digits("AUTH ######"))
    roll.rule()
    if rng.random() < 0.3:
        roll.line(f"{terms[3]}        %", terms[4])
        roll.line(f"A        {rate}", words.amount(tax))
        roll.line("B        0", words.amount(0))
        roll.rule()
    roll.line(f"{terms[8]}: {count}", center=True)
    if rng.random() < 0.4:
        roll.line(terms[11], center=True)
    roll.line(terms[9], center=True)
    roll.y += 6
    if rng.random() < 0.55:
        roll.bars(rng)
        roll.line(words.digits("#############"), center=True)

"""Receipts of tills, card terminals, pumps and parking meters, with the wear of being carried."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.synthesis.fonts import Face, Font, choose_face
from training.synthesis.sheet import A4, WHITE, Color, Sheet, wrap_words
from training.synthesis.words import Words

TERMS = {
    "en": "RECEIPT|TAX INVOICE|CASH BILL|Date|Cashier|Item|Qty|Amount|Subtotal|Tax|TOTAL|Cash|Card|Change|Thank you",
    "fr": "TICKET|FACTURE|NOTE|Date|Caisse|Article|Qté|Montant|Sous-total|TVA|TOTAL|Espèces|Carte|Rendu|Merci",
    "de": "KASSENBON|RECHNUNG|BELEG|Datum|Kasse|Artikel|Anz|Betrag|Netto|MwSt|SUMME|Bar|Karte|Rückgeld|Vielen Dank",
    "es": "TICKET|FACTURA|RECIBO|Fecha|Cajero|Concepto|Ud.|Importe|Base|IVA|TOTAL|Efectivo|Tarjeta|Cambio|Gracias",
    "it": "SCONTRINO|FATTURA|RICEVUTA|Data|Cassa|Articolo|Qtà|Importo|Netto|IVA|TOTALE|Contanti|Carta|Resto|Grazie",
    "nl": "KASSABON|FACTUUR|BON|Datum|Kassa|Artikel|Aant|Bedrag|Subtotaal|BTW|TOTAAL|Contant|PIN|Wisselgeld|Bedankt",
    "pt": "CUPOM|FATURA|RECIBO|Data|Caixa|Item|Qtd|Valor|Subtotal|IVA|TOTAL|Dinheiro|Cartão|Troco|Obrigado",
}  # fmt: skip


@dataclass
class Till:
    """A paper strip, its printer and the y of the next line."""

    strip: Sheet
    words: Words
    face: Face
    size: float
    ink: Color
    edge: float
    y: float

    @property
    def right(self) -> float:
        """The right edge of the print."""
        return self.strip.width - self.edge

    @property
    def terms(self) -> list[str]:
        """The terms of the language, in the order of `TERMS`."""
        return TERMS[self.words.language].split("|")

    def line(self, text: str, *, scale: float = 1.0, style: str = "regular", center: bool = False) -> None:
        """Print text, wrapped if it is too long."""
        font = self.face.at(self.size * scale, style)
        for part in wrap_words(text, font, self.right - self.edge):
            x, anchor = (self.strip.width / 2, "ma") if center else (self.edge, "la")
            self.y = self.strip.text(x, self.y, " ".join(part), font, self.ink, anchor)

    def pair(self, left: str, right: str, *, scale: float = 1.0, style: str = "regular", indent: float = 0) -> None:
        """Print a word on the left and a figure on the right."""
        font = self.face.at(self.size * scale, style)
        self.strip.text(self.edge + indent, self.y, _fitting(left, font, self.right - self.edge - indent, right),
                        font, self.ink)  # fmt: skip
        self.y = self.strip.text(self.right, self.y, right, font, self.ink, "ra") + 1

    def rule(self, mark: str) -> None:
        """Print a line of one character; draw a line if `mark` is empty."""
        if mark:
            font = self.face.at(self.size)
            count = int((self.right - self.edge) / max(1.0, font.getlength(mark)))
            self.y = self.strip.text(self.edge, self.y, mark * count, font, self.ink)
        else:
            self.strip.rule(self.edge, self.y + 3, self.right, self.y + 3, self.ink)
            self.y += 7

    def bars(self) -> None:
        """Print a bar code or a square code."""
        rng, middle = self.strip.rng, self.strip.width / 2
        if rng.random() < 0.4:
            cells = np.kron(rng.integers(0, 2, (23, 23)), np.ones((4, 4), int)).astype(np.uint8)
            self.strip.image.paste(self.ink, (int(middle - 46), int(self.y)), Image.fromarray(cells * np.uint8(255)))
            self.y += 100
            return
        x, height = self.edge + 20, float(rng.uniform(24, 50))
        while x < self.right - 20:
            bar = float(rng.uniform(1, 4))
            self.strip.box(x, self.y, bar, height, fill=self.ink)
            x += bar + float(rng.uniform(2, 5))
        self.y += height + 8


def _fitting(text: str, font: Font, width: float, right: str) -> str:
    free = width - font.getlength(right) - 6
    return text[: max(3, int(len(text) * free / max(free, font.getlength(text), 1.0)))]


def draw_receipt(rng: np.random.Generator) -> Sheet:
    """Draw a worn receipt, on a sheet, a scanner or a table, or filling the picture."""
    words = Words(rng)
    role = str(rng.choice(["mono", "sans", "serif", "typewriter"], p=[0.5, 0.32, 0.08, 0.1]))
    grey = int(rng.integers(215, 256))
    strip = Sheet(int(rng.uniform(250, 460)), 2200, rng, (grey, grey, grey))
    ink = (int(rng.integers(0, 110) if rng.random() < 0.8 else rng.integers(110, 190)),) * 3  # Thermal paper fades.
    till = Till(strip, words, choose_face(role, rng), float(rng.uniform(10.5, 17)), ink, float(rng.uniform(6, 40)),
                float(rng.uniform(6, 60)))  # fmt: skip
    kind = rng.random()
    _head(till)
    if kind < 0.72:
        _goods(till)
        _payment(till)
    elif kind < 0.88:
        _card_slip(till)
    else:
        _ticket(till)
    _foot(till)
    strip.image = strip.image.crop((0, 0, strip.width, int(min(2200, till.y + rng.uniform(8, 70)))))
    _worn(strip, words)
    return _placed_on_surface(strip, rng)


def _head(till: Till) -> None:
    """Print the shop, its address and numbers, and the title of the receipt."""
    rng, words, strip = till.strip.rng, till.words, till.strip
    if rng.random() < 0.22:
        mark = float(rng.uniform(40, 90))
        strip.logo(strip.width / 2 - mark / 2, till.y, mark, till.ink)
        till.y += mark + 8
    sign = till.face if rng.random() < 0.6 else choose_face(words.one_of("sans", "serif", "hand"), rng)
    center = bool(rng.random() < 0.75)
    name = words.firm().upper() if rng.random() < 0.65 else words.firm()
    shop = Till(strip, words, sign, till.size, till.ink, till.edge, till.y)
    shop.line(name, scale=float(rng.uniform(1, 2.1)), style=words.one_of("bold", "regular"), center=center)
    till.y = shop.y
    lines = [f"({words.number(6)}-{words.fake.random_uppercase_letter()})", *words.address(), f"TEL: {words.number(9)}",
             f"FAX: {words.number(9)}", f"{till.terms[9]} ID: {words.number(12)}"]  # fmt: skip
    upper = rng.random() < 0.5
    for text in lines[rng.integers(2) : int(rng.integers(3, len(lines) + 1))]:
        till.line(text.upper() if upper else text, center=center)
    till.y += till.size * float(rng.uniform(0.3, 1.5))
    if rng.random() < 0.6:
        title = till.terms[int(rng.integers(3))]
        scale, top = float(rng.uniform(1, 1.7)), till.y
        till.line(title, scale=scale, style="bold", center=bool(rng.random() < 0.7))
        if rng.random() < 0.2:
            strip.box(till.edge, top - 3, till.right - till.edge, till.y - top + 8, line=till.ink)
        till.y += till.size * 0.5
    facts = [(till.terms[3], f"{words.date()} {words.number(2)}:{words.number(2)}"), (till.terms[4], words.number(3)),
             ("No.", words.number(8)), (words.phrase(1, 1), words.fake.first_name())]  # fmt: skip
    spread = rng.random() < 0.4
    for left, value in facts[: rng.integers(1, 5)]:
        till.pair(left, value) if spread else till.line(f"{left}: {value}")
    till.y += till.size * 0.4


def _goods(till: Till) -> None:
    """Print the items, one or two lines each, with or without column headings."""
    rng, words = till.strip.rng, till.words
    mark = words.one_of("-", "=", "*", ".", "_", "")
    till.rule(mark)
    if rng.random() < 0.5:
        till.pair(f"{till.terms[5]}  {till.terms[6]}", till.terms[7], style=words.one_of("bold", "regular"))
        till.rule(mark)
    way, upper, code = int(rng.integers(3)), rng.random() < 0.65, words.one_of("", "", " SR", " A", " T1", " *")
    for _ in range(int(rng.choice([1, 2, 3, 4, 6, 9, 14, 22]))):
        name = words.phrase(1, 3).upper() if upper else words.phrase(1, 3)
        amount, count = words.amount(1, 120) + code, rng.integers(1, 9)
        if way == 0:
            till.pair(f"{count} {name}", amount)
        elif way == 1:
            till.line(name if rng.random() < 0.5 else f"{words.number(int(rng.integers(4, 13)))} {name}")
            till.pair(f"{count} x {words.amount(1, 60)}", amount, indent=till.size * 2)
        else:
            till.pair(name, amount)
        till.y += till.size * float(rng.choice([0, 0, 0.3]))
    till.rule(mark)


def _payment(till: Till) -> None:
    """Print totals, payment and tax details."""
    rng, words, terms = till.strip.rng, till.words, till.terms
    big = float(rng.uniform(1, 2.2))
    indent = float(rng.choice([0, 0, 0.3])) * (till.right - till.edge)
    for name in [terms[8], terms[9], words.phrase(1, 2)][: rng.integers(0, 4)]:
        till.pair(name, words.amount(1, 90), indent=indent)
    till.pair(terms[10], words.money(3, 400), scale=big, style=words.one_of("bold", "regular"), indent=indent / 2)
    for name in [words.one_of(terms[11], terms[12], "VISA"), terms[13]][: rng.integers(0, 3)]:
        till.pair(name, words.amount(1, 500), scale=float(rng.choice([1, 1, big])), indent=indent)
    till.y += till.size * float(rng.uniform(0.3, 2))
    if rng.random() < 0.4:
        till.rule(words.one_of("-", "", "="))
        widths = [(till.right - till.edge) * share for share in (0.4, 0.3, 0.3)]
        rows = [[f"{terms[9]} %", terms[8], terms[9]]]
        rows += [[f"{words.fake.random_uppercase_letter()} = {rate}%", words.amount(1, 90), words.amount(1, 20)]
                 for rate in (6, 19)[: rng.integers(1, 3)]]  # fmt: skip
        font = till.face.at(till.size)
        till.y = till.strip.table(till.edge, till.y, widths, rows, font, fill=till.ink, pad=1, right=(1, 2)) + 6


def _card_slip(till: Till) -> None:
    """Print a card terminal's slip."""
    rng, words = till.strip.rng, till.words
    for left, right in (
        ("TID", words.number(8)), ("MID", words.number(12)), (words.one_of("VISA", "MASTERCARD", "DEBIT"), "SALE"),
        ("CARD", f"************{words.number(4)}"), ("EXP", "**/**"), ("AID", f"A{words.number(13)}"),
        ("APPR CODE", words.number(6)), ("REF", words.number(10)),
    )[: rng.integers(4, 9)]:  # fmt: skip
        till.pair(left, right)
    till.y += till.size
    till.pair(till.terms[10], words.money(3, 900), scale=float(rng.uniform(1.2, 2)), style="bold")
    if rng.random() < 0.6:
        till.y += till.size * 2.5
        till.rule("_")
    till.line(words.phrase(3, 9).upper(), center=True)


def _ticket(till: Till) -> None:
    """Print a fuel, parking, taxi or toll receipt: a few facts and one total."""
    rng, words = till.strip.rng, till.words
    for _ in range(rng.integers(3, 9)):
        left, right = words.phrase(1, 2), words.one_of(words.number(4), words.date(), words.amount(1, 60))
        till.line(f"{left}: {right}") if rng.random() < 0.5 else till.pair(left, right)
    till.y += till.size * float(rng.uniform(0.5, 2))
    till.pair(till.terms[10], words.money(2, 120), scale=float(rng.uniform(1, 2.4)), style="bold")


def _foot(till: Till) -> None:
    rng, words = till.strip.rng, till.words
    till.y += till.size * float(rng.uniform(0.5, 2.5))
    if rng.random() < 0.4:
        till.bars()
    for _ in range(rng.integers(0, 6)):
        till.line(words.phrase(2, 7).upper() if rng.random() < 0.6 else words.sentence(9), center=True)
    till.line(till.terms[14].upper(), scale=float(rng.uniform(1, 1.4)), center=True)


def _worn(strip: Sheet, words: Words) -> None:
    """Apply wear: handwriting, fading, streaks of the print head, creases, stretching."""
    rng = strip.rng
    strip.pen = ImageDraw.Draw(strip.image)
    width, height = strip.image.size
    blue = (40, 45, int(rng.integers(60, 160)))
    if rng.random() < 0.25:
        note = choose_face("hand", rng).at(float(rng.uniform(22, 60)))
        place = float(rng.uniform(0, width * 0.6)), float(rng.uniform(0, height * 0.85))
        strip.text(*place, words.one_of(words.number(4), words.fake.first_name(), words.money(), "OK"), note, blue)
    if rng.random() < 0.1:
        x, y = rng.uniform(0, width * 0.6), rng.uniform(height * 0.3, height * 0.8)
        strip.pen.ellipse((x, y, x + width * 0.4, y + 40), outline=blue, width=2)
    pixels = np.asarray(strip.image, dtype=np.float32)
    if rng.random() < 0.3:
        fade = np.asarray(Image.fromarray(rng.uniform(0.15, 1, (4, 2)).astype(np.float32)).resize((width, height)))
        pixels = 255 - (255 - pixels) * fade[..., None]
    if rng.random() < 0.12:
        dead = rng.random(width) < 0.04
        pixels = np.where(dead[None, :, None], 245, pixels)
    if rng.random() < 0.3:
        folds = Image.fromarray(rng.uniform(0.72, 1.05, (int(rng.integers(3, 12)), 3)).astype(np.float32))
        pixels = pixels * np.asarray(folds.resize((width, height), Image.Resampling.BICUBIC))[..., None]
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.1))))
    strip.image = image.resize((width, int(height * rng.uniform(0.75, 1.35))))


def _placed_on_surface(strip: Sheet, rng: np.random.Generator) -> Sheet:
    """Place a strip on the surface on which it is scanned or photographed, or let it fill the picture."""
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
    # On a letter-size scanner, a receipt covers a small part of the image.
    share = float(rng.uniform(0.24, 0.7)) if kind == 1 else 0.95
    strip.image.thumbnail((ground.width * share, ground.height * 0.97))
    if kind == 1 and rng.random() < 0.6:
        strip.image = strip.image.point(lambda value: min(255, value + 24))  # Its edges are invisible.
    turned = strip.image
    if kind == 3:
        mask_angle = float(rng.uniform(-8, 8))
        turned = strip.image.convert("RGBA").rotate(mask_angle, expand=True)
        turned.thumbnail((ground.width, ground.height))
    x = int(rng.uniform(0, max(1, ground.width - turned.width)))
    y = int(rng.uniform(0, max(1, (ground.height - turned.height) * (0.6 if kind == 1 else 1))))
    ground.image.paste(turned, (x, y), turned if turned.mode == "RGBA" else None)
    return ground

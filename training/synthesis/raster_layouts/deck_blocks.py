"""Titled boxes of a typeset slide: remarks, warnings, examples, theorems with formulas and proofs."""

from dataclasses import replace

from training.synthesis.raster_layouts.deck_themes import Area, mix_colors
from training.synthesis.raster_layouts.sheet import BLACK, WHITE, Color, clip_text, line_height, wrap_words
from training.synthesis.raster_layouts.writer import Writer, readable_ink, typeset_face

ALERT: Color = (176, 24, 24)
EXAMPLE: Color = (20, 110, 40)

THEOREMS = {
    "en": ("Theorem", "Definition", "Lemma", "Proof"),
    "fr": ("Théorème", "Définition", "Lemme", "Démonstration"),
    "de": ("Satz", "Definition", "Lemma", "Beweis"),
    "es": ("Teorema", "Definición", "Lema", "Demostración"),
    "it": ("Teorema", "Definizione", "Lemma", "Dimostrazione"),
    "nl": ("Stelling", "Definitie", "Lemma", "Bewijs"),
    "pt": ("Teorema", "Definição", "Lema", "Demonstração"),
}
"""Titles of mathematical blocks by language, the proof last."""


def pale_tint(writer: Writer, color: Color) -> Color:
    """Return a tint of a colour that is pale enough for the plain ink to be readable."""
    return mix_colors(color, BLACK if sum(writer.ink) > 420 else WHITE, 0.86)


def _block(
    writer: Writer, area: Area, title: str, text: str, color: Color, *, rounded: bool, space: float = 0
) -> float:
    """Draw a title strip and a pale box with text and some space below it; return the y of its foot."""
    pad, sheet = writer.size * 0.45, writer.sheet
    strip = writer.size * 1.6
    count = len(wrap_words(text, writer.font(), area.width - 2 * pad))
    foot = min(area.bottom, area.top + strip + count * line_height(writer.font()) * 1.12 + 2 * pad + space)
    corner = writer.size * 0.4 if rounded else 0
    pen, body = sheet.pen, pale_tint(writer, color)
    if rounded:
        pen.rounded_rectangle(
            (area.left + 3, area.top + 3, area.right + 3, foot + 3), corner, fill=mix_colors(body, BLACK, 0.3)
        )
    pen.rounded_rectangle((area.left, area.top, area.right, foot), corner, fill=body)
    corners = (True, True, False, False)
    pen.rounded_rectangle((area.left, area.top, area.right, area.top + strip), corner, fill=color, corners=corners)
    shown = clip_text(title, writer.font(1.05), area.width - 2 * pad)
    writer.write(area.left + pad, area.top + strip / 2, shown, 1.05, fill=readable_ink(color), anchor="lm")
    writer.prose(area.left + pad, area.top + strip + pad * 0.6, area.width - 2 * pad, text, bottom=foot)
    return foot


def draw_blocks(writer: Writer, area: Area) -> float:
    """Draw titled blocks one below the other, some of them warnings or examples; return the y below."""
    y, rounded = area.top, writer.chance(0.5)
    for _ in range(writer.count(1, 3)):
        if y + writer.size * 4 > area.bottom:
            break
        color = (writer.accent, writer.accent, ALERT, EXAMPLE)[writer.count(0, 3)]
        text = writer.words.sentence(writer.count(4, 24))
        y = _block(writer, replace(area, top=y), writer.words.phrase(1, 3), text, color, rounded=rounded)
        y += writer.size * writer.between(0.5, 1.5)
    return y


def draw_theorem(writer: Writer, area: Area) -> float:
    """Draw a theorem with a formula, usually with its proof; return the y below."""
    names, rounded = THEOREMS[writer.words.language], writer.chance(0.5)
    space = writer.size * 2.8
    title = f"{names[writer.count(0, 2)]} ({writer.words.person().split()[-1]})"
    text = writer.words.sentence(writer.count(5, 16))
    y = _block(writer, area, title, text, writer.accent, rounded=rounded, space=space)
    _formula(writer, area.left + area.width * writer.between(0.1, 0.3), y - space * 0.55)
    y += writer.size
    if writer.chance(0.7) and y + writer.size * 6 < area.bottom:
        writer.write(area.left, y, f"{names[3]}.", 1, "italic")
        y = writer.prose(area.left, y + writer.step, area.width, writer.words.paragraph(30), bottom=area.bottom - space)
        _formula(writer, area.left + area.width * writer.between(0.1, 0.3), y + space * 0.5)
        y += space
    return y


def _formula(writer: Writer, x: float, middle: float) -> None:
    """Draw an equation around a y, with powers, indices, sums and fractions, in a serif face."""
    hand = replace(writer, face=typeset_face(writer.sheet.rng))
    for number in range(writer.count(2, 4)):
        if number:
            x = _formula_symbol(
                hand, x, middle, "=" if number == 1 else writer.words.one_of("+", "-", "<"), 1, "regular"
            )
        kind = writer.count(0, 3)
        if kind == 0:
            x = _formula_symbol(hand, x, middle, "Σ", 1.5, "regular")
            hand.write(x - hand.size * 0.9, middle + hand.size * 1.15, "k=0", 0.55, "italic", anchor="mm")
        if kind == 1:
            width = hand.size * hand.between(1.5, 4)
            hand.write(
                x + width / 2, middle - hand.size * 0.65, hand.words.one_of("1", "∂f", "a + b", "n"), anchor="mm"
            )
            hand.sheet.rule(x, middle, x + width, middle, hand.ink)
            hand.write(
                x + width / 2, middle + hand.size * 0.65, hand.words.one_of("2", "n!", "dx", "1 - q"), anchor="mm"
            )
            x += width + hand.size * 0.4
            continue
        x = _formula_symbol(hand, x, middle, hand.words.one_of("x", "f(x)", "P(A)", "λ", "π", "u", "E"), 1, "italic")
        small = hand.words.one_of("2", "n", "i", "k+1", "t")
        lift = hand.size * (0.45 if hand.chance(0.5) else -0.45)
        hand.write(x - hand.size * 0.35, middle - lift, small, 0.6, "italic", anchor="lm")
        x += hand.font(0.6).getlength(small)


def _formula_symbol(writer: Writer, x: float, middle: float, text: str, scale: float, style: str) -> float:
    """Write one sign of a formula and return the x after it."""
    writer.write(x, middle, text, scale, style, anchor="lm")
    return x + writer.font(scale, style).getlength(text) + writer.size * 0.4

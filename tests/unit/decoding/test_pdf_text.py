"""Protects: a page of a PDF is known to be upright by its text, and only by text that a person sees."""

import pytest

from decoding.reader import decode_unconverted
from tests.support.pages import encode, page, several_pages
from tests.support.pdf_files import stream, write_pdf

# Matrices of text that is turned counter-clockwise, with an origin on the page.
MATRICES = {0: "1 0 0 1 80 {}", 90: "0 1 -1 0 {} 80", 180: "-1 0 0 -1 500 {}", 270: "0 -1 1 0 {} 700"}


def lines(turned: int = 0, count: int = 30, setting: str = "") -> str:
    shown = (f"{MATRICES[turned].format(100 + 15 * number)} Tm (line {number}) Tj" for number in range(count))
    return f"BT /F 10 Tf {setting} {' '.join(shown)} ET"


def pdf(content: str, rotate: int = 0) -> bytes:
    """Write a page with a grey image of one pixel, `/I`, and a form that contains it in its unit square, `/X`."""
    image = "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8"
    form = "/Type/XObject/Subtype/Form/BBox[0 0 1 1]/Resources<</XObject<</I 6 0 R>>>>"
    return write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate {rotate}"
            "/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R/X 7 0 R>>>>>>",
            stream(content),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            stream("x", image),
            stream("/I Do", form),
        ]
    )


def drawn(name: str, width: int, height: int, x: int = 0, y: int = 0) -> str:
    """Draw the image or the form at a size and a place."""
    return f"q {width} 0 0 {height} {x} {y} cm /{name} Do Q "


STAMP = (
    "BT /F 8 Tf 1 0 0 1 80 810 Tm " + " ".join(f"({letter}) Tj" for letter in "FAX 2026-01-01 10-33 P. 1 of 3") + " ET"
)
STRIPS = "".join(drawn("I", 595, 40, y=40 * number) for number in range(20))


def is_upright(document: bytes) -> bool:
    (upright,) = decode_unconverted(document, min_side=100).upright
    return upright


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turned", MATRICES)
def test_text_is_upright_as_the_page_is_shown(turned: int, rotate: int) -> None:
    """A page that is shown turned clockwise is upright if its text is turned counter-clockwise by as much."""
    assert is_upright(pdf(lines(turned), rotate)) == (turned == rotate)


@pytest.mark.parametrize(
    "content",
    [
        "60 600 300 100 re f",
        lines(count=7),
        STAMP,
        lines(setting="3 Tr"),
        lines() + lines(90),
        "q -1 0 0 1 595 0 cm " + lines() + " Q",
        "q 1 0 0 1 0 2000 cm " + lines() + " Q",
        drawn("I", 595, 842) + STAMP,
        lines() + drawn("I", 595, 842),
        STRIPS + lines(),
        drawn("X", 595, 842) + lines(),
    ],
    ids=[
        "no-text", "few", "stamp", "invisible", "mixed", "mirrored", "outside", "stamped-scan", "text-under-scan",
        "scan-in-strips", "scan-in-form",
    ],
)  # fmt: skip
def test_other_pages_are_not_known_to_be_upright(content: str) -> None:
    assert not is_upright(pdf(content))


def test_a_few_words_in_the_margin_do_not_matter() -> None:
    assert is_upright(pdf(lines() + lines(90, count=2)))


@pytest.mark.parametrize("name", ["I", "X"])
def test_a_logo_does_not_matter(name: str) -> None:
    assert is_upright(pdf(drawn(name, 120, 60, 400, 700) + lines()))
    assert is_upright(
        pdf(lines() + drawn(name, 595, 842, x=700)),
    ), "it is outside of the page"


def test_plain_text_is_upright() -> None:
    assert is_upright(b"Invoice 1\nTotal 12.00\n")


def test_pictures_have_no_text() -> None:
    assert decode_unconverted(encode(page(), "PNG"), min_side=100).upright == ()
    assert decode_unconverted(several_pages(2, "TIFF"), min_side=100).upright == ()

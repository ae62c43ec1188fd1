"""Protects: what people filled in, ticked, stamped and signed in a PDF is drawn, and placeholders are recognised."""

import io
import logging
import zlib
from pathlib import Path

import numpy as np
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from decoding.errors import ViewerRequiredError
from decoding.reader import decode_document
from tests.support.pdf_files import appearance, one_page, show, widget, write_pdf

CHECK = appearance("0 0 m 60 60 l 60 0 m 0 60 l 4 w S", "0 0 60 60")
NAME = appearance("BT /F 30 Tf 4 20 Td (J. Doe) Tj ET", "0 0 300 60")
BOX = "100 600 160 660"
TEXT = "/FT/Tx/T(a)/V(Filled in)/DA(/F 24 Tf 0 g)"
WAIT = show("Please wait...") + show(
    "If this message is not eventually replaced with the proper contents of the document", size=8, y=650
)
COVER = show("For the best experience, open this PDF portfolio in Acrobat X or Adobe Reader X, or later.", size=8)
XFA = "/XFA[(template) 7 0 R]"
TEMPLATE = "<</Length 11>>stream\n<template/>\nendstream"


def ink(data: bytes) -> tuple[float, float]:
    """Return how dark the page is within and outside the rectangle of the field, in levels of 255."""
    [page] = decode_document(data, min_side=298).pages
    pixels = 255 - np.asarray(page.convert("L")).astype(float)
    scale = page.width / 595
    top, bottom, left, right = (round(value * scale) for value in (842 - 661, 842 - 599, 99, 401))
    field = pixels[top:bottom, left:right].copy()
    pixels[top:bottom, left:right] = 0
    return float(field.mean()), float(pixels.mean())


@pytest.mark.parametrize(
    ("field", "least"),
    [
        (TEXT, 4),
        ("/FT/Tx/T(a)/V(Filled in)", 4),
        ("/FT/Tx/T(a)/V(Filled in)/DA(/F 0 Tf 0 g)", 4),
        ("/FT/Tx/Ff 4096/T(a)/V(Filled\\nin)/DA(/F 20 Tf 0 g)", 3),
        ("/FT/Ch/Ff 131072/T(a)/Opt[(One)(Two)]/V(Two)/DA(/F 24 Tf 0 g)", 3),
        ("/FT/Ch/T(a)/Opt[(One)(Two)]/V(Two)/DA(/F 20 Tf 0 g)", 3),
        ("/FT/Tx/T(a)/V(J. Doe)/AP<</N 8 0 R>>", 4),
        ("/FT/Sig/T(a)/AP<</N 8 0 R>>", 4),
    ],
    ids=["text", "no-font", "automatic-size", "lines", "combo-box", "list", "with-appearance", "signature"],
)
@pytest.mark.parametrize("form", ["", "/NeedAppearances true", None], ids=["form", "need-appearances", "no-form"])
def test_fields_are_drawn(field: str, least: float, form: str | None) -> None:
    within, outside = ink(one_page(annotations=[widget(field)], form=form, further=[NAME]))

    assert within > least
    assert outside == 0


@pytest.mark.parametrize(
    "field",
    [
        "/FT/Btn/T(a)/V/Yes/AS/Yes/AP<</N<</Yes 8 0 R>>>>",
        "/FT/Btn/T(a)/V/Yes/AS/Yes/MK<</CA(4)>>/DA(/ZaDb 0 Tf 0 g)",
        "/FT/Btn/Ff 32768/T(a)/V/Yes/AS/Yes/MK<</CA(l)>>/DA(/ZaDb 0 Tf 0 g)",
    ],
    ids=["appearance", "check-box", "radio-button"],
)
def test_ticks_are_drawn(field: str) -> None:
    ticked = one_page(annotations=[widget(field, BOX)], form="", further=[CHECK])
    empty = one_page(
        annotations=[widget(field.replace("/V/Yes/AS/Yes", "/V/Off/AS/Off"), BOX)], form="", further=[CHECK]
    )

    assert ink(ticked)[0] > 2
    assert ink(empty)[0] < ink(ticked)[0] / 2  # at most an outline


def test_hidden_fields_are_not_drawn() -> None:
    hidden = widget(TEXT).replace("/F 4/P", "/F 2/P")

    assert ink(one_page(annotations=[hidden], form="")) == (0, 0)


@pytest.mark.parametrize(
    "annotation",
    [
        "/Subtype/Stamp/AP<</N 8 0 R>>",
        "/Subtype/FreeText/Contents(A typed note)/DA(/F 24 Tf 0 g)",
        "/Subtype/Square/C[0 0 0]/BS<</W 4>>",
        "/Subtype/Ink/C[0 0 0]/InkList[[110 610 300 650 390 610]]/BS<</W 4>>",
        "/Subtype/Highlight/C[1 1 0]/QuadPoints[100 660 400 660 100 600 400 600]",
    ],
)
def test_annotations_are_drawn(annotation: str) -> None:
    body = f"<</Type/Annot/F 4/Rect[100 600 400 660]{annotation}>>"

    assert ink(one_page(annotations=[body], further=[NAME]))[0] > 2


@pytest.mark.parametrize("failure", ["raises", "returns nothing"])
def test_a_failure_of_the_form_costs_the_fields_only(
    failure: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        if failure == "raises":
            raise OSError("no form environment")

    monkeypatch.setattr(pdfium, "FPDFDOC_InitFormFillEnvironment", fail)
    with caplog.at_level(logging.WARNING):
        within, outside = ink(one_page(show("Printed text"), [widget(TEXT)], form=""))

    assert within == 0
    assert outside > 0


@pytest.mark.parametrize("catalog", ["/NeedsRendering true", ""], ids=["full", "foreground"])
def test_a_page_that_asks_to_wait_for_an_xfa_form_is_rejected(catalog: str) -> None:
    with pytest.raises(ViewerRequiredError, match="XFA"):
        decode_document(one_page(WAIT, form=XFA, catalog=catalog, further=[TEMPLATE]), min_side=200)


@pytest.mark.parametrize(
    ("content", "catalog"),
    [
        (show("Bitte warten..."), ""),
        (show("Molimo pri\u010dekajte".replace("\u010d", "c")), "/NeedsRendering true"),
        ("", "/NeedsRendering true"),
    ],
    ids=["german", "unknown-language", "blank"],
)
def test_an_xfa_placeholder_in_any_language_is_rejected(content: str, catalog: str) -> None:
    with pytest.raises(ViewerRequiredError):
        decode_document(one_page(content, form=XFA, catalog=catalog, further=[TEMPLATE]), min_side=200)


def test_a_copy_of_the_placeholder_without_the_form_is_rejected() -> None:
    with pytest.raises(ViewerRequiredError):
        decode_document(one_page(WAIT), min_side=200)


def test_an_xfa_form_with_fields_on_its_page_is_drawn() -> None:
    field = widget(TEXT)
    file = one_page(show("Please wait for your turn"), [field], form="/XFA[(template) 8 0 R]", further=[TEMPLATE])

    assert ink(file)[0] > 4


def portfolio(content: str, collection: str = "/Collection<</View/D>>", attachments: bool = True) -> bytes:
    names = "/Names<</EmbeddedFiles<</Names[(a.txt) 7 0 R]>>>>" if attachments else ""
    further = ["<</Type/Filespec/F(a.txt)/EF<</F 8 0 R>>>>", "<</Type/EmbeddedFile/Length 5>>stream\nhello\nendstream"]
    return one_page(content, catalog=names + collection, further=further)


@pytest.mark.parametrize(
    "file",
    [
        portfolio(COVER),
        portfolio(COVER, collection=""),
        portfolio(""),
        portfolio(show("Abra este archivo con Adobe Acrobat")),
    ],
    ids=["cover", "compressed-catalog", "blank", "other-language"],
)
def test_the_cover_of_a_portfolio_is_rejected(file: bytes) -> None:
    with pytest.raises(ViewerRequiredError, match="portfolio"):
        decode_document(file, min_side=200)


@pytest.mark.parametrize(
    "file",
    [
        portfolio(show("Invoice 17, total 20.00"), collection=""),
        portfolio(show("Invoice 17, total 20.00")),
        portfolio(show("Adobe licence, total 20.00"), collection=""),
        one_page(show("Please wait until your number is called")),
        one_page(""),
    ],
    ids=["electronic-invoice", "collection-with-page", "invoice-of-adobe", "notice", "blank"],
)
def test_other_pages_are_drawn(file: bytes) -> None:
    assert decode_document(file, min_side=200).pages


def test_a_collection_in_a_compressed_object_is_found() -> None:
    packed = zlib.compress(b"9 0 <</Type/Collection/View/D>>").decode("latin-1")
    stream = f"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length {len(packed)}>>stream\n{packed}\nendstream"
    names = "/Names<</EmbeddedFiles<</Names[(a.txt) 7 0 R]>>>>"
    further = ["<</Type/Filespec/F(a.txt)/EF<</F 8 0 R>>>>", "<</Length 5>>stream\nhello\nendstream", stream]

    with pytest.raises(ViewerRequiredError):
        decode_document(one_page("", catalog=names, further=further), min_side=200)


def test_damaged_pages_are_omitted_and_reported_as_truncated() -> None:
    file = write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
            "(not a page)",
        ]
    )

    document = decode_document(file, min_side=200)

    assert (len(document.pages), document.truncated) == (1, True)


FONTS = [
    path for folder in ("/usr/share/fonts", "/usr/local/share/fonts") for path in Path(folder).rglob("wqy-microhei*")
]


@pytest.mark.skipif(not FONTS, reason="needs a font: apt-get install fonts-wqy-microhei")
@pytest.mark.parametrize(
    ("font", "text"),
    [
        ("STSong-Light", "增值税专用发票"),
        ("MSung-Light", "統一發票"),
        ("HeiseiMin-W3", "請求書 カタカナ ひらがな"),
        ("HYSMyeongJo-Medium", "세금계산서"),
    ],
    ids=["simplified", "traditional", "japanese", "korean"],
)
def test_text_in_fonts_that_are_not_embedded_is_drawn(font: str, text: str) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.setFont(font, 36)
    canvas.drawString(105, 610, text)
    canvas.save()

    assert ink(file.getvalue())[0] > 5

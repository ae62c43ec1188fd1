"""Protects: the boxes, rotations and layers of PDF pages are applied as viewers apply them."""

import re

import numpy as np
import pytest

from decoding.limits import Limits
from decoding.reader import decode_document
from tests.support.pdf_files import stream, write_pdf

SIDE = 100
FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
BLOCK = "60 600 300 100 re f "
HIDDEN = "/OC /L BDC 60 100 300 100 re f EMC "
LAYERS = "/OCProperties<</OCGs[6 0 R]/D<</OFF[6 0 R]/Order[6 0 R]>>>>"


def pdf(page: str = "/MediaBox[0 0 595 842]", content: str = BLOCK, catalog: str = "") -> bytes:
    """Write a PDF of one page with a black block in its upper half."""
    return write_pdf(
        [
            f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            f"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/Properties<</L 6 0 R>>>>{page}>>",
            stream(content),
            FONT,
            "<</Type/OCG/Name(Layer)>>",
        ]
    )


def grey(data: bytes) -> np.ndarray:
    [page] = decode_document(data, min_side=SIDE).pages
    return np.asarray(page.convert("L")).astype(int)


def dark(pixels: np.ndarray) -> np.ndarray:
    """Return the share of dark pixels in the upper, right, lower and left third of a page."""
    height, width = (size // 3 for size in pixels.shape)
    thirds = (pixels[:height], pixels[:, -width:], pixels[-height:], pixels[:, :width])
    return np.array([(third < 100).mean() for third in thirds])


@pytest.mark.parametrize(("degrees", "side"), [(0, 0), (90, 1), (180, 2), (270, 3), (-90, 3), (450, 1)])
def test_a_page_is_turned_by_its_mark(degrees: int, side: int) -> None:
    pixels = grey(pdf(f"/MediaBox[0 0 595 842]/Rotate {degrees}"))

    assert (pixels.shape[0] > pixels.shape[1]) == (degrees % 180 == 0)
    assert dark(pixels).argmax() == side


@pytest.mark.parametrize(
    "box",
    [
        "/MediaBox[0 0 595 842]/CropBox[5000 4000 6000 5000]",
        "/MediaBox[0 0 595 842]/CropBox[0 0 0 0]",
        "/MediaBox[0 0 595 842]/CropBox[595 842 0 0]",
        "/MediaBox[595 842 0 0]",
        "/MediaBox[0 0 595 842]/UserUnit 10",
    ],
)
def test_unusual_boxes_show_the_whole_page(box: str) -> None:
    expected = grey(pdf())
    pixels = grey(pdf(box))

    assert np.abs(pixels - expected).mean() < 1


@pytest.mark.parametrize("box", ["", "/MediaBox[0 0 0 0]", "/MediaBox[0 0 x 842]", "/MediaBox[0 0 1e9 1e9]"])
def test_a_page_without_a_valid_box_is_drawn(box: str) -> None:
    assert dark(grey(pdf(box))).max() > 0.1


@pytest.mark.parametrize(
    "box", ["/MediaBox[0 0 14400 14400]", "/MediaBox[0 -20000 595 842]", "/MediaBox[0 0 60000 842]"]
)
def test_a_huge_page_is_drawn_in_little_memory(box: str) -> None:
    assert grey(pdf(box)).size < 4_000_000


def test_a_page_shows_what_is_within_its_crop_box() -> None:
    pixels = grey(pdf("/MediaBox[0 0 595 842]/CropBox[60 600 360 700]"))

    assert pixels.shape[1] > 2 * pixels.shape[0]
    assert (pixels < 100).mean() > 0.95


@pytest.mark.parametrize(("catalog", "shown"), [("", True), (LAYERS, False)])
def test_layers_that_are_off_are_not_drawn(catalog: str, shown: bool) -> None:
    pixels = grey(pdf(content=BLOCK + HIDDEN, catalog=catalog))

    assert dark(pixels)[0] > 0.1
    assert bool(dark(pixels)[2] > 0.1) is shown


@pytest.mark.parametrize(
    "change", [(b"startxref\n", b"startxref\n9"), (b"/Count 1", b"/Count 9"), (b"/Type/Page/", b"/")]
)
def test_a_damaged_structure_is_repaired(change: tuple[bytes, bytes]) -> None:
    assert dark(grey(pdf().replace(*change)))[0] > 0.1


@pytest.mark.parametrize("shift", [1, 7, -30, 5000])
@pytest.mark.parametrize("number", range(5))
def test_objects_that_are_not_where_the_table_says_are_found(number: int, shift: int) -> None:
    data = pdf()
    entry = list(re.finditer(rb"(\d{10}) 00000 n", data))[number]
    moved = data[: entry.start(1)] + b"%010d" % (int(entry[1]) + shift) + data[entry.end(1) :]

    np.testing.assert_array_equal(grey(moved), grey(data))


def test_a_page_without_content_stays_blank() -> None:
    assert grey(pdf(content="")).min() == 255


def test_a_long_document_whose_first_page_is_blank_is_still_read_in_parts() -> None:
    data = write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R 4 0 R 4 0 R 4 0 R]/Count 4>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R>>",
            stream(BLOCK),
        ]
    )

    front = decode_document(data, min_side=SIDE, part=range(2))

    assert [len(front.pages), front.unread] == [2, 2]


def test_a_damaged_page_costs_no_other_page() -> None:
    data = write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[9 0 R 3 0 R]/Count 2>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>",
            stream(BLOCK),
        ]
    )

    document = decode_document(data, min_side=SIDE, limits=Limits(max_pages=2))

    assert document.truncated
    assert [dark(np.asarray(page.convert("L")))[0] > 0.1 for page in document.pages] == [True]

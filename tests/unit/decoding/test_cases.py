"""Protects: each file that was once read wrongly shows its page, or is rejected for its true reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError, ViewerRequiredError
from decoding.reader import decode_document, sniff

CASES = Path(__file__).parents[2] / "data" / "cases"
MIN_SIDE = 351


def decode(name: str, min_side: int = MIN_SIDE) -> DecodedDocument:
    return decode_document((CASES / name).read_bytes(), min_side=min_side)


def grey(page: Image.Image) -> np.ndarray:
    return np.asarray(page.convert("L")).astype(int)


@pytest.fixture(scope="module")
def invoice() -> np.ndarray:
    """The page that all image files show, as stored without loss in one of them."""
    data = (CASES / "bigtiff-big-endian.tif").read_bytes()
    return np.frombuffer(data, np.uint8, 496 * 702, offset=16).reshape(702, 496).astype(int)


@pytest.mark.parametrize("name", ["bigtiff-big-endian.tif", "tiff-12-bits.tif", "tiff-grey-associated-alpha.tif"])
def test_an_uncommon_tiff_layout_is_read_exactly(name: str, invoice: np.ndarray) -> None:
    document = decode(name)

    assert not document.truncated
    [page] = document.pages
    assert np.abs(grey(page) - invoice).max() <= 1


@pytest.mark.parametrize(
    ("name", "truncated"),
    [("tiff-old-style-jpeg-grey.tif", False), ("jpeg-no-end-marker.jpg", False), ("tiff-next-page-nowhere.tif", True)],
)
def test_a_page_in_an_unusual_file_is_the_invoice(name: str, truncated: bool, invoice: np.ndarray) -> None:
    document = decode(name)

    assert document.truncated is truncated
    [page] = document.pages
    assert page.size == (496, 702)
    assert abs(grey(page).mean() - invoice.mean()) < 0.5
    assert np.abs(grey(page) - invoice).mean() < 3


def test_a_jpeg_of_108_megapixels_is_decoded_at_a_reduced_size(invoice: np.ndarray) -> None:
    [page] = decode("jpeg-108-megapixels.jpg").pages

    assert page.size == (1125, 1500)
    reduced = Image.fromarray(invoice.astype(np.uint8)).resize((60, 80), Image.Resampling.BOX)
    assert np.abs(grey(page.resize((60, 80), Image.Resampling.BOX)) - np.asarray(reduced)).mean() < 6


def test_text_in_form_fields_is_drawn() -> None:
    [page] = decode("pdf-text-in-form-fields.pdf", min_side=446).pages  # rendered at twice the size: scale 1.5

    assert abs(grey(page).mean() - 250.6) < 0.1


def test_an_xfa_placeholder_is_rejected_with_its_reason() -> None:
    with pytest.raises(ViewerRequiredError, match="needs a viewer that draws XFA forms"):
        decode("pdf-xfa-placeholder.pdf")


def test_heif_of_another_brand_is_recognised() -> None:
    data = (CASES / "heif-brand-hevc.bin").read_bytes()

    assert sniff(data) == "HEIF"
    with pytest.raises(CorruptDocumentError):  # the file has its first bytes only
        decode_document(data, min_side=MIN_SIDE)

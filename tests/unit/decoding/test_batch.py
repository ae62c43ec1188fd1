"""Protects: a page that is stored in grey gives the same batch as in RGB, where it takes three times the work."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from decoding import batch
from decoding.batch import decode_batch
from decoding.document import DecodedDocument
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from decoding.reader import decode_document, decode_unconverted
from tests.support.pages import encode, page, several_pages


def on_a_desk() -> Image.Image:
    desk = Image.new("RGB", (500, 640), (40, 40, 40))
    desk.paste(page((300, 400)).crop((0, 60, 300, 400)), (90, 120))
    return desk


def grey_pages() -> bytes:
    sheets = [Image.new("L", (160, 200), tone) for tone in (10, 90, 200)]
    return encode(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])


def test_grey_pages_of_one_file_keep_their_pixels() -> None:
    batch_of_pages = decode_batch(grey_pages(), Preprocessing(96, 128, "grey"), Limits())
    assert [int(pixels.mean()) for pixels in batch_of_pages.pixels] == [10, 90, 200]


def batch_of_rgb(monkeypatch: pytest.MonkeyPatch, document: bytes, preprocessing: Preprocessing) -> batch.PageBatch:
    """Return the batch of a document whose pages are decoded in RGB."""

    def decode_in_rgb(data: bytes, *, grey: bool, **options: Any) -> DecodedDocument:
        return decode_document(data, **options)

    monkeypatch.setattr(batch, "decode_unconverted", decode_in_rgb)
    return decode_batch(document, preprocessing, Limits())


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize(
    ("document", "cropped"),
    [
        (encode(page((620, 877)).convert("L"), "JPEG"), False),
        (encode(page((620, 877)).convert("L"), "PNG"), False),
        (encode(page((620, 877)).convert("1"), "TIFF", compression="group4"), False),
        (encode(on_a_desk().convert("L"), "PNG"), True),
        (encode(on_a_desk(), "PNG"), True),
        (several_pages(2, "PDF"), False),
        (grey_pages(), False),
    ],
    ids=["jpeg", "png", "fax", "grey-photograph", "photograph", "pdf", "grey-pages"],
)
def test_a_batch_is_that_of_pages_in_rgb(
    monkeypatch: pytest.MonkeyPatch, document: bytes, cropped: bool, color: str
) -> None:
    preprocessing = Preprocessing(96, 128, color)  # type: ignore[arg-type]
    stored = decode_batch(document, preprocessing, Limits())
    converted = batch_of_rgb(monkeypatch, document, preprocessing)

    np.testing.assert_array_equal(stored.pixels, converted.pixels)
    np.testing.assert_array_equal(stored.views, converted.views)
    assert stored.cropped == converted.cropped == [cropped] * len(stored.pixels)


def test_a_grey_page_is_converted_for_other_callers() -> None:
    document = encode(page((310, 438)).convert("L"), "PNG")

    assert decode_unconverted(document, min_side=100).pages[0].mode == "L"
    assert decode_document(document, min_side=100).pages[0].mode == "RGB"


def coloured(**options: Any) -> bytes:
    """Return a page with coloured areas as JPEG."""
    sheet = page((1240, 1754))
    for place, colour in enumerate([(200, 30, 30), (20, 120, 60), (40, 60, 180), (240, 220, 60)]):
        sheet.paste(colour, (100 + 250 * place, 1300, 300 + 250 * place, 1600))
    return encode(sheet, "JPEG", **options)


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 20}])
def test_a_coloured_jpeg_in_grey_gives_the_grey_of_its_colours(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """The luminance of the file differs from the grey of the colours, which were rounded and clipped, by few levels."""
    document, preprocessing = coloured(**options), Preprocessing(96, 128, "grey")
    assert decode_unconverted(document, min_side=100, grey=True).pages[0].mode == "L"
    luminance = decode_batch(document, preprocessing, Limits())
    converted = batch_of_rgb(monkeypatch, document, preprocessing)

    difference = np.abs(luminance.pixels.astype(int) - converted.pixels.astype(int))
    assert difference.mean() < 0.1
    assert difference.max() <= 3


@pytest.mark.parametrize("profile", [True, False])
def test_a_jpeg_keeps_its_colours_if_they_are_needed(profile: bool) -> None:
    """A colour profile describes colours; grey is computed from them afterwards."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    document = coloured(icc_profile=srgb) if profile else coloured()

    assert decode_unconverted(document, min_side=100, grey=profile).pages[0].mode == "RGB"

"""Protects: pages stay in their stored colours until the input, and all inputs of a document get what one would get."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from decoding import batch
from decoding.batch import decode_batch, decode_batches
from decoding.document import DecodedDocument
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from decoding.raster import JpegMode
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

    def decode_in_rgb(data: bytes, *, jpeg_mode: str, **options: Any) -> DecodedDocument:
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


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 20}])
def test_a_coloured_jpeg_gives_its_colours(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], color: str
) -> None:
    """The page stays in luminance and chrominance until it is resized. RGB was rounded and clipped before."""
    document, preprocessing = coloured(**options), Preprocessing(96, 128, color)  # type: ignore[arg-type]
    stored = decode_batch(document, preprocessing, Limits())
    converted = batch_of_rgb(monkeypatch, document, preprocessing)

    difference = np.abs(stored.pixels.astype(int) - converted.pixels.astype(int))
    assert difference.mean() < 1
    assert difference.max() <= 5


def with_channels(document: bytes, names: bytes) -> bytes:
    """Give the channels of a JPEG file without a JFIF or Adobe header other names."""
    frame = document.index(b"\xff\xc0")
    scan = document.index(b"\xff\xda")
    renamed = bytearray(document)
    for index, name in enumerate(names):
        renamed[frame + 10 + 3 * index] = renamed[scan + 5 + 2 * index] = name
    header = document.index(b"\xff\xe0")  # JFIF
    return bytes(renamed[:header] + renamed[header + 18 :])


def with_adobe_header(document: bytes, transform: int, jfif: bytes = b"") -> bytes:
    """Replace the JFIF header of a JPEG file."""
    header = document.index(b"\xff\xe0")
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
    return document[:header] + jfif + adobe + document[header + 18 :]


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# libjpeg ignores it, so that the Adobe header decides that the channels are R, G and B.
SHORT_HEADER = b"\xff\xe0\x00\x09JFIF\x00\x01\x01"
JPEG_MODES = {
    "jfif": (coloured(), "L", "YCbCr"),
    "adobe": (with_adobe_header(coloured(), 1), "L", "YCbCr"),
    "without-header": (with_channels(coloured(), b"\1\2\3"), "L", "YCbCr"),
    "rgb-in-adobe": (with_adobe_header(coloured(), 0), "RGB", "RGB"),
    "rgb-by-name": (with_channels(coloured(), b"RGB"), "RGB", "RGB"),
    "profile": (coloured(icc_profile=SRGB), "RGB", "RGB"),
    "incomplete": (coloured()[:-3000], "RGB", "RGB"),
    "short-header": (
        with_adobe_header(coloured(progressive=True), 0, jfif=b"\xff\xe0\x00\x09JFIF\x00\x01\x01"),
        "L",
        "RGB",
    ),
}


@pytest.mark.parametrize(("document", "grey", "colour"), JPEG_MODES.values(), ids=JPEG_MODES)
def test_a_jpeg_stays_as_it_is_stored_where_that_is_known(document: bytes, grey: str, colour: str) -> None:
    """A colour profile describes colours; grey is computed from them afterwards."""
    modes: dict[JpegMode, str] = {"L": grey, "YCbCr": colour, "RGB": "RGB"}
    for mode, expected in modes.items():
        decoded = decode_unconverted(document, min_side=100, jpeg_mode=mode)
        assert decoded.pages[0].mode == expected
        assert decoded.truncated == decode_document(document, min_side=100).truncated


SHARED = {
    **{f"jpeg-{name}": document for name, (document, _, _) in JPEG_MODES.items()},
    "jpeg-photograph": encode(on_a_desk(), "JPEG"),
    "photograph": encode(on_a_desk(), "PNG"),
    "transparent": encode(page((300, 400)).convert("RGBA"), "PNG"),
    "fax": encode(page((620, 877)).convert("1"), "TIFF", compression="group4"),
    "pdf": several_pages(3, "PDF"),
    "pages": grey_pages(),
}


@pytest.mark.parametrize("document", SHARED.values(), ids=SHARED)
def test_several_inputs_get_the_same_together_as_each_alone(document: bytes) -> None:
    inputs = [Preprocessing(32, 48, "grey", 160), Preprocessing(64, 64, "rgb", 160), Preprocessing(96, 96, "grey", 160)]

    together = decode_batches(document, inputs, Limits())

    for batch_of_input, preprocessing in zip(together, inputs, strict=True):
        alone = decode_batch(document, preprocessing, Limits())
        np.testing.assert_array_equal(batch_of_input.pixels, alone.pixels)
        np.testing.assert_array_equal(batch_of_input.views, alone.views)
        assert (batch_of_input.cropped, batch_of_input.truncated) == (alone.cropped, alone.truncated)

"""Protects: transparent margins around a page are removed, and transparent paper is kept."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from decoding.reader import decode_document
from tests.support.examples import examples
from tests.support.pages import encode, page

SHEET = page((200, 280))
margins = st.integers(0, 150)


def with_margins(sheet: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    canvas = Image.new("RGBA", (sheet.width + left + right, sheet.height + top + bottom), (0, 0, 0, 0))
    canvas.paste(sheet, (left, top))
    return canvas


def palette_gif(image: Image.Image) -> bytes:
    quantized = image.convert("RGB").quantize(255)
    pixels = np.asarray(quantized).copy()
    pixels[np.asarray(image.getchannel("A")) == 0] = 255
    paletted = Image.frombytes("P", image.size, pixels.tobytes())
    paletted.putpalette(quantized.getpalette() or [])
    file = io.BytesIO()
    paletted.save(file, "GIF", transparency=255)
    return file.getvalue()


@settings(deadline=None, max_examples=examples(40))
@given(margins, margins, margins, margins)
def test_transparent_margins_are_removed(left: int, top: int, right: int, bottom: int) -> None:
    file = encode(with_margins(SHEET, left, top, right, bottom), "PNG")

    [decoded] = decode_document(file, min_side=600).pages

    assert decoded.tobytes() == SHEET.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "PNG-LA", "WEBP", "TIFF", "GIF"])
def test_transparent_margins_are_removed_in_every_format(kind: str) -> None:
    framed = with_margins(SHEET, 80, 20, 60, 0)
    file = {
        "PNG": lambda: encode(framed, "PNG"),
        "PNG-LA": lambda: encode(framed.convert("LA"), "PNG"),
        "WEBP": lambda: encode(framed, "WEBP", lossless=True),
        "TIFF": lambda: encode(framed, "TIFF", compression="tiff_lzw"),
        "GIF": lambda: palette_gif(framed),
    }[kind]()

    [decoded] = decode_document(file, min_side=600).pages

    assert decoded.size == SHEET.size
    difference = np.asarray(decoded.convert("L")).astype(int) - np.asarray(SHEET.convert("L"))
    assert np.abs(difference).mean() < 3


def test_the_page_within_the_margins_keeps_the_needed_size() -> None:
    file = encode(with_margins(page((700, 980)), 1500, 1500, 1500, 1500), "PNG")

    [decoded] = decode_document(file, min_side=336).pages

    assert min(decoded.size) >= 336


def test_a_sheet_that_was_turned_and_cut_out_is_cropped() -> None:
    turned = SHEET.convert("RGBA").rotate(40, expand=True)
    framed = Image.new("RGBA", (turned.width + 200, turned.height + 200), (0, 0, 0, 0))
    framed.paste(turned, (100, 100))

    [decoded] = decode_document(encode(framed, "PNG"), min_side=900).pages

    assert abs(decoded.width - turned.width) <= 4
    assert abs(decoded.height - turned.height) <= 4


@pytest.mark.parametrize("sheet", ["ink", "nothing", "opaque"])
def test_other_pages_keep_their_size(sheet: str) -> None:
    image = Image.new("RGBA", (300, 400), (0, 0, 0, 0))
    if sheet == "ink":  # on transparent paper
        darkness = Image.fromarray(np.where(np.asarray(SHEET.convert("L")) < 128, 255, 0).astype(np.uint8))
        darkness.paste(0, (0, 0, 200, 40))
        image.paste((0, 0, 0, 255), (50, 60), darkness)
    if sheet == "opaque":
        image = image.convert("RGB").convert("RGBA")

    [decoded] = decode_document(encode(image, "PNG"), min_side=600).pages

    assert decoded.size == (300, 400)
    assert decoded.getpixel((2, 2)) == ((0, 0, 0) if sheet == "opaque" else (255, 255, 255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_page_whose_alpha_channel_is_empty_shows_its_colours(kind: str) -> None:
    sheet = page((90, 120)).convert("RGBA")
    sheet.putalpha(0)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}

    [shown] = decode_document(encode(sheet, kind, **options), min_side=90).pages

    np.testing.assert_array_equal(np.asarray(shown), np.asarray(sheet.convert("RGB")))


def test_a_fully_transparent_page_of_one_colour_is_white() -> None:
    [shown] = decode_document(encode(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"), min_side=9).pages

    assert shown.getextrema() == ((255, 255),) * 3

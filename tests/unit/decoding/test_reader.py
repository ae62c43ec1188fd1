"""Protects: every format is decoded to the same upright RGB page, and hostile files are rejected cheaply."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from decoding import raster, reader
from decoding.errors import (
    CorruptDocumentError,
    DecompressionBombError,
    DocumentTooLargeError,
    EmptyDocumentError,
    EncryptedDocumentError,
    UnsupportedFormatError,
)
from decoding.limits import Limits
from decoding.reader import FORMATS, decode_document, decode_pages, sniff
from tests.support.pages import INK, deep, encode, every_format, page, several_pages, text_pdf

MIN_SIDE = 120
FILES = every_format()
PICTURES = sorted(set(FILES) - {"pdf-text"})
REDUCED = ("jpeg", "jpeg-cmyk", "jpeg-grey")
"""Files that are decoded at a reduced size, which the limit of pixels then refers to."""
BILEVEL = ("tiff-group4", "png-bilevel")
"""Files of one bit per pixel, which may have more pixels."""


def thumbnail(image: Image.Image) -> np.ndarray:
    """Return the brightness of a page in a coarse grid, 0 to 255."""
    return np.asarray(image.convert("L").resize((24, 34), Image.Resampling.BOX)).astype(int)


@pytest.mark.parametrize("name", PICTURES)
def test_every_format_is_decoded_to_the_same_page(name: str) -> None:
    [decoded] = decode_pages(FILES[name], min_side=MIN_SIDE)

    assert decoded.mode == "RGB"
    assert min(decoded.size) >= MIN_SIDE
    assert np.abs(thumbnail(decoded) - thumbnail(page())).mean() < 6


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_format_is_detected_by_the_content(name: str) -> None:
    kind = name.split("-")[0].upper()

    assert sniff(FILES[name]) == kind
    assert kind in FORMATS


def test_text_in_a_pdf_is_rendered() -> None:
    [rendered] = decode_pages(FILES["pdf-text"], min_side=MIN_SIDE)

    ink = np.asarray(rendered.convert("L"))
    assert ink[: rendered.height // 4].min() < 100
    assert ink[rendered.height // 2 :].min() == 255


@pytest.mark.parametrize("name", ["jpeg", "jpeg-cmyk", "tiff-group4", "png", "pdf"])
def test_a_large_page_is_decoded_at_a_reduced_size(name: str) -> None:
    large = page((2480, 3508))
    file = {
        "jpeg": lambda: encode(large, "JPEG"),
        "jpeg-cmyk": lambda: encode(large.convert("CMYK"), "JPEG"),
        "tiff-group4": lambda: encode(large.convert("1"), "TIFF", compression="group4"),
        "png": lambda: encode(large, "PNG", compress_level=1),
        "pdf": lambda: encode(large, "PDF"),
    }[name]()

    [decoded] = decode_pages(file, min_side=336)

    assert 336 <= min(decoded.size) < 2480 / 2


def test_a_small_page_is_not_enlarged() -> None:
    small = encode(page((60, 80)), "PNG")

    assert decode_pages(small, min_side=336)[0].size == (60, 80)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_page_is_rotated_upright_by_its_orientation(kind: str, orientation: int) -> None:
    upright = page((400, 560))
    inverse = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if inverse is None else upright.transpose(inverse)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encode(stored, kind, exif=exif)

    [decoded] = decode_pages(file, min_side=MIN_SIDE)

    assert decoded.width < decoded.height
    assert np.abs(thumbnail(decoded) - thumbnail(upright)).mean() < 6


def test_transparency_becomes_white() -> None:
    clear = Image.new("RGBA", (300, 400), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((100, 100, 200, 300), fill=(*INK, 255))
    ImageDraw.Draw(clear).rectangle((0, 0, 299, 399), outline=(*INK, 255))  # no transparent margin
    palette = Image.new("P", (300, 400), 0)
    palette.putpalette([0, 0, 0, 200, 30, 30])
    one_clear = io.BytesIO()
    palette.save(one_clear, "PNG", transparency=0)

    for file in (encode(clear, "PNG"), encode(clear, "WEBP", lossless=True), one_clear.getvalue()):
        [decoded] = decode_pages(file, min_side=MIN_SIDE)
        assert decoded.getpixel((5, 5)) == (255, 255, 255)
    [decoded] = decode_pages(encode(clear, "PNG"), min_side=400)
    assert decoded.getpixel((150, 200)) == INK


def test_16_bit_grey_keeps_its_tones() -> None:
    ramp = Image.fromarray(np.tile(np.linspace(0, 65535, 300).astype(np.uint16), (300, 1)))

    for kind in ("PNG", "TIFF"):
        [decoded] = decode_pages(encode(ramp, kind), min_side=300)
        row = np.asarray(decoded)[150, :, 0].astype(int)
        assert row[0] == 0
        assert row[-1] == 255
        assert abs(row[150] - 128) <= 2


def test_a_16_bit_tiff_with_white_as_zero_is_inverted() -> None:
    white_is_zero = encode(deep(Image.new("L", (200, 200), 0)), "TIFF", tiffinfo={262: 0})

    assert decode_pages(white_is_zero, min_side=MIN_SIDE)[0].getpixel((10, 10)) == (255, 255, 255)


def test_an_embedded_colour_profile_is_applied() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with red and blue swapped, and with another name.
    swapped = srgb.replace(b"rXYZ", b"?XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"?XYZ", b"bXYZ", 1)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be"))
    bluish = Image.new("RGB", (200, 200), (60, 130, 200))

    [plain] = decode_pages(encode(bluish, "PNG", icc_profile=srgb), min_side=MIN_SIDE)
    [odd] = decode_pages(encode(bluish, "PNG", icc_profile=swapped), min_side=MIN_SIDE)
    [broken] = decode_pages(encode(bluish, "PNG", icc_profile=b"no profile at all"), min_side=MIN_SIDE)

    red, _, blue = odd.getpixel((9, 9))  # type: ignore[misc]
    assert red > blue
    assert plain.getpixel((9, 9)) == (60, 130, 200)
    assert broken.getpixel((9, 9)) == (60, 130, 200)


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_pages_above_the_limit_are_not_read_and_reported_as_truncated(kind: str) -> None:
    file = several_pages(5, kind)

    complete = decode_document(file, min_side=MIN_SIDE, limits=Limits(max_pages=5))
    limited = decode_document(file, min_side=MIN_SIDE, limits=Limits(max_pages=3))

    assert (len(complete.pages), complete.truncated) == (5, False)
    assert (len(limited.pages), limited.truncated) == (3, True)


@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_decoding_is_cancelled_between_pages(kind: str) -> None:
    class CancelledError(Exception):
        pass

    calls = iter(range(9))

    def after_two_pages() -> None:
        if next(calls) > 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        decode_document(several_pages(5, kind), min_side=MIN_SIDE, check_cancelled=after_two_pages)
    assert len(decode_pages(several_pages(2, kind), min_side=MIN_SIDE)) == 2, "the next document is decoded"


def test_thumbnails_in_a_tiff_are_not_pages() -> None:
    sheet, reduced = page((400, 560)), page((40, 56))
    reduced.encoderinfo = {"tiffinfo": {254: 1}}
    file = io.BytesIO()
    sheet.save(file, "TIFF", save_all=True, append_images=[reduced, sheet])

    assert [p.size for p in decode_pages(file.getvalue(), min_side=400)] == [(400, 560), (400, 560)]


def test_the_first_image_of_an_animation_is_decoded() -> None:
    frames = [Image.new("RGB", (200, 200), colour) for colour in ("red", "green", "blue")]

    for kind in ("GIF", "WEBP", "PNG"):
        [decoded] = decode_pages(encode(frames[0], kind, save_all=True, append_images=frames[1:]), min_side=100)
        red, green, blue = decoded.getpixel((50, 50))  # type: ignore[misc]
        assert red > 240
        assert max(green, blue) < 15


def test_an_empty_document_is_rejected() -> None:
    with pytest.raises(EmptyDocumentError):
        decode_pages(b"", min_side=MIN_SIDE)


@pytest.mark.parametrize(
    "data",
    [
        b"<html></html>",
        b"BM is how \x00 this content begins",
        b"PK\x03\x04" + bytes(60),
        b"\x00",
        b"%PDF",
        b"\xff\xd8",
    ],
)
def test_other_content_is_rejected_as_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError):
        decode_pages(data, min_side=MIN_SIDE)


def test_too_many_bytes_are_rejected_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "sniff", lambda _: pytest.fail("the content was examined"))

    with pytest.raises(DocumentTooLargeError):
        decode_pages(FILES["bmp"], min_side=MIN_SIDE, limits=Limits(max_bytes=len(FILES["bmp"]) - 1))


@pytest.mark.parametrize("name", [name for name in PICTURES if name not in (*REDUCED, *BILEVEL, "pdf")])
def test_too_many_pixels_are_rejected_in_every_format(name: str) -> None:
    with pytest.raises(DecompressionBombError):
        decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=600 * 800))


@pytest.mark.parametrize("name", REDUCED)
def test_too_many_pixels_of_a_reduced_decoding_are_rejected(name: str) -> None:
    reduced = 155 * 220  # a quarter of the width and of the height

    with pytest.raises(DecompressionBombError):
        decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=reduced - 1))
    with pytest.raises(DecompressionBombError):
        decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 - 1))
    assert decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 + 1))


@pytest.mark.parametrize("name", BILEVEL)
def test_a_bilevel_image_may_have_eight_times_as_many_pixels(name: str) -> None:
    """Plans are larger than other documents: A0 at 600 dpi has 558 million pixels."""
    with pytest.raises(DecompressionBombError):
        decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 - 1))
    assert decode_pages(FILES[name], min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 + 1))


@pytest.mark.parametrize("name", BILEVEL)
def test_pillows_own_limit_does_not_apply_to_bilevel_images(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode_pages(FILES[name], min_side=MIN_SIDE)
    with pytest.raises(DecompressionBombError):
        decode_pages(FILES["webp"], min_side=MIN_SIDE)  # its decoder allocates memory before the size is known


def test_a_transparent_bilevel_image_may_not() -> None:
    """It is converted to grey as a whole, and composited on white."""
    file = encode(page((620, 877)).convert("1"), "PNG", transparency=0)

    with pytest.raises(DecompressionBombError):
        decode_pages(file, min_side=MIN_SIDE, limits=Limits(max_pixels=600 * 800))


@pytest.mark.parametrize("min_side", [20, 75, 300])
def test_bands_of_a_bilevel_image_do_not_show(min_side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large image is reduced in bands. Their borders, and the last one, must be like those of the whole."""
    monkeypatch.setattr(raster, "_BAND_PIXELS", 620 * 50)
    image = page((620, 877)).convert("1")
    factor = max(1, 620 // (2 * min_side))

    (decoded,) = decode_pages(encode(image, "TIFF", compression="group4"), min_side=min_side)

    assert np.array_equal(np.asarray(decoded.convert("L")), np.asarray(image.convert("L").reduce(factor)))


def test_too_many_pixels_of_a_picture_in_a_pdf_are_rejected() -> None:
    file = FILES["pdf"]  # its page is a baseline JPEG

    with pytest.raises(DecompressionBombError):
        decode_pages(file, min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 - 1))
    assert decode_pages(file, min_side=MIN_SIDE, limits=Limits(max_pixels=620 * 877 // 8 + 1))


_MEMORY_OF_A_REJECTION = """
import resource, sys
from decoding.reader import decode_pages
from decoding.errors import DecompressionBombError
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_pages(data, min_side=120)
except DecompressionBombError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {"compression": "tiff_lzw"}), ("GIF", {}), ("WEBP", {"method": 0})]
)
def test_rejecting_a_decompression_bomb_allocates_no_memory(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(encode(Image.new("L", (10_000, 10_000), 255), kind, **options))

    command = [sys.executable, "-c", _MEMORY_OF_A_REJECTION, str(bomb)]
    kibibytes = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert kibibytes < 20_000, "decoded, it would take at least 100 MB"


def test_a_decompression_bomb_in_a_pdf_is_rejected() -> None:
    with pytest.raises(DecompressionBombError):
        decode_pages(text_pdf(["x"], images="q 500 0 0 500 0 0 cm /I Do Q"), min_side=MIN_SIDE)


def test_a_very_long_pdf_page_is_rendered_at_a_bounded_size() -> None:
    [long] = decode_pages(text_pdf(["x"], media_box="0 0 10 14000"), min_side=MIN_SIDE)

    assert long.width * long.height < 40 * MIN_SIDE * MIN_SIDE


def test_a_pdf_with_a_password_is_rejected_as_encrypted() -> None:
    with pytest.raises(EncryptedDocumentError):
        decode_pages(text_pdf(["secret"], encrypted=True), min_side=MIN_SIDE)


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if not name.startswith("jpeg")])
def test_half_a_file_is_rejected_as_corrupt(name: str) -> None:
    with pytest.raises(CorruptDocumentError):
        decode_pages(FILES[name][: len(FILES[name]) // 2], min_side=MIN_SIDE)


@pytest.mark.parametrize("name", [name for name in sorted(FILES) if name.startswith("jpeg")])
def test_a_small_part_of_a_jpeg_file_is_rejected_as_corrupt(name: str) -> None:
    with pytest.raises(CorruptDocumentError):
        decode_pages(FILES[name][:1500], min_side=MIN_SIDE)


def test_a_pdf_with_other_bytes_before_its_header_is_detected() -> None:
    assert sniff(b"\r\nmail header\r\n" + FILES["pdf-text"]) == "PDF"
    assert sniff(bytes(1100) + FILES["pdf-text"]) is None


@pytest.mark.parametrize("line", ["INFO header is %PDF-1.4", "<p>%PDF-1.7 is the first line of a PDF."])
def test_a_text_about_a_pdf_is_text(line: str) -> None:
    """Logs and messages quote the first line of a PDF. A PDF that is plain text has objects behind it."""
    assert sniff(f"{line}\nread 3 pages\n".encode()) == "TEXT"
    assert sniff(f"{line}\n1 0 obj\n<< /Type /Catalog >>\nendobj\n".encode()) == "PDF"
    assert sniff(b"%PDF-1.4\nno object follows\n") == "PDF", "damaged, not a text"


@pytest.mark.parametrize("brand", ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"])
def test_every_brand_of_heif_is_decoded(brand: str) -> None:
    file = bytearray(FILES["heif"])
    file[8:12] = brand.encode()

    assert sniff(bytes(file)) == "HEIF"
    [decoded] = decode_pages(bytes(file), min_side=MIN_SIDE)
    assert np.abs(thumbnail(decoded) - thumbnail(page())).mean() < 6


@pytest.mark.parametrize("brand", ["avif", "mif1"])
def test_every_brand_of_avif_is_decoded(brand: str) -> None:
    file = bytearray(FILES["avif"])
    file[8:12] = brand.encode()

    assert sniff(bytes(file)) == "AVIF"
    assert decode_pages(bytes(file), min_side=MIN_SIDE)

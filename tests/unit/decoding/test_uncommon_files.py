"""Protects: uncommon but valid files are read, or rejected for their true reason instead of as damaged."""

import io
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import PngImagePlugin

from decoding.errors import (
    DecoderMemoryError,
    DecompressionBombError,
    DocumentError,
    UnsupportedCodingError,
    UnsupportedFormatError,
)
from decoding.limits import Limits
from decoding.reader import decode_document, sniff
from decoding.tiff_directories import Directory, Tag, write_single
from decoding.translation import translate_errors
from tests.support.pages import encode, heic, page, text_pdf
from tests.support.pdf_files import stream, write_pdf

SHEET = page((64, 96))
GREY = np.asarray(SHEET.convert("L")).astype(int)
RGB = {
    Tag.WIDTH: (64,),
    Tag.HEIGHT: (96,),
    Tag.BITS: (8, 8, 8),
    Tag.COMPRESSION: (1,),
    Tag.PHOTOMETRIC: (2,),
    Tag.SAMPLES: (3,),
    Tag.ROWS_PER_STRIP: (96,),
    Tag.PLANAR: (1,),
}


def decode(data: bytes) -> np.ndarray:
    """Return the only page in grey."""
    [decoded] = decode_document(data, min_side=64).pages
    return np.asarray(decoded.convert("L")).astype(int)


def tiff(tags: dict[Tag, tuple[int, ...] | None], *strips: bytes) -> bytes:
    kept: dict[int, tuple[float, ...]] = {tag: values for tag, values in {**RGB, **tags}.items() if values is not None}
    return write_single(Directory(kept, "<"), strips)


def subsampled(across: int, down: int) -> bytes:
    """Return the sheet's pixels in YCbCr, one pair of colour samples for each block (TIFF 6.0, section 21)."""
    pixels = np.asarray(SHEET.convert("YCbCr")).reshape(96 // down, down, 64 // across, across, 3)
    luma = pixels[..., 0].transpose(0, 2, 1, 3).reshape(96 // down, 64 // across, -1)
    chroma = pixels[..., 1:].mean(axis=(1, 3)).astype(np.uint8)
    return np.concatenate([luma, chroma], axis=2).tobytes()


@pytest.mark.parametrize("header", [b"%PDF1.4", b"%PDF 1.4", b"junk\n" * 200 + b"%PDF-1.4"])
def test_a_pdf_is_recognised_by_uncommon_headers(header: bytes) -> None:
    plain = text_pdf(["Invoice"])
    assert plain.startswith(b"%PDF-1.4")

    np.testing.assert_array_equal(decode(plain.replace(b"%PDF-1.4", header, 1)), decode(plain))


@pytest.mark.parametrize("kind", ["zip", "tar", "ole"])
def test_an_archive_is_not_read_as_the_pdf_with_which_it_begins(kind: str) -> None:
    pdf = text_pdf(["only the first"])
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("first.pdf", pdf)
    elif kind == "tar":
        member = tarfile.TarInfo("first.pdf")
        member.size = len(pdf)
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(member, io.BytesIO(pdf))
    else:
        file.write(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + pdf)

    with pytest.raises(UnsupportedFormatError):
        decode_document(file.getvalue(), min_side=64)


@pytest.mark.parametrize("blocks", [(1, 2), (2, 1), (2, 2), (4, 2)])
def test_uncompressed_tiff_with_subsampled_colours_is_read(blocks: tuple[int, int]) -> None:
    document = tiff({Tag.PHOTOMETRIC: (6,), Tag.SUBSAMPLING: blocks}, subsampled(*blocks))

    assert np.abs(decode(document) - GREY).mean() < 6


@pytest.mark.parametrize(("mode", "bits"), [("RGB", (8, 8, 8)), ("L", (8,))])
def test_a_tiff_page_that_does_not_name_its_colours_is_not_inverted(mode: str, bits: tuple[int, ...]) -> None:
    pixels = SHEET.convert(mode).tobytes()

    document = tiff({Tag.PHOTOMETRIC: None, Tag.BITS: bits, Tag.SAMPLES: (len(bits),)}, pixels)

    assert np.abs(decode(document) - GREY).max() <= 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(heic(page((64, 96))).replace(b"ftypheic", b"ftypavif", 1), id="hevc-named-avif"),
        pytest.param(encode(page((64, 96)), "AVIF").replace(b"ftypavif", b"ftypheic", 1), id="av1-named-heic"),
    ],
)
def test_an_image_with_the_brand_of_the_other_codec_is_read(data: bytes) -> None:
    assert np.abs(decode(data) - GREY).mean() < 12


def test_an_image_that_no_codec_reads_is_damaged() -> None:
    with pytest.raises(DocumentError, match="The AVIF file is damaged"):
        decode(encode(SHEET, "AVIF")[:200])


def bmp(bits: int, masks: tuple[int, ...]) -> bytes:
    """Return a BMP file with 4 by 4 pixels in bit fields."""
    pixels = bytes(4 * 4 * bits // 8)
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, bits, 3, len(pixels), 0, 0, 0, 0) + struct.pack("<III", *masks)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bmp(16, (0xF00, 0xF0, 0xF)), id="bmp-4-4-4"),
        pytest.param(bmp(32, (0x3FF00000, 0xFFC00, 0x3FF)), id="bmp-10-10-10"),
        pytest.param(tiff({Tag.COMPRESSION: (50001,)}, encode(SHEET, "WEBP")), id="webp-in-tiff"),
    ],
)
def test_a_valid_file_in_a_coding_that_is_not_read_is_not_called_damaged(data: bytes) -> None:
    with pytest.raises(UnsupportedCodingError):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        encode(SHEET, "PPM"),
        encode(SHEET, "PCX"),
        encode(SHEET, "JPEG2000"),
        encode(SHEET, "TGA"),
        encode(SHEET.convert("1"), "XBM"),
        b"P2\n# a comment\n2 2\n255\n0 255\n255 0\n",
        b'/* XPM */\nstatic char *x[] = {"1 1 1 1", "a c #000000", "a"};\n',
    ],
    ids=["ppm", "pcx", "jpeg2000", "tga", "xbm", "ascii-pgm", "xpm"],
)
def test_an_image_in_an_unsupported_format_is_not_read_as_text(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError):
        decode(data)


def test_a_text_that_begins_like_an_image_is_text() -> None:
    assert sniff(b"P1 incident report\n\nThe printer is out of paper again.\n") == "TEXT"


def image_pdf(width: int, height: int, entries: str, data: bytes) -> bytes:
    """Write a PDF whose page is one image."""
    return write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 60 60]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            stream("60 0 0 60 0 0 cm /I Do"),
            stream(
                data.decode("latin-1"),
                f"/Type/XObject/Subtype/Image/Width {width}/Height {height}{entries}/Filter/FlateDecode",
            ),
        ]
    )


@pytest.mark.parametrize("entries", ["/BitsPerComponent 1/ColorSpace/DeviceGray", "/BitsPerComponent 1/ImageMask true"])
def test_bilevel_images_in_pdfs_count_by_their_bits(entries: str) -> None:
    rows = b"\xff" * (200 * 100) + b"\0" * (200 * 1500)
    document = image_pdf(1600, 1600, entries, zlib.compress(rows))

    [drawn] = decode_document(document, min_side=64, limits=Limits(max_pixels=1_000_000)).pages

    assert np.asarray(drawn).mean() < 40
    with pytest.raises(DecompressionBombError):
        decode_document(document, min_side=64, limits=Limits(max_pixels=100_000))


def test_deeper_images_in_pdfs_count_by_their_pixels() -> None:
    document = image_pdf(1600, 1600, "/BitsPerComponent 8/ColorSpace/DeviceGray", zlib.compress(bytes(1600 * 1600)))

    with pytest.raises(DecompressionBombError):
        decode_document(document, min_side=64, limits=Limits(max_pixels=1_000_000))


@pytest.mark.parametrize("chunk", ["text", "profile"])
def test_a_png_with_much_metadata_is_not_called_damaged(chunk: str) -> None:
    metadata = b"<mxfile>" * 250_000
    text = PngImagePlugin.PngInfo()
    text.add_text("mxfile", metadata.decode(), zip=True)
    options: dict[str, Any] = {"pnginfo": text} if chunk == "text" else {"icc_profile": metadata}

    assert np.array_equal(decode(encode(SHEET, "PNG", **options)), GREY)


def test_a_lack_of_memory_is_not_called_damage() -> None:
    with pytest.raises(DecoderMemoryError, match="more memory than the limit"), translate_errors("TIFF"):
        raise MemoryError

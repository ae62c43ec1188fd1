"""Protects: what an incomplete JPEG file contains is used, and large photographs are decoded at a reduced size."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from decoding.errors import CorruptDocumentError, DecompressionBombError
from decoding.jpeg import MIN_SHARE
from decoding.limits import Limits
from decoding.reader import decode_document
from tests.support.pages import encode, page
from tests.support.pdf_files import stream, write_pdf

SHEET = page((400, 560))
MODES = ["L", "RGB", "CMYK"]
HEADER = 1200  # bytes before the scan, at most


def decode(data: bytes, min_side: int = 400) -> tuple[NDArray[np.int64], bool]:
    document = decode_document(data, min_side=min_side)
    [decoded] = document.pages
    return np.asarray(decoded).astype(int), document.truncated


def ramp(mode: str, **options: Any) -> bytes:
    """Encode a page whose bytes are spread evenly over its rows."""
    rng = np.random.default_rng(5)
    paper = rng.integers(150, 255, (560, 400, 3), dtype=np.uint8)
    return encode(Image.fromarray(paper).convert(mode), "JPEG", quality=90, **options)


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_a_file_without_its_end_marker_is_complete(mode: str, missing: int) -> None:
    file = encode(SHEET.convert(mode), "JPEG", quality=90)

    expected, _ = decode(file)
    decoded, truncated = decode(file[:-missing])

    assert not truncated
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("min_side", [50, 400], ids=["reduced", "full"])
@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=15)
@given(share=st.floats(0.02, 0.98))
def test_the_decoded_part_of_a_cut_file_is_used(mode: str, min_side: int, share: float) -> None:
    file = ramp(mode)
    expected, _ = decode(file, min_side)
    length = int(HEADER + (len(file) - HEADER) * share)
    try:
        decoded, truncated = decode(file[:length], min_side)
    except CorruptDocumentError:
        assert share < MIN_SHARE + 0.05
        return

    assert truncated
    assert share > MIN_SHARE - 0.05
    rows = len(decoded)
    present, absent = int(rows * (share - 0.06)), int(rows * (share + 0.06)) + 1
    assert np.abs(decoded[:present] - expected[:present]).max() <= 2
    assert (decoded[absent:] == 255).all()


def test_a_cut_progressive_file_is_used_and_reported_as_truncated() -> None:
    file = encode(SHEET, "JPEG", quality=90, progressive=True)
    expected, _ = decode(file)

    decoded, truncated = decode(file[: len(file) * 3 // 4])

    assert truncated
    assert np.abs(decoded - expected).mean() < 10


def test_a_cut_file_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = encode(SHEET.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)
    expected, _ = decode(file)

    decoded, _ = decode(file[:-2])

    np.testing.assert_array_equal(decoded, expected)


def test_grey_pictures_are_not_missing_parts() -> None:
    sheet = Image.new("L", (400, 560), 255)
    sheet.paste(128, (0, 100, 400, 300))
    sheet.paste(128, (100, 400, 300, 500))
    file = encode(sheet, "JPEG", quality=90)

    decoded, truncated = decode(file[:-2])

    assert not truncated
    np.testing.assert_array_equal(decoded, decode(file)[0])


LARGE = (10_400, 10_400)  # 108 megapixels


@pytest.mark.parametrize(
    ("size", "accepted"), [((10_400, 10_400), True), ((16_320, 12_240), True), ((26_000, 26_000), False)]
)
def test_the_limit_counts_what_a_baseline_file_decodes_to(size: tuple[int, int], accepted: bool) -> None:
    file = encode(Image.new("L", size, 255), "JPEG", quality=95)

    if accepted:
        assert decode(file)[0].min() == 255
    else:
        with pytest.raises(DecompressionBombError):
            decode(file)


def test_an_empty_comment_does_not_hide_that_a_file_is_baseline() -> None:
    plain = encode(Image.new("L", (1600, 1600)), "JPEG")
    commented = plain[:2] + b"\xff\xfe\x00\x02" + plain[2:]

    [decoded] = decode_document(commented, min_side=100, limits=Limits(max_pixels=1_000_000)).pages

    assert decoded.size == (200, 200)


def test_the_limit_counts_all_pixels_of_a_progressive_file() -> None:
    file = encode(Image.new("L", LARGE, 255), "JPEG", quality=20, progressive=True)

    with pytest.raises(DecompressionBombError):
        decode(file)


def test_the_limit_counts_all_pixels_if_the_reduced_size_is_larger() -> None:
    file = encode(SHEET, "JPEG")

    with pytest.raises(DecompressionBombError):
        decode_document(file, min_side=400, limits=Limits(max_pixels=400 * 560 - 1))
    assert decode_document(file, min_side=100, limits=Limits(max_pixels=400 * 560 // 8))


@pytest.mark.parametrize("progressive", [False, True])
def test_the_limit_counts_the_same_in_a_pdf(progressive: bool) -> None:
    picture = encode(Image.new("RGB", LARGE, "white"), "JPEG", quality=20, progressive=progressive)
    file = write_pdf(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>",
            stream("q 500 0 0 500 0 0 cm /I Do Q"),
            stream(
                picture.decode("latin-1"),
                f"/Type/XObject/Subtype/Image/Width {LARGE[0]}/Height {LARGE[1]}/BitsPerComponent 8"
                "/ColorSpace/DeviceRGB/Filter/DCTDecode",
            ),
        ]
    )

    if progressive:
        with pytest.raises(DecompressionBombError):
            decode(file)
    else:
        assert decode(file)[0].min() > 250


_MEMORY = """
import resource, sys
from decoding.reader import decode_document
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode_document(data, min_side=336)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_reduced_decoding_takes_memory_for_the_reduced_size_only(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encode(Image.new("RGB", LARGE, "white"), "JPEG", quality=20))

    kibibytes = int(subprocess.run([sys.executable, "-c", _MEMORY, path], check=True, capture_output=True).stdout)

    assert kibibytes < 60_000, "at full size, it would take at least 320 MB"

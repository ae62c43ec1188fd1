"""Protects: documents that are likely slow are recognised before they are decoded, and ordinary ones are not."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from decoding.cost import LIKELY_SLOW_SECONDS, estimate_seconds, is_likely_slow
from decoding.limits import Limits
from testkit.slow_documents import slow_pdf
from tests.support.pages import encode, every_format, page

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "data" / "cases"
SAMPLES = sorted(path for path in (ROOT / "samples" / "documents").iterdir() if path.is_file())
LARGE = (6000, 4000)
FORMATS = every_format()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_documents_are_not_likely_slow(path: Path) -> None:
    assert not is_likely_slow(path.read_bytes())


@pytest.mark.parametrize("name", ["pdf-slow-vectors.pdf", "jpeg-108-megapixels.jpg"])
def test_documents_that_are_slow_in_practice_are_likely_slow(name: str) -> None:
    assert is_likely_slow((CASES / name).read_bytes())


@pytest.mark.parametrize("compressed", [False, True])
def test_a_page_of_many_vectors_is_likely_slow(compressed: bool) -> None:
    assert is_likely_slow(pdf_of(slow_pdf().partition(b"stream\n")[2].partition(b"\nendstream")[0], compressed))
    assert not is_likely_slow(pdf_of(b"BT /F 12 Tf (Some text on a page) Tj ET\n" * 1000, compressed))


def pdf_of(content: bytes, compressed: bool) -> bytes:
    data, entry = (zlib.compress(content), b"/Filter/FlateDecode") if compressed else (content, b"")
    return b"%%PDF-1.4\n4 0 obj\n<</Length %d%s>>stream\n%s\nendstream\nendobj\n%%%%EOF" % (len(data), entry, data)


@pytest.mark.parametrize(
    ("dictionary", "slow"),
    [
        (b"/Subtype/Image/Width 2480/Height 3508/Filter/DCTDecode", False),
        (b"/Subtype/Image/Width 2480/Height 3508/Filter/JPXDecode", True),
        (b"/Subtype /Image /Width 9000 /Height 12000 /Filter [/FlateDecode]", True),
        (b"/Subtype/Image/Width 9000/Height 7000/BitsPerComponent 1/Filter/CCITTFaxDecode", True),
        (b"/Subtype/Image/Width 99999999999/Height 1", False),
    ],
)
def test_images_in_pdfs_count_by_size_and_coding(dictionary: bytes, slow: bool) -> None:
    assert is_likely_slow(b"%%PDF-1.4\n1 0 obj<<%s>>stream\n\nendstream" % dictionary) is slow


def test_no_more_images_count_than_pages_are_rendered() -> None:
    scan = b"1 0 obj<</Subtype/Image/Width 1240/Height 1754/Filter/DCTDecode>>stream\n\nendstream endobj\n"

    assert estimate_seconds(b"%PDF-1.4\n" + scan * 500) == estimate_seconds(b"%PDF-1.4\n" + scan * Limits().max_pages)


@pytest.mark.parametrize("stream", [b"/Length1 9", b"/Type/ObjStm/N 3", b"/N 3/Alternate/DeviceRGB", b"/Type/Metadata"])
def test_fonts_profiles_and_metadata_are_not_drawn(stream: bytes) -> None:
    assert estimate_seconds(b"%%PDF-1.4\n1 0 obj<<%s>>stream\n%s\nendstream" % (stream, b" f " * 100_000)) == 0


@pytest.mark.parametrize("name", sorted(name for name in FORMATS if not name.startswith(("pdf-text", "text"))))
def test_images_of_every_format_have_an_estimate(name: str) -> None:
    assert 0 < estimate_seconds(FORMATS[name]) < LIKELY_SLOW_SECONDS


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF", "AVIF"])
def test_large_images_are_likely_slow(kind: str) -> None:
    assert is_likely_slow(large(kind))


def large(kind: str) -> bytes:
    """Return a small image whose header states a large size, which is all that the estimate reads."""
    if kind == "TIFF":
        return encode(Image.new("L", LARGE), kind)
    small = encode(page((64, 48)), kind)
    width, height = LARGE
    start, size = {
        "PNG": (16, struct.pack(">II", width, height)),
        "GIF": (6, struct.pack("<HH", width, height)),
        "WEBP": (26, struct.pack("<HH", width, height)),
        "AVIF": (small.find(b"ispe") + 8, struct.pack(">II", width, height)),
    }[kind]
    return small[:start] + size + small[start + len(size) :]


def test_progressive_photographs_take_longer_than_others() -> None:
    picture = page((640, 480))
    estimates = []
    for progressive in (False, True):
        file = io.BytesIO()
        picture.save(file, "JPEG", progressive=progressive)
        estimates.append(estimate_seconds(file.getvalue()))

    assert 0 < estimates[0] < estimates[1]


@given(
    st.sampled_from(
        [b"%PDF-1.4\n", b"II*\0", b"MM\0+", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFFxxxxWEBP"]
    ),
    st.binary(),
)
def test_any_content_has_an_estimate(signature: bytes, rest: bytes) -> None:
    assert estimate_seconds(signature + rest) >= 0


@given(st.data())
def test_damaged_documents_have_an_estimate(data: st.DataObject) -> None:
    document = bytearray(data.draw(st.sampled_from(sorted(FORMATS.values()))))
    for _ in range(data.draw(st.integers(1, 8))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(document)))

    assert estimate_seconds(bytes(document[:cut])) >= 0


def test_endless_headers_are_read_only_in_part() -> None:
    """Each of these would otherwise keep the service's own process busy for seconds."""
    segments = b"\xff\xd8\xff" + b"\xe1\x00\x03x\xff" * 2_000_000
    streams = b"%PDF-1.4\n" + b"stream endstream " * 1_000_000

    assert estimate_seconds(segments) == 0
    assert estimate_seconds(streams) < 0.001

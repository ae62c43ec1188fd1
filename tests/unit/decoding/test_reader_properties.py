"""Protects: any content is decoded to pages or rejected with a DocumentError; no other exception is raised."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from decoding.errors import DocumentError
from decoding.limits import Limits
from decoding.reader import decode_document
from tests.support.examples import examples
from tests.support.pages import every_format, several_pages

LIMITS = Limits(max_bytes=200_000, max_pixels=1_000_000, max_pages=3)
MIN_SIDE = 60
FILES = {**every_format((120, 160)), "tiff-pages": several_pages(3, "TIFF", (60, 80))}

HEADERS = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"RIFF\0\0\0\0WEBPVP8X",
    b"GIF89a",
    b"%PDF-1.7\n",
]
BMP = b"BM" + bytes(12) + b"\x28\0\0\0"

slow = settings(suppress_health_check=[HealthCheck.too_slow])
few = settings(slow, max_examples=examples(25))


def assert_decoded_or_rejected(data: bytes) -> None:
    try:
        document = decode_document(data, min_side=MIN_SIDE, limits=LIMITS)
    except DocumentError:
        return
    assert 1 <= len(document.pages) <= LIMITS.max_pages
    assert all(isinstance(page, Image.Image) and page.mode == "RGB" for page in document.pages)


@slow
@given(st.binary(max_size=2000))
def test_random_bytes(data: bytes) -> None:
    assert_decoded_or_rejected(data)


@slow
@given(st.sampled_from([*HEADERS, BMP]), st.binary(max_size=2000))
@example(b"II*\0", b"\x08\0\0\0" + bytes(20))
def test_random_bytes_after_a_valid_header(header: bytes, data: bytes) -> None:
    assert_decoded_or_rejected(header + data)


@pytest.mark.parametrize("name", sorted(FILES))
@few
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_file_truncated_anywhere(name: str, cut: float) -> None:
    data = FILES[name]
    assert_decoded_or_rejected(data[: int(len(data) * cut)])


@pytest.mark.parametrize("name", sorted(FILES))
@few
@given(hits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_file_with_overwritten_bytes(name: str, hits: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[name])
    for where, value in hits:
        data[int(len(data) * where)] = value
    assert_decoded_or_rejected(bytes(data))


@slow
@given(first=st.sampled_from(sorted(FILES)), second=st.sampled_from(sorted(FILES)), at=st.floats(0, 1))
def test_the_head_of_one_file_and_the_tail_of_another(first: str, second: str, at: float) -> None:
    head, tail = FILES[first], FILES[second]
    assert_decoded_or_rejected(head[: int(len(head) * at)] + tail[int(len(tail) * at) :])

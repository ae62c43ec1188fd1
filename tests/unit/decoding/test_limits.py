"""Protects: the front of a document is always read, and further pages only while there is time."""

import time

import pytest

from decoding.errors import DecompressionBombError
from decoding.limits import Limits, PageCount
from decoding.reader import decode_document
from tests.support.pages import encode, numbered_pages, page, several_pages


def admitted(limits: Limits) -> int:
    count = PageCount(limits)
    return next(pages for pages in range(100) if not count.admits_next(pages))


@pytest.mark.parametrize(
    ("limits", "pages"),
    [
        (Limits(), 40),
        (Limits(further_seconds=60.0), 40),
        (Limits(further_seconds=0.0), 8),
        (Limits(max_pages=3, further_seconds=0.0), 3),
    ],
)
def test_pages_are_read_up_to_the_limits(limits: Limits, pages: int) -> None:
    assert admitted(limits) == pages


def test_time_counts_from_the_start_of_decoding() -> None:
    count = PageCount(Limits(front_pages=1, further_seconds=0.02))
    assert count.admits_next(1)
    time.sleep(0.03)
    assert count.admits_next(0)
    assert not count.admits_next(1)


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_without_time_a_document_has_its_front(kind: str) -> None:
    document = decode_document(
        several_pages(5, kind), min_side=16, limits=Limits(front_pages=2, max_pages=4, further_seconds=0.0)
    )
    assert (len(document.pages), document.truncated) == (2, True)


def tiff_with_large_page(at: int) -> bytes:
    sheets = [page((40, 60)) for _ in range(4)]
    sheets[at] = page((400, 600))
    return encode(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])


@pytest.mark.parametrize(
    ("first_large", "further_large"),
    [
        (numbered_pages(4, oversized=1), numbered_pages(4, oversized=3)),
        (tiff_with_large_page(1), tiff_with_large_page(3)),
    ],
    ids=["pdf", "tiff"],
)
def test_a_large_page_rejects_a_document_only_at_its_front(first_large: bytes, further_large: bytes) -> None:
    limits = Limits(front_pages=2, max_pages=4, max_pixels=100_000)
    with pytest.raises(DecompressionBombError):
        decode_document(first_large, min_side=16, limits=limits)

    document = decode_document(further_large, min_side=16, limits=limits)

    assert (len(document.pages), document.truncated) == (3, True)


def test_a_part_of_a_pdf_has_its_pages_and_counts_those_after_it() -> None:
    document = numbered_pages(6)
    complete = decode_document(document, min_side=16)

    part = decode_document(document, min_side=16, limits=Limits(max_pages=5), part=range(1, 3))

    assert [each.tobytes() for each in part.pages] == [each.tobytes() for each in complete.pages[1:3]]
    assert (part.unread, part.truncated) == (2, True)
    assert complete.unread == 0

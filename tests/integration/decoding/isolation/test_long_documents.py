"""Protects: the further pages of a long PDF are decoded in parts, with the same result as in one process."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from decoding.batch import PageBatch, decode_batch
from decoding.isolation import process
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from tests.support import hostile_decoder
from tests.support.pages import numbered_pages

PREPROCESSING = Preprocessing(48, 32, "grey")
LIMITS = Limits()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    """Two processes, and two for slow documents."""
    with DecoderPool(2, slow=2) as pool:
        pool.wait_until_ready()
        yield pool


def assert_equal(here: PageBatch, there: PageBatch) -> None:
    np.testing.assert_array_equal(here.pixels, there.pixels)
    np.testing.assert_array_equal(here.views, there.views)
    assert here.cropped == there.cropped
    assert here.truncated == there.truncated
    assert there.unread == 0


@pytest.mark.parametrize("count", [8, 9, 23, 40, 41])
def test_a_long_pdf_is_decoded_as_in_one_process(pool: DecoderPool, count: int) -> None:
    document = numbered_pages(count)
    here = decode_batch(document, PREPROCESSING, LIMITS)

    assert_equal(here, pool.decode_batch(document, PREPROCESSING, LIMITS))
    assert len(here.pixels) == min(count, 40)
    assert here.truncated == (count > 40)
    assert len(np.unique(here.pixels.reshape(len(here.pixels), -1), axis=0)) > 1, "the pages differ"


def test_a_damaged_further_page_is_omitted_as_in_one_process(pool: DecoderPool) -> None:
    document = numbered_pages(20, oversized=15)
    here = decode_batch(document, PREPROCESSING, LIMITS)

    assert_equal(here, pool.decode_batch(document, PREPROCESSING, LIMITS))
    assert len(here.pixels) == 15
    assert here.truncated


def test_without_time_only_the_front_is_read(pool: DecoderPool) -> None:
    batch = pool.decode_batch(numbered_pages(20), PREPROCESSING, replace(LIMITS, further_seconds=0.0))

    assert len(batch.pixels) == LIMITS.front_pages
    assert batch.truncated


def test_a_crash_on_a_further_page_truncates_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
    document = numbered_pages(20) + hostile_decoder.CRASH_AFTER_FRONT
    with DecoderPool(1) as hostile:
        hostile.wait_until_ready()
        batch = hostile.decode_batch(document, PREPROCESSING, LIMITS)

    assert len(batch.pixels) == LIMITS.front_pages
    assert batch.truncated

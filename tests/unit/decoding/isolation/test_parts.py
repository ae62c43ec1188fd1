"""Protects: the parts of a long document are joined in order, and one that cannot be read only truncates it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from decoding.batch import PageBatch, PageBatches
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecompressionBombError
from decoding.isolation.jobs import BatchJob
from decoding.isolation.parts import (
    PART_PAGES,
    PART_SECONDS,
    FurtherPages,
    IrregularDocumentError,
    PartReader,
    SpareReader,
)
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing

JOB = BatchJob(Limits(front_pages=2), (Preprocessing(1, 1, "rgb"),))


def pages(*numbers: int, truncated: bool = False, unread: int = 0) -> PageBatches:
    """Return pages whose pixels are their numbers."""
    pixels = np.array(numbers, np.uint8).reshape(-1, 1, 1, 1)
    return (PageBatch(pixels, pixels, [number % 2 == 0 for number in numbers], truncated, unread),)


def read(job: BatchJob) -> PageBatches:
    assert job.part is not None
    return pages(*range(*job.part))


@contextmanager
def no_room() -> Iterator[PartReader | None]:
    yield None


def numbers(batch: PageBatch) -> list[int]:
    return batch.pixels.ravel().tolist()


@pytest.mark.parametrize("unread", [1, PART_PAGES, 3 * PART_PAGES + 1])
def test_parts_follow_the_front(unread: int) -> None:
    further = FurtherPages(pages(0, 1, unread=unread), JOB, time.monotonic())

    (batch,) = further.read(read, no_room, 1)

    assert numbers(batch) == list(range(2 + unread))
    assert batch.cropped == [number % 2 == 0 for number in range(2 + unread)]
    assert (batch.truncated, batch.unread) == (False, 0)


def test_the_pages_of_every_input_are_joined() -> None:
    def read_both(job: BatchJob) -> PageBatches:
        (batch,) = read(job)
        return batch, replace(batch, pixels=batch.pixels + 100)

    front = pages(0, 1, unread=5)[0]
    further = FurtherPages((front, replace(front, pixels=front.pixels + 100)), JOB, time.monotonic())
    small, large = further.read(read_both, no_room, 1)

    assert numbers(small) == list(range(7))
    assert numbers(large) == list(range(100, 107))


def test_a_truncated_front_stays_truncated() -> None:
    assert FurtherPages(pages(0, 1, truncated=True, unread=1), JOB, 0.0).read(read, no_room, 0)[0].truncated


def test_a_part_has_less_time_than_its_document() -> None:
    seen: list[Limits] = []

    def note(job: BatchJob) -> PageBatches:
        seen.append(job.limits)
        return read(job)

    for seconds in (PART_SECONDS / 2, 2 * PART_SECONDS):
        job = replace(JOB, limits=replace(JOB.limits, max_seconds=seconds, further_seconds=60.0))
        FurtherPages(pages(0, 1, unread=1), job, time.monotonic()).read(note, no_room, 0)

    assert [limits.max_seconds for limits in seen] == [PART_SECONDS / 2, PART_SECONDS]
    assert {limits.further_seconds for limits in seen} == {None}, "a part is read completely"


@pytest.mark.parametrize("error", [DecoderCrashedError, DecoderTimeoutError])
def test_a_document_ends_before_a_part_that_crashes(error: type[Exception]) -> None:
    def crash(job: BatchJob) -> PageBatches:
        if job.part == (2 + PART_PAGES, 2 + 2 * PART_PAGES):
            raise error("crash")
        return read(job)

    (batch,) = FurtherPages(pages(0, 1, unread=20), JOB, 0.0).read(crash, no_room, 0)

    assert numbers(batch) == list(range(2 + PART_PAGES))
    assert batch.truncated


def test_a_part_with_a_page_above_a_limit_requires_the_whole_document() -> None:
    def reject(job: BatchJob) -> PageBatches:
        raise DecompressionBombError("large")

    with pytest.raises(IrregularDocumentError):
        FurtherPages(pages(0, 1, unread=20), JOB, 0.0).read(reject, no_room, 0)


def test_no_part_is_begun_after_its_time() -> None:
    job = replace(JOB, limits=replace(JOB.limits, further_seconds=1.0))

    (batch,) = FurtherPages(pages(0, 1, unread=20), job, time.monotonic() - 1).read(read, no_room, 1)

    assert numbers(batch) == [0, 1]
    assert batch.truncated


class Elsewhere:
    """A spare place that lets each of two parts begin only once the other has."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2, timeout=10)
        self.threads: set[str] = set()

    def read(self, job: BatchJob) -> PageBatches:
        self.threads.add(threading.current_thread().name)
        if job.part in ((2, 2 + PART_PAGES), (2 + PART_PAGES, 2 + 2 * PART_PAGES)):
            self._both.wait()
        return read(job)

    @contextmanager
    def __call__(self) -> Iterator[PartReader | None]:
        yield self.read


def test_parts_are_read_in_parallel_and_joined_in_order() -> None:
    elsewhere = Elsewhere()

    (batch,) = FurtherPages(pages(0, 1, unread=20), JOB, 0.0).read(elsewhere.read, elsewhere, 1)

    assert numbers(batch) == list(range(22))
    assert len(elsewhere.threads) == 2


@contextmanager
def fails() -> Iterator[PartReader | None]:
    raise OSError("no process")
    yield None


@pytest.mark.parametrize("elsewhere", [fails, no_room])
def test_a_document_does_not_depend_on_spare_places(elsewhere: SpareReader) -> None:
    assert len(FurtherPages(pages(0, 1, unread=20), JOB, 0.0).read(read, elsewhere, 1)[0].pixels) == 22


def test_a_cancelled_document_leaves_no_thread() -> None:
    def cancel(job: BatchJob) -> PageBatches:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FurtherPages(pages(0, 1, unread=20), JOB, 0.0).read(cancel, no_room, 1)

    assert not [thread for thread in threading.enumerate() if thread.name == "decoder-helper"]

"""Protects: an object is read at most once, only if something needs it, and nothing waits for it past the deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.reading import Reading
from records.errors import DocumentRejected, DocumentUnavailable
from records.uploads import Upload
from tests.support.pipelines import FakeDocuments
from tests.support.uploads import upload


@pytest.fixture
def readers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def reading(
    readers: ThreadPoolExecutor,
    read: Callable[[Upload], bytes],
    *,
    of: Upload | None = None,
    seconds: float = 30.0,
    clock: Callable[[], float] = time.monotonic,
) -> Reading:
    return Reading(of or upload(), read, readers, clock() + seconds, clock)


def test_object_is_read_once_for_all_threads_that_need_it(readers: ThreadPoolExecutor) -> None:
    documents = FakeDocuments()
    content = reading(readers, documents.read)
    assert (documents.reads, content.was_started) == (0, False)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: content.result(), range(20))) == [b"%PDF-"] * 20
    assert (documents.reads, content.was_started) == (1, True)


@pytest.mark.parametrize("error", [DocumentRejected("deleted", "gone"), DocumentUnavailable("storage-error", "busy")])
def test_reason_why_an_object_cannot_be_read_is_found_out_once(readers: ThreadPoolExecutor, error: Exception) -> None:
    documents = FakeDocuments(error)
    content = reading(readers, documents.read)
    assert [content.result(), content.result()] == [error, error]
    assert documents.reads == 1


def test_content_is_awaited_until_an_extended_deadline(readers: ThreadPoolExecutor) -> None:
    documents = FakeDocuments()
    content = reading(readers, documents.read, seconds=0.0)
    assert content.is_too_late
    content.extend(time.monotonic() + 30)
    assert (content.is_too_late, content.result()) == (False, b"%PDF-")


def test_read_that_hangs_is_not_awaited_past_the_deadline(readers: ThreadPoolExecutor) -> None:
    release = threading.Event()

    def hang(_: Upload) -> bytes:
        release.wait(30)
        return b"%PDF-"

    content = reading(readers, hang, seconds=0.05)
    reasons = [content.result(), content.result()]
    release.set()
    assert [isinstance(each, DocumentUnavailable) and each.reason.kind for each in reasons] == ["storage-slow"] * 2


def test_read_that_waits_for_a_thread_past_the_deadline_does_not_start(readers: ThreadPoolExecutor) -> None:
    release, documents = threading.Event(), FakeDocuments()
    for _ in range(8):
        readers.submit(release.wait, 30)
    content = reading(readers, documents.read, seconds=0.05)
    reasons = [content.result(), content.result()]
    release.set()
    readers.shutdown()
    assert all(isinstance(each, DocumentUnavailable) for each in reasons)
    assert documents.reads == 0


def test_content_that_was_read_in_time_stays_known_after_the_deadline(readers: ThreadPoolExecutor) -> None:
    """A version may have used up the budget since."""
    times = [100.0]
    content = reading(readers, FakeDocuments().read, seconds=2.7, clock=lambda: times[-1])
    content.start().result()
    times.append(102.7)
    assert content.result() == b"%PDF-"


def test_length_is_known_before_the_content(readers: ThreadPoolExecutor) -> None:
    documents = FakeDocuments()
    assert len(reading(readers, documents.read, of=upload(size=7))) == 7
    with pytest.raises(TypeError, match="unknown"):
        len(reading(readers, documents.read, of=upload(size=None)))
    assert documents.reads == 0

"""Whatever a document does to its decoder, the next document is read."""

import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from decoding.batch import decode_batch
from decoding.errors import (
    CorruptDocumentError,
    DecoderCrashedError,
    DecoderTimeoutError,
    DecoderUnavailableError,
    DocumentError,
    EncryptedDocumentError,
    UnsupportedFormatError,
)
from decoding.isolation import protocol
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from tests.support.pages import every_format, several_pages, slow_document, text_pdf

PREPROCESSING = Preprocessing(48, 32, "grey")
LIMITS = Limits()
FILES = every_format((310, 438))
DOCUMENT = FILES["jpeg"]
SLOW = slow_document(8)


class GivenUpError(Exception):
    """What a caller's check_cancelled raises here."""


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(1)
    yield pool
    pool.close()


def eventually(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)


def test_a_decoder_reads_what_this_process_would_read(pool: DecoderPool) -> None:
    for name, data in {**FILES, "pages": several_pages(3, "TIFF"), "more": several_pages(9, "PDF")}.items():
        for frame in (PREPROCESSING, Preprocessing(64, 64, "rgb")):
            here, there = decode_batch(data, frame, LIMITS), pool.read(data, frame, LIMITS)

            np.testing.assert_array_equal(here.pixels, there.pixels, name)
            assert here.truncated == there.truncated


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (DOCUMENT[:-2000], CorruptDocumentError),
        (text_pdf(["secret"], encrypted=True), EncryptedDocumentError),
        (b"PK\3\4", UnsupportedFormatError),
    ],
)
def test_a_refusal_comes_back_as_it_was_raised(pool: DecoderPool, data: bytes, kind: type[Exception]) -> None:
    before = pool.processes
    with pytest.raises(kind) as here:
        decode_batch(data, PREPROCESSING, LIMITS)

    with pytest.raises(kind) as there:
        pool.read(data, PREPROCESSING, LIMITS)

    assert str(there.value) == str(here.value)
    assert pool.processes == before


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_is_told_and_the_decoder_replaced(pool: DecoderPool, number: signal.Signals) -> None:
    pool.wait()
    (victim,) = pool.processes
    threading.Timer(0.15, os.kill, (victim, number)).start()

    with pytest.raises(DecoderCrashedError):
        pool.read(SLOW, PREPROCESSING, LIMITS)

    assert pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels.shape == (1, 32, 48, 3)
    assert pool.processes != [victim]
    assert not is_alive(victim)


def test_a_decoder_that_ended_while_it_waited_is_no_fault_of_the_next_document(pool: DecoderPool) -> None:
    pool.wait()
    (victim,) = pool.processes
    kill(victim)

    assert len(pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1
    assert pool.processes != [victim]


@pytest.mark.parametrize("lack", [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), MemoryError()])
def test_a_pool_that_could_not_replace_a_decoder_tries_again(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch, lack: Exception
) -> None:
    pool.wait()
    (victim,) = pool.processes

    def no_process(*_: object, **__: object) -> None:
        raise lack

    with monkeypatch.context() as full:
        full.setattr(subprocess, "Popen", no_process)
        kill(victim)
        for _ in range(3):
            with pytest.raises(DecoderUnavailableError) as told:
                pool.read(DOCUMENT, PREPROCESSING, LIMITS)
            assert not isinstance(told.value, DocumentError)

    assert len(pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1


def test_a_hanging_decoder_is_killed_at_the_time_limit(pool: DecoderPool) -> None:
    pool.wait()
    (victim,) = pool.processes
    os.kill(victim, signal.SIGSTOP)

    with pytest.raises(DecoderTimeoutError):
        pool.read(DOCUMENT, PREPROCESSING, replace(LIMITS, max_seconds=0.2))

    assert not is_alive(victim)
    assert len(pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1


def test_a_document_that_wants_too_much_memory_gets_none(pool: DecoderPool) -> None:
    with pytest.raises((CorruptDocumentError, DecoderCrashedError)):
        pool.read(SLOW, PREPROCESSING, replace(LIMITS, max_memory=100 * 1024 * 1024))


def test_a_caller_that_gives_up_frees_the_decoder(pool: DecoderPool) -> None:
    pool.wait()
    asked = 0

    def check_cancelled() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        pool.read(SLOW, PREPROCESSING, LIMITS, check_cancelled)

    # The late answer to the first document is not taken for one to the second.
    expected = decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels
    np.testing.assert_array_equal(pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels, expected)


def test_a_stopped_decoder_goes_on_with_the_next_document(pool: DecoderPool) -> None:
    pool.wait()
    (decoder,) = pool.processes

    def at_once() -> None:
        raise GivenUpError

    pages = slow_document(8, side=4000)
    with pytest.raises(GivenUpError):
        pool.read(pages, PREPROCESSING, LIMITS, at_once)

    assert len(pool.read(pages, PREPROCESSING, LIMITS).pixels) == 8
    assert pool.processes == [decoder]


def test_a_slow_document_does_not_stop_the_others() -> None:
    pool = DecoderPool(2)
    pool.wait()
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(pool.read, SLOW, PREPROCESSING, LIMITS)
        for _ in range(3):
            pool.read(FILES["pdf"], PREPROCESSING, LIMITS)
        assert not slow.done()
        slow.result()
    pool.close()


def test_ignores_the_signals_that_end_its_service(pool: DecoderPool) -> None:
    pool.wait()
    (decoder,) = pool.processes
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(decoder, number)

    assert len(pool.read(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1
    assert pool.processes == [decoder]


def test_closing_leaves_no_process() -> None:
    pool = DecoderPool(3)
    processes = pool.processes

    pool.close()

    assert len(processes) == 3
    assert not any(map(is_alive, processes))


@pytest.mark.parametrize(
    "head", [b"", b"\x80\x04K\x01.", b"[]", b'"pages"', b'{"problem": "internal-error"}', b'{"problem": {}}']
)
def test_what_is_no_answer_is_not_believed(head: bytes) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.parse_answer(head)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"pages": 1, "truncated": False}, 10),
        ({"pages": 0, "truncated": False}, 0),
        ({"pages": -1, "truncated": False}, 32 * 48 * 3),
        ({"pages": 9, "truncated": False}, 9 * 32 * 48 * 3),
        ({"pages": "1", "truncated": False}, 32 * 48 * 3),
        ({"pages": 1}, 32 * 48 * 3),
    ],
)
def test_pixels_that_were_not_asked_for_are_not_believed(fields: dict[str, object], size: int) -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.parse_pixels(fields, bytes(size), PREPROCESSING, LIMITS)

"""Protects: a document can crash, hang or take over its decoder process, and only its own request fails."""

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from decoding.batch import decode_batch
from decoding.errors import (
    CorruptDocumentError,
    DecoderCrashedError,
    DecoderMemoryError,
    DecoderTimeoutError,
    DecoderUnavailableError,
    EncryptedDocumentError,
    UnsupportedFormatError,
)
from decoding.isolation import process, start_threads
from decoding.isolation.jobs import JpegJob
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from decoding.rendering import render_jpegs
from tests.support.pages import every_format, several_pages, slow_document, text_pdf
from tests.support.polling import wait_until

PREPROCESSING = Preprocessing(48, 32, "grey")
LIMITS = Limits()
FILES = every_format((310, 438))
DOCUMENT = FILES["jpeg"]
SLOW = slow_document(8)


class CancelledError(Exception):
    """Raised by the cancel checks of these tests."""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def kill(pid: int) -> None:
    """Kill a process, and wait until it is dead without reaping it."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Decoding:
    """A slow document that is being decoded in another thread."""

    def __init__(self, pool: DecoderPool, document: bytes = SLOW, limits: Limits = LIMITS) -> None:
        (self.pid,) = pool.pids
        before = cpu_seconds(self.pid)
        self._executor = ThreadPoolExecutor(1)
        self.result = self._executor.submit(pool.decode_batch, document, PREPROCESSING, limits)
        wait_until(lambda: cpu_seconds(self.pid) > before + 0.02 or self.result.done())
        self._executor.shutdown(wait=False)


def test_a_process_decodes_the_same_batch_as_this_process(pool: DecoderPool) -> None:
    for name, data in {**FILES, "pages": several_pages(3, "TIFF"), "more": several_pages(9, "PDF")}.items():
        for preprocessing in (PREPROCESSING, Preprocessing(64, 64, "rgb")):
            here = decode_batch(data, preprocessing, LIMITS)
            there = pool.decode_batch(data, preprocessing, LIMITS)

            np.testing.assert_array_equal(here.pixels, there.pixels, name)
            assert here.truncated == there.truncated


@pytest.mark.parametrize("data", [DOCUMENT, several_pages(9, "PDF")], ids=["jpeg", "pdf"])
def test_a_process_renders_the_same_jpegs_as_this_process(pool: DecoderPool, data: bytes) -> None:
    assert pool.run(JpegJob(LIMITS, 96, 128), data) == render_jpegs(data, (96, 128), LIMITS)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (DOCUMENT[:1500], CorruptDocumentError),
        (text_pdf(["secret"], encrypted=True), EncryptedDocumentError),
        (b"PK\3\4", UnsupportedFormatError),
    ],
    ids=["corrupt", "encrypted", "unsupported"],
)
def test_a_document_error_is_raised_with_its_message(pool: DecoderPool, data: bytes, kind: type[Exception]) -> None:
    before = pool.pids
    with pytest.raises(kind) as here:
        decode_batch(data, PREPROCESSING, LIMITS)

    with pytest.raises(kind) as there:
        pool.decode_batch(data, PREPROCESSING, LIMITS)

    assert str(there.value) == str(here.value)
    assert pool.pids == before


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_fails_one_document_and_the_process_is_replaced(pool: DecoderPool, number: signal.Signals) -> None:
    slow = Decoding(pool)
    os.kill(slow.pid, number)

    with pytest.raises(DecoderCrashedError):
        slow.result.result()

    assert pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels.shape == (1, 32, 48, 3)
    assert pool.pids != [slow.pid]
    assert not is_alive(slow.pid)


def test_a_process_that_hangs_is_killed_at_the_time_limit(pool: DecoderPool) -> None:
    slow = Decoding(pool, limits=replace(LIMITS, max_seconds=1))
    os.kill(slow.pid, signal.SIGSTOP)

    with pytest.raises(DecoderTimeoutError):
        slow.result.result()

    wait_until(lambda: not is_alive(slow.pid))
    assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1


def test_a_process_killed_while_idle_fails_no_document(pool: DecoderPool) -> None:
    for _ in range(2):
        (victim,) = pool.pids
        kill(victim)

        assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1
        assert pool.pids != [victim]


def test_a_process_suspended_while_idle_fails_no_document(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "HANDOVER_SECONDS", 0.5)
    (victim,) = pool.pids
    os.kill(victim, signal.SIGSTOP)

    assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1

    wait_until(lambda: not is_alive(victim))


@pytest.mark.parametrize(
    "failure", [BlockingIOError(11, "Resource temporarily unavailable"), MemoryError()], ids=["no-process", "no-memory"]
)
def test_a_pool_without_processes_fails_at_once_and_recovers(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(start_threads, "RETRY_SECONDS", 0.1)

    def fail(*_: object, **__: object) -> None:
        raise failure

    with monkeypatch.context() as exhausted:
        exhausted.setattr(subprocess, "Popen", fail)
        kill(pool.pids[0])
        for _ in range(3):
            with pytest.raises(DecoderUnavailableError):
                pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
        assert pool.outage_seconds() > 0

    wait_until(lambda: pool.outage_seconds() == 0)
    assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1


def test_a_system_without_threads_is_an_outage_and_the_pool_recovers(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_threads, "RETRY_SECONDS", 0.1)

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", fail)
        kill(pool.pids[0])
        with pytest.raises(DecoderUnavailableError):
            pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)

    wait_until(lambda: pool.outage_seconds() == 0)


def test_an_outage_is_noticed_and_ended_without_a_document(pool: DecoderPool) -> None:
    kill(pool.pids[0])

    assert pool.outage_seconds() == 0, "a process that is being replaced is not an outage"
    wait_until(lambda: len(pool.pids) == 1)

    assert is_alive(pool.pids[0])


def test_a_document_that_needs_too_much_memory_fails() -> None:
    # A new process: one that has decoded large pages before may still hold memory for another.
    with DecoderPool(1) as pool, pytest.raises((DecoderMemoryError, DecoderCrashedError)):
        pool.decode_batch(slow_document(1), PREPROCESSING, replace(LIMITS, max_memory=100 * 1024 * 1024))


def test_cancelling_during_decoding_frees_the_process(pool: DecoderPool) -> None:
    calls = 0

    def cancel_second() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        pool.decode_batch(SLOW, PREPROCESSING, LIMITS, cancel_second)

    # A late reply to the first document is not taken for one to the second.
    expected = decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels
    np.testing.assert_array_equal(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels, expected)


def test_a_process_that_stops_in_time_is_kept(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 30.0)  # a busy machine may need long for the page in progress
    before = pool.pids
    pages = slow_document(8, side=7000)
    [decoder] = map(psutil.Process, before)
    idle = decoder.cpu_times().user

    def cancel() -> None:
        if decoder.cpu_times().user > idle:  # it has begun to decode
            raise CancelledError

    with pytest.raises(CancelledError):
        pool.decode_batch(pages, PREPROCESSING, LIMITS, cancel)

    assert len(pool.decode_batch(pages, PREPROCESSING, LIMITS).pixels) == 8
    assert pool.pids == before


def cancel() -> None:
    raise CancelledError


def test_cancelling_ends_the_wait_for_a_process(pool: DecoderPool) -> None:
    slow = Decoding(pool)

    with pytest.raises(CancelledError):
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS, cancel)

    assert len(slow.result.result().pixels) == 8


def test_a_slow_document_does_not_block_other_processes() -> None:
    with DecoderPool(2) as pool, ThreadPoolExecutor(1) as other:
        pool.wait_until_ready()
        slow = other.submit(pool.decode_batch, SLOW, PREPROCESSING, LIMITS)
        for _ in range(3):
            pool.decode_batch(FILES["pdf"], PREPROCESSING, LIMITS)
        assert not slow.done()
        slow.result()


def test_a_document_is_begun_ahead_of_a_free_cpu() -> None:
    with DecoderPool(1, ahead=1) as pool, pool.batch_decoder(DOCUMENT):
        assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1
        with pool.batch_decoder(DOCUMENT), pytest.raises(CancelledError):
            pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS, cancel)


def test_a_process_ignores_the_signals_that_end_its_parent(pool: DecoderPool) -> None:
    before = pool.pids
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(before[0], number)

    assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS).pixels) == 1
    assert pool.pids == before


def test_a_process_inherits_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with DecoderPool(1) as pool:
        pool.wait_until_ready()
        environment = Path(f"/proc/{pool.pids[0]}/environ").read_bytes()

    assert b"PATH" in environment
    assert b"AWS" not in environment


def test_a_process_is_killed_first_and_leaves_no_core_file(pool: DecoderPool) -> None:
    process = Path(f"/proc/{pool.pids[0]}")

    assert (process / "oom_score_adj").read_text() == "1000\n"
    core = next(line for line in (process / "limits").read_text().splitlines() if line.startswith("Max core file"))
    assert core.split()[4:6] == ["0", "0"]


def test_closing_ends_every_process() -> None:
    with DecoderPool(3) as pool:
        pool.wait_until_ready()
        pids = pool.pids

    assert len(pids) == 3
    assert not any(map(is_alive, pids))
    with pytest.raises(DecoderUnavailableError):
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
    with pytest.raises(DecoderUnavailableError):
        pool.wait_until_ready()


def test_closing_ends_processes_that_are_starting() -> None:
    with DecoderPool(2) as pool:
        pass

    assert pool.pids == []
    assert not [thread for thread in threading.enumerate() if thread.name == "decoder-start"]


def test_closing_is_not_blocked_by_a_process_that_hangs() -> None:
    pool = DecoderPool(1)
    pool.wait_until_ready()
    slow = Decoding(pool)
    os.kill(slow.pid, signal.SIGSTOP)

    pool.close()

    with pytest.raises(DecoderUnavailableError):
        slow.result.result(timeout=5)
    wait_until(lambda: not is_alive(slow.pid))


def test_a_lazy_pool_starts_processes_when_they_are_needed() -> None:
    with DecoderPool(2, lazy=True) as pool:
        assert pool.pids == []
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
        assert len(pool.pids) == 1

        slow = Decoding(pool)
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
        slow.result.result()
        wait_until(lambda: len(pool.pids) == 2)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_lazy_pool_replaces_a_process_only_when_it_is_needed(lazy: bool) -> None:
    with DecoderPool(1, lazy=lazy) as pool:
        pool.decode_batch(DOCUMENT, PREPROCESSING, LIMITS)
        slow = Decoding(pool)
        os.kill(slow.pid, signal.SIGKILL)
        with pytest.raises(DecoderCrashedError):
            slow.result.result()

        starting = [thread for thread in threading.enumerate() if thread.name == "decoder-start"]
        assert lazy == (not starting and not pool.pids)

"""Protects: a document that takes over its decoder process fails its own request, in bounded time and memory.

The decoder processes of these tests run `tests/support/hostile_decoder.py`.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from decoding.batch import decode_batch
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError
from decoding.isolation import pool as pool_module
from decoding.isolation import process, start_threads
from decoding.isolation.jobs import BatchJob, Job, JpegJob
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from tests.support import hostile_decoder
from tests.support.hostile_decoder import FAILING, FORM_CRASH, LURKING, START_VARIABLE, hostile_document
from tests.support.pages import encode, page
from tests.support.pdf_files import one_page, show, widget
from tests.support.polling import wait_until

PREPROCESSING = Preprocessing(48, 32, "grey")
DOCUMENT = encode(page((310, 438)), "JPEG")
BATCH = BatchJob(Limits(), (PREPROCESSING,))
JPEG = JpegJob(Limits(), 96, 128)
TIMEOUTS = {
    "sleep",
    "send-partial-length",
    "send-length-without-body",
    "send-head-without-pages",
    "trickle-message",
    "trickle-pages",
}


@pytest.mark.parametrize(
    ("job", "behaviour"),
    [(BATCH, behaviour) for behaviour in FAILING]
    + [(JPEG, behaviour) for behaviour in ("trickle-pages", "announce-huge-page", "announce-many-pages")],
    ids=lambda value: getattr(value, "kind", value),
)
def test_a_hostile_document_fails_its_own_request_only(
    hostile_pool: DecoderPool, job: Job[object], behaviour: str
) -> None:
    (victim,) = hostile_pool.pids
    before, started = psutil.Process().memory_info().rss, time.monotonic()
    expected = DecoderTimeoutError if behaviour in TIMEOUTS else DecoderCrashedError
    limits = Limits(max_seconds=0.3 if behaviour in TIMEOUTS else 20)

    with pytest.raises(expected):
        hostile_pool.run(replace(job, limits=limits), hostile_document(behaviour))

    assert time.monotonic() - started < 10
    assert psutil.Process().memory_info().rss < before + 50 * 1024 * 1024
    assert len(hostile_pool.decode_batch(DOCUMENT, PREPROCESSING, Limits()).pixels) == 1
    assert victim not in hostile_pool.pids
    assert not psutil.pid_exists(victim)


@pytest.mark.parametrize("behaviour", LURKING)
def test_a_process_that_was_taken_over_does_not_fail_the_next_document(
    hostile_pool: DecoderPool, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    monkeypatch.setattr(process, "HANDOVER_SECONDS", 0.5)
    hostile_pool.run(BATCH, hostile_document(behaviour))

    batch = hostile_pool.decode_batch(DOCUMENT, PREPROCESSING, Limits())

    assert batch.pixels.max() > 0, "the reply of the hostile document is black"


def test_a_hostile_document_is_cancelled_while_it_trickles(hostile_pool: DecoderPool) -> None:
    class CancelledError(Exception):
        pass

    def cancel() -> None:
        raise CancelledError

    started = time.monotonic()
    for behaviour in ("trickle-message", "trickle-pages"):
        with pytest.raises(CancelledError):
            hostile_pool.run(BatchJob(Limits(), (PREPROCESSING,)), hostile_document(behaviour), cancel)

    assert time.monotonic() - started < Limits().max_seconds / 2
    assert len(hostile_pool.decode_batch(DOCUMENT, PREPROCESSING, Limits()).pixels) == 1


def test_a_document_that_the_process_does_not_read_is_bounded_in_time(
    hostile_pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "HANDOVER_SECONDS", 0.2)
    monkeypatch.setattr(pool_module, "_ATTEMPTS", 1)
    hostile_pool.run(BATCH, hostile_document("reply-and-ignore-next"))

    with pytest.raises(DecoderUnavailableError, match="No decoder process accepted the document"):
        hostile_pool.decode_batch(bytes(30_000_000), PREPROCESSING, Limits())


@pytest.mark.parametrize("failure", ["exit", "silent", "wrong"])
def test_processes_that_fail_to_start_are_an_outage_and_blame_no_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    state = tmp_path / "state"
    state.write_text(failure)
    monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
    monkeypatch.setattr(process, "START_SECONDS", 0.5 if failure == "silent" else 30.0)
    monkeypatch.setattr(start_threads, "RETRY_SECONDS", 0.1)
    monkeypatch.setenv(START_VARIABLE, str(state))
    with DecoderPool(1) as pool:
        with pytest.raises(DecoderUnavailableError):
            pool.wait_until_ready()
        with pytest.raises(DecoderUnavailableError):
            pool.run(BATCH, DOCUMENT)
        assert pool.outage_seconds() > 0

        state.unlink()
        monkeypatch.setattr(process, "START_SECONDS", 30.0)

        wait_until(lambda: pool.outage_seconds() == 0)
        assert len(pool.decode_batch(DOCUMENT, PREPROCESSING, Limits()).pixels) == 1


def test_a_slow_start_is_an_outage_after_some_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.write_text("silent")
    monkeypatch.setattr(process, "WORKER_MODULE", hostile_decoder.MODULE)
    monkeypatch.setattr(pool_module, "_REPLACEMENT_SECONDS", 0.2)
    monkeypatch.setenv(START_VARIABLE, str(state))
    with DecoderPool(1) as pool:
        assert pool.outage_seconds() == 0
        wait_until(lambda: pool.outage_seconds() > 0)


def test_a_crash_in_the_code_of_forms_costs_the_fields_only(hostile_pool: DecoderPool) -> None:
    field = widget("/FT/Tx/T(a)/V(Filled in)/DA(/F 24 Tf 0 g)")
    printed = show("Printed text")
    crashing = one_page(printed, [field], form="") + FORM_CRASH

    batch = hostile_pool.decode_batch(crashing, PREPROCESSING, Limits())

    expected = decode_batch(one_page(printed), PREPROCESSING, Limits())
    np.testing.assert_array_equal(batch.pixels, expected.pixels)
    assert batch.truncated
    assert not expected.truncated

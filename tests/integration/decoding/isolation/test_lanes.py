"""Protects: a slow document makes way for others in its pool, and is still decoded."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
import pytest

from decoding.batch import decode_batch
from decoding.errors import DecoderTimeoutError
from decoding.isolation import lanes
from decoding.isolation import pool as pool_module
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from testkit.slow_documents import slow_pdf
from tests.support.pages import encode, page
from tests.support.polling import wait_until

PREPROCESSING = Preprocessing(256, 256, "grey")
ORDINARY = encode(page((80, 120)), "PNG")
SLOW = [slow_pdf(400, seed) for seed in range(4)]


class CancelledError(Exception):
    """Raised by the cancel check of a test."""


def decode(pool: DecoderPool, document: bytes, limits: Limits | None = None) -> np.ndarray:
    return pool.decode_batch(document, PREPROCESSING, limits or Limits()).pixels


@pytest.mark.parametrize(("spare", "first"), [(4, "ordinary"), (0, "slow")])
def test_ordinary_documents_end_before_slow_ones_that_came_first(
    spare: int, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "SLOW_SECONDS", 0.02)  # on a fast machine, these documents are not slow
    with DecoderPool(1, slow=spare) as pool, ThreadPoolExecutor(10) as callers:
        wait_until(lambda: len(pool.pids) == 1 + spare, 120)
        kinds = {callers.submit(decode, pool, document): "slow" for document in SLOW}
        wait_until(lambda: pool.busy > 0)
        kinds |= {callers.submit(decode, pool, ORDINARY): "ordinary" for _ in range(6)}

        order = [kinds[future] for future in as_completed(kinds)]

        assert order == sorted(order, reverse=first == "slow")
        pids = pool.pids
        for future, document in zip(kinds, SLOW, strict=False):
            expected = decode_batch(document, PREPROCESSING, Limits()).pixels
            np.testing.assert_array_equal(future.result(), expected)
    assert len(pids) == 1 + spare, "no process was lost"


@pytest.mark.slow
def test_ordinary_documents_end_before_likely_slow_ones_that_arrive_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow ones are recognised before they are decoded, so that they never occupy the ordinary lane."""
    slow = [slow_pdf(1_000, seed) for seed in range(4)]
    monkeypatch.setattr(pool_module, "is_likely_slow", lambda document: document in slow)
    monkeypatch.setattr(lanes, "SLOW_SECONDS", 3600.0)
    with DecoderPool(1, slow=4) as pool, ThreadPoolExecutor(10) as callers:
        wait_until(lambda: len(pool.pids) == 5, 120)
        documents = [*slow, *[ORDINARY] * 6]
        kinds = {callers.submit(decode, pool, document): document in slow for document in documents}

        order = [kinds[future] for future in as_completed(kinds)]

    assert order == sorted(order)


@pytest.mark.parametrize(("slow_after", "error"), [(0.2, DecoderTimeoutError), (60.0, CancelledError)])
def test_a_cancelled_document_is_too_slow_if_it_was_decoded_for_long_enough(
    slow_after: float, error: type[Exception]
) -> None:
    began = time.monotonic()

    def cancel() -> None:
        if time.monotonic() - began > 1.5:
            raise CancelledError

    with DecoderPool(1) as pool:
        pool.wait_until_ready()
        began = time.monotonic()
        with pytest.raises(error):
            pool.decode_batch(slow_pdf(20_000), PREPROCESSING, Limits(slow_after=slow_after), cancel)


def test_a_likely_slow_document_leaves_the_last_process_to_ordinary_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "is_likely_slow", lambda document: document == SLOW[0])
    with DecoderPool(1, slow=1) as pool, ThreadPoolExecutor(1) as callers:
        pool.wait_until_ready()
        monkeypatch.setattr(pool, "_spare", 0)  # no further process starts
        wait_until(lambda: not pool._starts.running)  # noqa: SLF001 -- the pool does not publish its starts
        for pid in pool.pids[1:]:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pool.outage_seconds() == 0 and len(pool.pids) == 1)

        slow = callers.submit(decode, pool, SLOW[0])
        assert len(decode(pool, ORDINARY)) == 1
        assert not slow.done()

        monkeypatch.setattr(pool, "_spare", 1)
        assert len(slow.result(120)) == 1


def test_a_full_slow_lane_keeps_further_slow_documents_in_the_ordinary_one() -> None:
    with DecoderPool(1, slow=1) as pool, ThreadPoolExecutor(4) as callers:
        results = [callers.submit(decode, pool, document) for document in [*SLOW[:3], ORDINARY]]

        assert all(len(result.result()) == 1 for result in results)


def test_a_paused_document_that_exceeds_its_time_is_killed_once_it_has_used_it() -> None:
    with DecoderPool(1, slow=2) as pool, ThreadPoolExecutor(3) as callers:
        endless = slow_pdf(6_000)
        slow = [callers.submit(decode, pool, endless, Limits(max_seconds=1)) for _ in range(2)]
        time.sleep(0.1)

        assert len(decode(pool, ORDINARY)) == 1
        for result in slow:
            with pytest.raises(DecoderTimeoutError):
                result.result()
        assert len(decode(pool, ORDINARY)) == 1


def test_a_pool_closes_while_documents_are_paused() -> None:
    with ThreadPoolExecutor(4) as callers:
        with DecoderPool(1, slow=4) as pool:
            results = [callers.submit(decode, pool, slow_pdf(6_000)) for _ in range(3)]
            callers.submit(decode, pool, ORDINARY).result()
        assert all(result.exception() is not None for result in results)

"""Protects: a document that crashes, blocks or takes over its conversion process costs only itself.

The processes are real; the content of a document controls their behaviour, see `tests.support.hostile_converter`.
"""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from converter import process
from converter.conversion import ConversionLimits
from converter.pool import SparePool
from converter.process import ConverterProcess
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError
from decoding.isolation import start_threads
from tests.support import hostile_converter
from tests.support.hostile_converter import BEHAVIOURS, hostile_document
from tests.support.polling import wait_until

LIMITS = ConversionLimits(max_seconds=20)
BRIEF = ConversionLimits(max_seconds=0.5)
ORDINARY = b"{\\rtf ordinary"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which processes keep their files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def pool(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SparePool]:
    """Two processes whose behaviour their document controls."""
    monkeypatch.setattr(process, "_WORKER", hostile_converter.MODULE)
    with SparePool(lambda: ConverterProcess("office"), spares=2) as running:
        running.wait_until_ready()
        yield running


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
def test_a_hostile_document_is_rejected_and_the_next_one_is_converted(pool: SparePool, behaviour: str) -> None:
    waits = behaviour in ("sleep", "trickle")

    with pytest.raises(DecoderTimeoutError if waits else DecoderCrashedError):
        pool.convert("rtf", hostile_document(behaviour), BRIEF if waits else LIMITS)

    assert pool.convert("rtf", ORDINARY, LIMITS).pages == b"%PDF-1.7"


def test_each_document_gets_a_process_of_its_own_and_leaves_no_file(pool: SparePool, folder: Path) -> None:
    used = set()
    for _ in range(3):
        wait_until(lambda: len(pool.pids) == 2)
        before = set(pool.pids)
        pool.convert("rtf", ORDINARY, LIMITS)
        used |= before - set(pool.pids)

    pool.close()
    assert len(used) == 3
    assert not list(folder.iterdir())


def test_a_process_that_ended_while_it_waited_costs_no_document(pool: SparePool) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)

    assert pool.convert("rtf", ORDINARY, LIMITS).pages == b"%PDF-1.7"


def test_a_cancelled_conversion_ends_at_once_and_its_process_is_killed(pool: SparePool) -> None:
    [first, *_] = pool.pids
    calls = iter(range(100))

    def check_cancelled() -> None:
        if next(calls) > 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        pool.convert("rtf", hostile_document("sleep"), LIMITS, check_cancelled)

    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_processes_that_do_not_start_are_reported_and_recovered_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_WORKER", "tests.support.no_such_module")
    with SparePool(lambda: ConverterProcess("office"), spares=1) as pool:
        with pytest.raises(DecoderUnavailableError):
            pool.convert("rtf", ORDINARY, LIMITS)
        assert pool.outage_seconds() > 0

        monkeypatch.setattr(process, "_WORKER", hostile_converter.MODULE)
        wait_until(lambda: pool.outage_seconds() == 0 and bool(pool.pids), 30)

        assert pool.convert("rtf", ORDINARY, LIMITS).pages == b"%PDF-1.7"


def test_a_system_without_threads_is_an_outage_and_the_pool_recovers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_WORKER", hostile_converter.MODULE)
    monkeypatch.setattr(start_threads, "RETRY_SECONDS", 0.1)

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", fail)
        pool = SparePool(lambda: ConverterProcess("office"), spares=1)
        with pytest.raises(DecoderUnavailableError):
            pool.convert("rtf", ORDINARY, LIMITS)
        assert pool.outage_seconds() > 0

    with pool:
        wait_until(lambda: pool.outage_seconds() == 0 and bool(pool.pids), 30)
        assert pool.convert("rtf", ORDINARY, LIMITS).pages == b"%PDF-1.7"

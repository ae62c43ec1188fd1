"""Protects: a decoder process replies to each job once, and stops between pages when its parent requests it."""

import resource
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from decoding.batch import decode_batch
from decoding.errors import CorruptDocumentError
from decoding.isolation import memory, protocol, worker
from decoding.isolation.channel import Channel
from decoding.isolation.jobs import BatchJob
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from tests.support.pages import encode, page, several_pages

PREPROCESSING = Preprocessing(8, 8, "rgb")
BATCH = BatchJob(Limits(), (PREPROCESSING,))
DOCUMENT = encode(page((60, 80)), "PNG")


@pytest.fixture(autouse=True)
def keep_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address space of the test process stays unlimited."""
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """The ends of the parent and of the decoder process."""
    pair = socket.socketpair()
    parent, child = Channel(pair[0]), Channel(pair[1])
    yield parent, child
    parent.close()
    child.close()


def test_jobs_are_processed_until_the_parent_closes_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[bytes] = []
    monkeypatch.setattr(worker, "process_job", lambda _, message: messages.append(message))
    ours, theirs = socket.socketpair()
    parent, child = Channel(ours), Channel(theirs)
    for message in (b"first", protocol.STOP, b"second"):
        parent.send_message(message)
    ours.shutdown(socket.SHUT_WR)

    worker.serve(child)

    assert parent.receive_message(100) == protocol.READY
    assert messages == [b"first", b"second"], "a STOP between documents is ignored"
    parent.close()
    child.close()


@pytest.mark.parametrize(("kept", "released"), [(1, 0), (0, 1)])
def test_much_memory_is_returned_after_a_document(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch, kept: int, released: int
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(memory, "MAX_KEPT_BYTES", kept)
    monkeypatch.setattr(memory, "resident_bytes", lambda: 1)
    monkeypatch.setattr(memory, "release_memory", lambda: calls.append(True))
    monkeypatch.setattr(protocol, "receive_job", lambda *_: (BATCH, DOCUMENT))

    worker.process_job(ends[1], b"")

    assert len(calls) == released


def test_an_idle_process_returns_its_memory(ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = ends
    monkeypatch.setattr(memory, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(memory, "release_memory", parent.close)  # which ends the loop

    worker.serve(child)


def test_a_document_gets_one_reply(ends: tuple[Channel, Channel]) -> None:
    parent, child = ends

    worker.execute_job(child, BATCH, DOCUMENT)

    (batch,), expected = protocol.receive_result(parent, BATCH), decode_batch(DOCUMENT, PREPROCESSING, Limits())
    np.testing.assert_array_equal(batch.pixels, expected.pixels)
    assert not parent.has_input()


def test_a_document_that_cannot_be_read_gets_one_reply(ends: tuple[Channel, Channel]) -> None:
    parent, child = ends

    worker.execute_job(child, BATCH, DOCUMENT[:-40])

    with pytest.raises(CorruptDocumentError):
        protocol.receive_result(parent, BATCH)
    assert not parent.has_input()


def test_a_stop_ends_decoding_before_the_next_page(ends: tuple[Channel, Channel]) -> None:
    parent, child = ends
    parent.send_message(protocol.STOP)

    worker.execute_job(child, BATCH, several_pages(3, "TIFF"))

    with pytest.raises(protocol.JobCancelledError):
        protocol.receive_result(parent, BATCH)


def test_an_error_of_the_decoder_itself_ends_the_process(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise np.exceptions.AxisError("a defect")

    monkeypatch.setattr(BatchJob, "execute", fail)

    with pytest.raises(np.exceptions.AxisError):
        worker.execute_job(ends[1], BATCH, DOCUMENT)

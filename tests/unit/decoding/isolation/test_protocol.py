"""Protects: the parent accepts only valid replies, and reads no more bytes than a valid result has."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from decoding.batch import PageBatch
from decoding.errors import CorruptDocumentError
from decoding.isolation import protocol
from decoding.isolation.channel import Channel, Deadline
from decoding.isolation.jobs import BatchJob, InvalidReplyError, Job, JpegJob, Reply, ReplyHead
from decoding.limits import Limits
from decoding.orientation import VIEW_BYTES, VIEW_SIDE
from decoding.preprocessing import Preprocessing

LIMITS = Limits(max_pages=2)
BATCH = BatchJob(LIMITS, (Preprocessing(4, 3, "rgb"),))
JPEG = JpegJob(LIMITS, 40, 30, (90, 0))
PAGE_BYTES = 4 * 3 * 3 + VIEW_BYTES + 1
JPEG_BYTES = 40 * 30 * 3 + 65536


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """The ends of the parent and of the decoder process."""
    pair = socket.socketpair()
    parent, worker = Channel(pair[0]), Channel(pair[1])
    yield parent, worker
    parent.close()
    worker.close()


@pytest.mark.parametrize("job", [BATCH, JPEG], ids=["batch", "jpeg"])
def test_a_job_arrives_as_it_was_sent(ends: tuple[Channel, Channel], job: Job[object]) -> None:
    parent, worker = ends
    sender = threading.Thread(target=protocol.send_job, args=(parent, job, b"document", Deadline(10)))
    sender.start()

    received = protocol.receive_job(worker, worker.receive_message(protocol.MAX_MESSAGE_BYTES))
    sender.join()

    assert received == (job, b"document")


def test_a_batch_arrives_as_it_was_sent(ends: tuple[Channel, Channel]) -> None:
    parent, worker = ends
    pages = np.arange(2 * PAGE_BYTES, dtype=np.uint8).reshape(2, PAGE_BYTES)
    protocol.send_reply(worker, Reply([page.data for page in pages], truncated=True, unread=2))

    (batch,) = protocol.receive_result(parent, replace(BATCH, limits=replace(LIMITS, max_pages=4)))

    assert isinstance(batch, PageBatch)
    np.testing.assert_array_equal(batch.pixels, pages[:, :36].reshape(2, 3, 4, 3))
    np.testing.assert_array_equal(batch.views, pages[:, 36:-1].reshape(2, VIEW_SIDE, VIEW_SIDE))
    assert batch.cropped == [bool(mark & 1) for mark in pages[:, -1]]
    assert batch.upright == [bool(mark & 2) for mark in pages[:, -1]]
    assert batch.truncated
    assert batch.unread == 2


def test_jpegs_arrive_as_they_were_sent(ends: tuple[Channel, Channel]) -> None:
    parent, worker = ends
    files = [b"\xff\xd8\xff one", b"\xff\xd8\xff two!"]
    protocol.send_reply(worker, Reply(files, truncated=False))

    assert protocol.receive_result(parent, JPEG).files == files


def test_a_page_that_is_not_a_jpeg_file_is_rejected(ends: tuple[Channel, Channel]) -> None:
    parent, worker = ends
    protocol.send_reply(worker, Reply([b"\xff\xd8\xff", b"<script>"], truncated=False))

    with pytest.raises(InvalidReplyError):
        protocol.receive_result(parent, JPEG)


def test_a_document_error_arrives_with_a_bounded_message(ends: tuple[Channel, Channel]) -> None:
    parent, worker = ends
    for detail in ("The PDF has no page.", "x" * 100_000):
        protocol.send_problem(worker, CorruptDocumentError(detail))

        with pytest.raises(CorruptDocumentError) as caught:
            protocol.receive_result(parent, BATCH)

        assert str(caught.value) == detail[:1000]


def test_a_document_without_acknowledgement_is_not_handed_over(ends: tuple[Channel, Channel]) -> None:
    parent, worker = ends
    worker.send_message(b"reckoned")

    with pytest.raises(InvalidReplyError):
        protocol.send_job(parent, BATCH, b"document", Deadline(10))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x80\x04K\x01.",
        b"[" * 60_000,
        b"9" * 60_000,
        b"[]",
        b'"pages"',
        b"{}",
        b'{"problem": "internal-error"}',
        b'{"problem": {}}',
        b'{"cancelled": true}',
        b'{"cancelled": 1}',
    ],
    ids=lambda message: message[:30].decode("latin-1"),
)
def test_a_message_that_is_not_a_reply_is_rejected(message: bytes) -> None:
    with pytest.raises(InvalidReplyError):
        protocol.parse_reply(message, BATCH)


@pytest.mark.parametrize(
    ("job", "fields"),
    [
        (BATCH, {"pages": [10], "truncated": False}),
        (BATCH, {"pages": [PAGE_BYTES, PAGE_BYTES - 1], "truncated": False}),
        (BATCH, {"pages": [], "truncated": False}),
        (BATCH, {"pages": [PAGE_BYTES] * 3, "truncated": False}),
        (BATCH, {"pages": [-PAGE_BYTES], "truncated": False}),
        (BATCH, {"pages": [float(PAGE_BYTES)], "truncated": False}),
        (BATCH, {"pages": [str(PAGE_BYTES)], "truncated": False}),
        (BATCH, {"pages": 1, "truncated": False}),
        (BATCH, {"pages": [PAGE_BYTES]}),
        (BATCH, {"pages": [PAGE_BYTES], "truncated": 0}),
        (BATCH, {"pages": [PAGE_BYTES], "truncated": False, "unread": 2}),
        (replace(BATCH, part=(1, 2)), {"pages": [PAGE_BYTES] * 2, "truncated": False}),
        (BATCH, {"pages": [PAGE_BYTES], "truncated": False, "unread": -1}),
        (BATCH, {"pages": [PAGE_BYTES], "truncated": False, "unread": 1.0}),
        (BATCH, {"pages": [PAGE_BYTES], "truncated": False, "unread": True}),
        (BatchJob(LIMITS, (Preprocessing(1, 1, "rgb"),)), {"pages": [True], "truncated": False}),
        (JPEG, {"pages": [0], "truncated": False}),
        (JPEG, {"pages": [JPEG_BYTES + 1], "truncated": False}),
        (JPEG, {"pages": [100, 2**40], "truncated": False}),
    ],
)
def test_pages_of_an_unexpected_number_or_size_are_rejected(job: Job[object], fields: dict[str, object]) -> None:
    with pytest.raises(InvalidReplyError):
        protocol.parse_reply(json.dumps(fields).encode(), job)


def test_the_largest_valid_reply_is_accepted() -> None:
    for job, size in ((BATCH, PAGE_BYTES), (JPEG, JPEG_BYTES)):
        message = json.dumps({"pages": [size] * 2, "truncated": True}).encode()
        assert protocol.parse_reply(message, job) == ReplyHead([size] * 2, truncated=True)

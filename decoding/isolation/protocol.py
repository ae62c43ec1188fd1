"""The protocol between a decoder process and its parent.

    parent ──► {"job": "batch", "arguments": {…}, "bytes": 51200}     a message, then the document's bytes
           ◄── received                                               the document has arrived; decoding begins
           ◄── {"pages": [150528, 150528], "truncated": false,
                "unread": 0}                                          sizes of the pages, then their bytes
           ◄── {"problem": "corrupt-document", "detail": …}           or: the document cannot be read
           ◄── {"cancelled": true}                                    or: decoding was stopped
           ──► (an empty message)                                     stop decoding before the next page

Each document gets exactly one reply. A hostile document may have taken over its decoder process. Therefore the parent
limits the time and the size of everything that it reads, checks it, and never unpickles it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from decoding.errors import DocumentError
from decoding.isolation.channel import NO_DEADLINE, Channel, Deadline
from decoding.isolation.jobs import JOBS, InvalidReplyError, Job, Reply, ReplyHead, Result

READY: Final = b"ready"
"""The first message of a decoder process."""
RECEIVED: Final = b"received"
"""Sent by a decoder process when a document has arrived completely."""
STOP: Final = b""
"""Sent by the parent to stop decoding. Ignored between documents."""

MAX_MESSAGE_BYTES: Final = 64 * 1024
"""Size limit of every message. The bytes of documents and pages are not part of a message."""
_MAX_DETAIL: Final = 1000


class JobCancelledError(InvalidReplyError):
    """The decoder process stopped decoding; a valid reply only to `STOP`."""


def receive_ready(channel: Channel, deadline: Deadline) -> None:
    """Wait until a decoder process reports that it is ready.

    Raises:
        ChannelError: If it does not do so in time, or has ended.
        InvalidReplyError: If it sends anything else.
    """
    if channel.receive_message(len(READY), deadline) != READY:
        raise InvalidReplyError("the process did not report that it is ready")


def send_job(channel: Channel, job: Job[Any], data: bytes, deadline: Deadline) -> None:
    """Send a document to a decoder process and wait until it has arrived.

    Raises:
        ChannelError: If the decoder process does not read it in time, or has ended.
        InvalidReplyError: If the decoder process sends something other than the acknowledgement.
    """
    message = {"job": job.kind, "arguments": asdict(job), "bytes": len(data)}
    channel.send_message(json.dumps(message).encode(), deadline)
    channel.send(data, deadline)
    if channel.receive_message(len(RECEIVED), deadline) != RECEIVED:
        raise InvalidReplyError("the document was not acknowledged")


def receive_job(channel: Channel, message: bytes) -> tuple[Job[Any], bytes]:
    """Receive the rest of a job in the decoder process.

    Args:
        channel: To the parent.
        message: The message that announces the job.

    Returns:
        The job and the document's bytes.
    """
    fields = json.loads(message)
    job = JOBS[fields["job"]].from_arguments(fields["arguments"])
    data = bytearray(fields["bytes"])
    channel.receive_into(memoryview(data))
    channel.send_message(RECEIVED)
    return job, bytes(data)


def send_reply(channel: Channel, reply: Reply) -> None:
    """Send the pages of a document to the parent."""
    head = {"pages": [len(page) for page in reply.pages], "truncated": reply.truncated, "unread": reply.unread}
    channel.send_message(json.dumps(head).encode())
    for page in reply.pages:
        channel.send(page)


def send_problem(channel: Channel, error: DocumentError) -> None:
    """Send the parent the reason why a document cannot be read."""
    channel.send_message(json.dumps({"problem": error.problem, "detail": str(error)[:_MAX_DETAIL]}).encode())


def send_cancelled(channel: Channel) -> None:
    """Confirm to the parent that decoding was stopped."""
    channel.send_message(json.dumps({"cancelled": True}).encode())


def receive_result(channel: Channel, job: Job[Result], deadline: Deadline = NO_DEADLINE) -> Result:
    """Receive the reply to a job, with every size checked before memory is allocated.

    Raises:
        DocumentError: If the document cannot be read.
        JobCancelledError: If the decoder process stopped decoding.
        InvalidReplyError: If the reply violates the protocol.
        ChannelError: If the reply is too long, does not arrive in time, or the decoder process ended.
    """
    head = parse_reply(channel.receive_message(MAX_MESSAGE_BYTES, deadline), job)
    data = bytearray(sum(head.page_sizes))
    channel.receive_into(memoryview(data), deadline)
    return job.build_result(data, head)


def parse_reply(message: bytes, job: Job[Any]) -> ReplyHead:
    """Parse and check the message of a reply.

    Raises:
        DocumentError: If the reply states that the document cannot be read.
        JobCancelledError: If the reply states that decoding was stopped.
        InvalidReplyError: If the message is not a valid reply to the job.
    """
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InvalidReplyError("not JSON") from error
    if not isinstance(fields, dict):
        raise InvalidReplyError("not an object")
    if "problem" in fields:
        raise _parse_problem(fields)
    if fields.get("cancelled") is True:
        raise JobCancelledError("decoding was stopped")
    sizes, truncated, unread = fields.get("pages"), fields.get("truncated"), fields.get("unread", 0)
    if not isinstance(sizes, list) or not 1 <= len(sizes) <= job.max_pages or not isinstance(truncated, bool):
        raise InvalidReplyError("pages or truncated is missing or out of range")
    if not all(type(size) is int and job.is_valid_page_size(size) for size in sizes):
        raise InvalidReplyError("a page of an unexpected size")
    if type(unread) is not int or not 0 <= unread <= job.limits.max_pages - len(sizes):
        raise InvalidReplyError("the number of unread pages is missing or out of range")
    return ReplyHead(sizes, truncated, unread)


def _parse_problem(fields: dict[str, Any]) -> DocumentError:
    kind = _ERRORS.get(str(fields["problem"]))
    if kind is None:
        raise InvalidReplyError("an unknown problem")
    return kind(str(fields.get("detail", ""))[:_MAX_DETAIL])


def _error_classes(base: type[DocumentError]) -> Iterator[type[DocumentError]]:
    yield base
    for child in base.__subclasses__():
        yield from _error_classes(child)


_ERRORS: Final = {kind.problem: kind for kind in _error_classes(DocumentError)}

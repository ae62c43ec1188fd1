"""A decoder process that documents can take over: `python -m tests.support.hostile_decoder FD`.

It decodes like the real one, except for the documents that `hostile_document` makes: such a document does what an
attacker could do with code execution in a decoder process.

If the environment variable PYTHON_DECODER_START names a file that exists, the content of the file is how the process
fails to start: `exit`, `silent` or `wrong` (a wrong result of the self-test).
"""

import json
import os
import pickle
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from decoding.isolation import protocol, worker
from decoding.isolation.channel import Channel
from decoding.isolation.jobs import BatchJob, Job, JpegJob, Reply
from decoding.orientation import VIEW_BYTES

MODULE: Final = "tests.support.hostile_decoder"
START_VARIABLE: Final = "PYTHON_DECODER_START"
_SIGNATURE: Final = b"HOSTILE "
FORM_CRASH: Final = b"%CRASH-IN-FORM-CODE"
"""A comment in a PDF that crashes the decoder process, unless the PDF is decoded without its form fields."""

CRASH_AFTER_FRONT: Final = b"%CRASH-AFTER-FRONT"
"""A comment in a PDF that crashes the decoder process on any part but the first."""


def hostile_document(behaviour: str) -> bytes:
    """Return a document that makes its decoder process behave in one of the ways of `BEHAVIOURS`."""
    assert behaviour in BEHAVIOURS
    return _SIGNATURE + behaviour.encode()


def _message(content: object) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("!I", len(body)) + body


def _valid_head(job: Job[Any]) -> bytes:
    return _message({"pages": [len(_page(job))], "truncated": False})


def _page(job: Job[Any]) -> bytes:
    match job:
        case BatchJob():
            return bytes(sum(each.width * each.height * 3 for each in job.inputs) + VIEW_BYTES + 1)
        case JpegJob():
            return b"\xff\xd8\xff" + bytes(4000)
    raise TypeError(job)


def _send_forever(channel: Channel, data: bytes, pause: float = 0) -> None:
    while True:
        channel.send(data)
        time.sleep(pause)


def _exit(channel: Channel, job: Job[Any]) -> None:
    os._exit(1)


def _sleep(channel: Channel, job: Job[Any]) -> None:
    time.sleep(600)


def _send_partial_length(channel: Channel, job: Job[Any]) -> None:
    channel.send(b"\0\0")
    time.sleep(600)


def _send_length_without_body(channel: Channel, job: Job[Any]) -> None:
    channel.send(struct.pack("!I", 1000))
    time.sleep(600)


def _send_head_without_pages(channel: Channel, job: Job[Any]) -> None:
    channel.send(_valid_head(job))
    time.sleep(600)


def _announce_two_gibibytes(channel: Channel, job: Job[Any]) -> None:
    channel.send(struct.pack("!I", 2**31))
    _send_forever(channel, bytes(2**20))


def _announce_huge_page(channel: Channel, job: Job[Any]) -> None:
    channel.send(_message({"pages": [2**31], "truncated": False}))
    _send_forever(channel, bytes(2**20))


def _announce_many_pages(channel: Channel, job: Job[Any]) -> None:
    channel.send(_message({"pages": [len(_page(job))] * 2000, "truncated": False}))
    _send_forever(channel, bytes(2**20))


def _trickle_message(channel: Channel, job: Job[Any]) -> None:
    channel.send(struct.pack("!I", 10_000))
    _send_forever(channel, b" ", pause=0.01)


def _trickle_pages(channel: Channel, job: Job[Any]) -> None:
    channel.send(_valid_head(job))
    _send_forever(channel, b"\xff", pause=0.01)


def _send_pickle(channel: Channel, job: Job[Any]) -> None:
    channel.send(_message(pickle.dumps({"pages": [1], "truncated": False})))
    time.sleep(600)


def _reply_and_flood(channel: Channel, job: Job[Any]) -> None:
    channel.send(_valid_head(job) + _page(job))
    _send_forever(channel, bytes(2**20))


def _reply_and_send_second_reply(channel: Channel, job: Job[Any]) -> None:
    channel.send(_valid_head(job) + _page(job))
    channel.send(_valid_head(job) + _page(job))
    time.sleep(600)


def _reply_and_ignore_next(channel: Channel, job: Job[Any]) -> None:
    channel.send(_valid_head(job) + _page(job))
    time.sleep(600)


FAILING: Final[Mapping[str, Callable[[Channel, Job[Any]], None]]] = {
    "exit": _exit,
    "sleep": _sleep,
    "send-partial-length": _send_partial_length,
    "send-length-without-body": _send_length_without_body,
    "send-head-without-pages": _send_head_without_pages,
    "announce-two-gibibytes": _announce_two_gibibytes,
    "announce-huge-page": _announce_huge_page,
    "announce-many-pages": _announce_many_pages,
    "trickle-message": _trickle_message,
    "trickle-pages": _trickle_pages,
    "send-pickle": _send_pickle,
}
"""Behaviours that fail the document's own request."""
LURKING: Final[Mapping[str, Callable[[Channel, Job[Any]], None]]] = {
    "reply-and-flood": _reply_and_flood,
    "reply-and-send-second-reply": _reply_and_send_second_reply,
    "reply-and-ignore-next": _reply_and_ignore_next,
}
"""Behaviours that reply to the document, and try to harm the next one."""
BEHAVIOURS: Final = {**FAILING, **LURKING}


def _decode_wrongly(self: BatchJob, data: bytes, check_cancelled: Callable[[], None]) -> Reply:
    return Reply([_page(self)], truncated=False)


def _process_job(channel: Channel, message: bytes) -> None:
    job, data = protocol.receive_job(channel, message)
    if FORM_CRASH in data and job.limits.forms:
        os.kill(os.getpid(), signal.SIGSEGV)
    if CRASH_AFTER_FRONT in data and isinstance(job, BatchJob) and job.part and job.part[0] > 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.startswith(_SIGNATURE):
        BEHAVIOURS[data.removeprefix(_SIGNATURE).decode()](channel, job)
    else:
        worker.execute_job(channel, job, data)


def main() -> None:
    """Fail to start as the environment specifies, or serve documents."""
    state = Path(os.environ.get(START_VARIABLE, "/nonexistent"))
    match state.read_text() if state.exists() else "":
        case "exit":
            sys.exit(1)
        case "silent":
            time.sleep(600)
        case "wrong":
            BatchJob.execute = _decode_wrongly  # type: ignore[method-assign]
    worker.process_job = _process_job
    worker.main(int(sys.argv[1]))


if __name__ == "__main__":
    main()

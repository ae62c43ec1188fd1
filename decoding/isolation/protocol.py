"""What the service and its decoder processes say to each other: JSON heads, and bytes as they are.

    service ──► {"frame": …, "limits": …}   the document's bytes
            ◄── {"pages": 2, …}             the pixels' bytes
            ◄── {"problem": "corrupt-document", "detail": …}
            ◄── {"abandoned": true}
            ──► (an empty message)          nobody waits any more: stop before the next page

Each document gets exactly one answer. A decoder is not trusted, because a document may have taken it over: what it says
is checked, and never unpickled.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from decoding.batch import PageBatch
from decoding.errors import DocumentError
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing

READY: Final = b"ready"
"""The first word of a decoder process."""
STOP: Final = b""
"""Sent while a document is decoded: nobody waits for it. Means nothing otherwise."""
ABANDONED: Final = json.dumps({"abandoned": True}).encode()
"""The answer to a document that was stopped."""


class ProtocolError(Exception):
    """The other side does not keep to the protocol."""


def job(frame: Preprocessing, limits: Limits) -> bytes:
    """The head of a document."""
    return json.dumps({"frame": asdict(frame), "limits": asdict(limits)}).encode()


def parse_job(head: bytes) -> tuple[Preprocessing, Limits]:
    """Read the head of a document."""
    fields = json.loads(head)
    return Preprocessing(**fields["frame"]), Limits(**fields["limits"])


def answer(frames: PageBatch) -> tuple[bytes, bytes]:
    """The head of an answer, and the pixels that follow it."""
    return json.dumps({"pages": len(frames.pixels), "truncated": frames.truncated}).encode(), frames.pixels.tobytes()


def refusal(error: DocumentError) -> bytes:
    """The answer to a document that cannot be read."""
    return json.dumps({"problem": error.problem, "detail": str(error)}).encode()


def parse_answer(head: bytes) -> dict[str, Any]:
    """Read the head of an answer.

    Raises:
        DocumentError: That the decoder tells.
        ProtocolError: If it is no answer.
    """
    try:
        fields = json.loads(head)
    except ValueError as error:
        raise ProtocolError("not JSON") from error
    if not isinstance(fields, dict):
        raise ProtocolError("not an object")
    if "problem" in fields:
        kind = _REFUSALS.get(str(fields["problem"]))
        if kind is None:
            raise ProtocolError(f"an unknown problem {fields['problem']!r}")
        raise kind(str(fields.get("detail", "")))
    return fields


def parse_pixels(fields: dict[str, Any], pixels: bytes, frame: Preprocessing, limits: Limits) -> PageBatch:
    """Read the pixels that follow an answer.

    Raises:
        ProtocolError: If their size is not what was asked for.
    """
    pages, truncated = fields.get("pages"), fields.get("truncated")
    if not isinstance(pages, int) or not 1 <= pages <= limits.max_pages or not isinstance(truncated, bool):
        raise ProtocolError(f"{pages!r} pages, truncated {truncated!r}")
    shape = (pages, frame.height, frame.width, 3)
    if len(pixels) != np.prod(shape):
        raise ProtocolError(f"{len(pixels)} bytes for pixels of shape {shape}")
    return PageBatch(np.frombuffer(pixels, np.uint8).reshape(shape), truncated)


def _kinds(base: type[DocumentError]) -> Iterator[type[DocumentError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


_REFUSALS: Final = {kind.problem: kind for kind in _kinds(DocumentError)}

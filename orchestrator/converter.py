"""Call the converter, and validate its response."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

from orchestrator.calls import Clock, DocumentService
from orchestrator.errors import CallFailed
from orchestrator.http_sender import HttpSender
from orchestrator.request_body import Document
from records.outcomes import ModelFailure

MAX_PAGES_BYTES = 40 * 1024 * 1024
"""Maximum size of the pages: what the model services accept."""
_MAX_OUTPUT_BYTES = 64 * 1024 * 1024
_MAX_ANSWER_BYTES = _MAX_OUTPUT_BYTES + 1024 * 1024
"""The pages and all members, and the archive around them."""
_MAX_HEAD_BYTES = 512 * 1024
_MAX_MEMBERS = 1000
_MAX_SKIPPED = 100
_MAX_NAME = 300
_MAX_FORMAT = 10


class Converted(NamedTuple):
    """A document as the converter returned it.

    Attributes:
        format: Format of the document, as a suffix without dot.
        pages: What the versions classify; None for an archive.
        members: Name and content of each document within the document.
        skipped: Name of each member that cannot become a document, and the reason.
        latency_ms: Duration of the call.
    """

    format: str
    pages: bytes | None
    members: tuple[tuple[str, bytes], ...]
    skipped: tuple[tuple[str, str], ...]
    latency_ms: float


class ConverterClient:
    """Calls the converter.

    Args:
        endpoint: Base URL of the converter.
        clock: The clock of all deadlines.
        sleep: Waits before a retry; for tests.
    """

    def __init__(self, endpoint: str, clock: Clock, *, sleep: Callable[[float], None] = time.sleep) -> None:
        sender = HttpSender(f"{endpoint}/convert", max_answer_bytes=_MAX_ANSWER_BYTES)
        self._service = DocumentService(sender, clock, sleep=sleep)

    def convert(self, document: bytes, *, deadline: float, trace_id: str = "") -> Converted | ModelFailure:
        """Convert a document, or return why it was not converted.

        Args:
            document: Content of the document.
            deadline: Time on this object's clock after which no response is awaited.
            trace_id: AWS trace to forward to the converter.
        """
        return self._service.call(Document(document), read_converted, deadline=deadline, trace_id=trace_id)


def read_converted(body: bytes, latency_ms: float) -> Converted:
    """Return the conversion in a response.

    Args:
        body: Body of the response, an archive; see docs/api.md.
        latency_ms: Duration of the call.

    Raises:
        CallFailed: `invalid_answer`: The response does not conform to the contract.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            head = json.loads(_read(archive, "conversion.json", _MAX_HEAD_BYTES))
            names, skipped = _names(head["members"]), _skipped(head["skipped"])
            return Converted(
                _text(head["format"], _MAX_FORMAT),
                _read(archive, "pages", MAX_PAGES_BYTES) if head["pages"] is True else None,
                tuple((name, _read(archive, f"members/{n}", _MAX_OUTPUT_BYTES)) for n, name in enumerate(names)),
                skipped,
                latency_ms,
            )
    except Exception as error:  # zipfile raises many kinds for damaged archives
        detail = f"The answer of the converter does not conform to the contract: {error!r}"[:500]
        raise CallFailed("invalid_answer", detail.encode(errors="replace").decode(), 200) from error


def _read(archive: zipfile.ZipFile, name: str, max_bytes: int) -> bytes:
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or not 0 < entry.file_size <= max_bytes:
        raise ValueError(f"{name} is compressed, empty or larger than {max_bytes:,} bytes")
    return archive.read(entry)


def _names(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MAX_MEMBERS:
        raise ValueError("members is not a list of limited length")
    return [_text(name, _MAX_NAME) for name in value]


def _skipped(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or len(value) > _MAX_SKIPPED:
        raise ValueError("skipped is not a list of limited length")
    return tuple((_text(name, _MAX_NAME), _text(reason, _MAX_NAME)) for name, reason in value)


def _text(value: Any, max_length: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise ValueError(f"a string of 1 to {max_length} characters is missing")
    value.encode()  # a lone surrogate is valid in JSON, but cannot be stored
    return value

"""The protocol between the service and a process that converts one document.

    service ──► {"format": "docx", "limits": {…}, "bytes": 51200}            a message, then the document's bytes
            ◄── received                                                     the document has arrived
            ◄── {"pages": 20480, "members": [["a.pdf", 7000]], "skipped": []}   sizes, then the bytes
            ◄── {"problem": "corrupt-document", "detail": …}                 or: the document cannot be converted

A hostile document may have taken over the process. Therefore the service limits the time and the size of everything
that it reads, checks it, and never unpickles it.
"""

import json
from dataclasses import asdict
from typing import Any, Final

from converter.conversion import MAX_NAME, MAX_SKIPPED, Conversion, ConversionLimits, Member, SkippedMember
from decoding.errors import CorruptDocumentError, DocumentError, EncryptedDocumentError, UnsupportedFormatError
from decoding.isolation.channel import Channel, Deadline

READY: Final = b"ready"
"""The first message of a process."""
RECEIVED: Final = b"received"
"""Sent by a process when a document has arrived completely."""

MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""Size limit of every message. The bytes of documents are not part of a message."""
_MAX_DETAIL: Final = 1000
_MAX_REASON: Final = 200

_PROBLEMS: Final = {
    kind.problem: kind for kind in (CorruptDocumentError, EncryptedDocumentError, UnsupportedFormatError)
}
"""The errors that a process may report."""


class InvalidConversionError(Exception):
    """A process sent something other than the protocol allows."""


def send_document(
    channel: Channel, document_format: str, data: bytes, limits: ConversionLimits, deadline: Deadline
) -> None:
    """Send a document to a process, and wait until it has arrived.

    Raises:
        ChannelError: If the process does not read it in time, or has ended.
        InvalidConversionError: If the process sends something other than the acknowledgement.
    """
    message = {"format": document_format, "limits": asdict(limits), "bytes": len(data)}
    channel.send_message(json.dumps(message).encode(), deadline)
    channel.send(data, deadline)
    if channel.receive_message(len(RECEIVED), deadline) != RECEIVED:
        raise InvalidConversionError("the document was not acknowledged")


def receive_document(channel: Channel) -> tuple[str, bytes, ConversionLimits]:
    """Receive a document in the process that converts it, with its format and limits."""
    fields = json.loads(channel.receive_message(MAX_MESSAGE_BYTES))
    data = bytearray(fields["bytes"])
    channel.receive_into(memoryview(data))
    channel.send_message(RECEIVED)
    return fields["format"], bytes(data), ConversionLimits(**fields["limits"])


def send_conversion(channel: Channel, conversion: Conversion) -> None:
    """Send the result to the service."""
    head = {
        "pages": None if conversion.pages is None else len(conversion.pages),
        "members": [[member.name, len(member.data)] for member in conversion.members],
        "skipped": [[member.name, member.reason] for member in conversion.skipped],
    }
    channel.send_message(json.dumps(head).encode())
    channel.send(conversion.pages or b"")
    for member in conversion.members:
        channel.send(member.data)


def send_rejection(channel: Channel, error: DocumentError) -> None:
    """Send the service the reason why a document cannot be converted."""
    channel.send_message(json.dumps({"problem": error.problem, "detail": str(error)[:_MAX_DETAIL]}).encode())


def receive_conversion(
    channel: Channel, document_format: str, limits: ConversionLimits, deadline: Deadline
) -> Conversion:
    """Receive the result, with every size checked before memory is allocated.

    Raises:
        DocumentError: If the document cannot be converted.
        InvalidConversionError: If the reply violates the protocol.
        ChannelError: If the reply does not arrive in time, or the process ended.
    """
    fields = _parse(channel.receive_message(MAX_MESSAGE_BYTES, deadline))
    if "problem" in fields:
        raise _problem(fields)
    members, skipped = _pairs(fields, "members", int), _pairs(fields, "skipped", str)
    pages = fields.get("pages")
    sizes = [size for _, size in members] + ([] if pages is None else [pages])
    if len(members) > limits.max_members or len(skipped) > MAX_SKIPPED:
        raise InvalidConversionError("too many members")
    if any(type(size) is not int or size < 1 for size in sizes) or sum(sizes) > limits.max_output_bytes:
        raise InvalidConversionError("sizes are out of range")
    return Conversion(
        document_format,
        None if pages is None else _receive(channel, pages, deadline),
        tuple(Member(name, _receive(channel, size, deadline)) for name, size in members),
        tuple(SkippedMember(name, reason[:_MAX_REASON]) for name, reason in skipped),
    )


def _receive(channel: Channel, size: int, deadline: Deadline) -> bytes:
    data = bytearray(size)
    channel.receive_into(memoryview(data), deadline)
    return bytes(data)


def _parse(message: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InvalidConversionError("not JSON") from error
    if not isinstance(fields, dict):
        raise InvalidConversionError("not an object")
    return fields


def _pairs(fields: dict[str, Any], name: str, kind: type) -> list[tuple[str, Any]]:
    """Return a field that is a list of names with a value each."""
    pairs = fields.get(name)
    if not isinstance(pairs, list):
        raise InvalidConversionError(f"{name} is not a list")
    for pair in pairs:
        valid = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is kind
        if not valid or len(pair[0]) > MAX_NAME:
            raise InvalidConversionError(f"{name} has an invalid entry")
    return [(name, value) for name, value in pairs]


def _problem(fields: dict[str, Any]) -> DocumentError:
    kind = _PROBLEMS.get(str(fields["problem"]))
    if kind is None:
        raise InvalidConversionError("an unknown problem")
    return kind(str(fields.get("detail", ""))[:_MAX_DETAIL])

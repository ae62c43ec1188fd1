"""The document in a request: raw bytes, a multipart field or base64 in JSON."""

import asyncio
import base64
import binascii
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as FormField
from python_multipart.multipart import File, parse_options_header
from starlette.requests import ClientDisconnect, Request

from decoding.errors import DocumentTooLargeError
from model_service.admission import CallerGoneError, Ticket
from model_service.errors import InvalidRequestError

# What boundaries, part headers and JSON punctuation may add to a document.
_ENVELOPE_BYTES: Final = 64 * 1024
_FORM: Final = "multipart/form-data"
_JSON: Final = "application/json"
_FIELD: Final = b"file"


class JsonDocument(BaseModel):
    """A document in JSON."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "JVBERi0xLjQKJcOkw7zD..."}]})

    content: str = Field(
        description="The document in base64 (RFC 4648, section 4).", json_schema_extra={"format": "byte"}
    )


async def read(request: Request, ticket: Ticket, max_bytes: int) -> bytes:
    """Read a request's body, and stop reading as soon as it is too long or too late.

    Args:
        request: Its body has not been read yet.
        ticket: Holds the deadline.
        max_bytes: Of the document; the envelope around it may be somewhat longer.

    Raises:
        DocumentTooLargeError: If the body is, or says it is, longer than any acceptable document's.
        DeadlineExceededError: If it has not arrived in time.
        CallerGoneError: If the caller hung up.
    """
    most = max_bytes if media_type(request) not in (_FORM, _JSON) else max_bytes * 4 // 3 + _ENVELOPE_BYTES
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(max(ticket.seconds_left, 0)):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise ticket.too_late() from None
    except ClientDisconnect:
        raise CallerGoneError from None
    return bytes(body)


def media_type(request: Request) -> str:
    """The request's media type in small letters, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def document(body: bytes, content_type: str) -> bytes:
    """Take the document out of a body. Costs CPU time: call it from a worker.

    Args:
        body: As it was sent.
        content_type: The header, parameters included. Anything but a form and JSON is the document itself:
            what it really is, its bytes tell.

    Raises:
        InvalidRequestError: If the form or the JSON is malformed or holds no document.
    """
    kind, _, _ = content_type.partition(";")
    match kind.strip().lower():
        case "multipart/form-data":
            return _from_form(body, content_type)
        case "application/json":
            return _from_json(body)
        case _:
            return body


def _from_json(body: bytes) -> bytes:
    try:
        content = JsonDocument.model_validate_json(body).content
        return base64.b64decode(content, validate=True)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "body"
        raise InvalidRequestError(f'The JSON should be {{"content": base64}}; {where}: {fault["msg"]}.') from None
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"The content is not base64: {error}.") from None


def _from_form(body: bytes, content_type: str) -> bytes:
    found: list[bytes] = []

    def on_file(part: File) -> None:
        if part.field_name == _FIELD:
            part.file_object.seek(0)
            found.append(part.file_object.read())

    def on_field(part: FormField) -> None:
        # A part without a file name is a field to the parser, but as good a document.
        if part.field_name == _FIELD:
            found.append(part.value or b"")

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    try:
        # All in memory, which the body's limit bounds already: the root file system may be read-only.
        parser = FormParser(_FORM, on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body) + 1})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidRequestError(f"The form is malformed: {error}.") from None
    if len(found) != 1:
        raise InvalidRequestError(f"The form should have one field named 'file', it has {len(found)}.")
    return found[0]


def _too_large(max_bytes: int) -> DocumentTooLargeError:
    return DocumentTooLargeError(f"The document is above the limit of {max_bytes:,} bytes.")

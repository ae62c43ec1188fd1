"""The document in a request: raw bytes, a field of a form, or base64 in JSON."""

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
from model_service.admission import AdmittedRequest, ClientDisconnectedError
from model_service.errors import InvalidRequestError

# Bytes that boundaries, headers of parts and JSON punctuation may add to a document.
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


async def read_body(request: Request, admitted: AdmittedRequest, max_bytes: int) -> bytes:
    """Read the body of a request, and stop as soon as it is too long or the deadline has passed.

    Args:
        request: Its body has not been read yet.
        admitted: Holds the deadline.
        max_bytes: Size limit of the document. The form or JSON around it may be somewhat longer.

    Raises:
        DocumentTooLargeError: If the body, or its announced length, exceeds the limit.
        DeadlineExceededError: If the body has not arrived in time.
        ClientDisconnectedError: If the client disconnects.
    """
    max_body = max_bytes if media_type(request) not in (_FORM, _JSON) else max_bytes * 4 // 3 + _ENVELOPE_BYTES
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_body:
        raise _too_large(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(max(admitted.seconds_left, 0)):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_body:
                    raise _too_large(max_bytes)
    except TimeoutError:
        raise admitted.deadline_error() from None
    except ClientDisconnect:
        raise ClientDisconnectedError from None
    return bytes(body)


def media_type(request: Request) -> str:
    """Return the media type of a request in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def extract_document(body: bytes, content_type: str) -> bytes:
    """Extract the document from a body. This takes CPU time: call it in a worker thread.

    Args:
        body: The body as it was sent.
        content_type: The header, including parameters. A body that is neither a form nor JSON is the document itself;
            its format is detected by its content.

    Raises:
        InvalidRequestError: If the form or the JSON is malformed or has no document.
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
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise InvalidRequestError(f'Expected JSON {{"content": base64}}; {where}: {first["msg"]}.') from None
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"The content is not valid base64: {error}.") from None


def _from_form(body: bytes, content_type: str) -> bytes:
    found: list[bytes] = []

    def on_file(part: File) -> None:
        if part.field_name == _FIELD:
            part.file_object.seek(0)
            found.append(part.file_object.read())

    def on_field(part: FormField) -> None:
        # The parser treats a part without a file name as a field. It is accepted as a document, too.
        if part.field_name == _FIELD:
            found.append(part.value or b"")

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    try:
        # The body is in memory and of limited size. It stays there: the root file system may be read-only.
        parser = FormParser(_FORM, on_field, on_file, boundary=boundary, config={"MAX_MEMORY_FILE_SIZE": len(body) + 1})
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidRequestError(f"The form is malformed: {error}.") from None
    if len(found) != 1:
        raise InvalidRequestError(f"The form must have exactly one field named 'file', but has {len(found)}.")
    return found[0]


def _too_large(max_bytes: int) -> DocumentTooLargeError:
    return DocumentTooLargeError(f"The document is above the limit of {max_bytes:,} bytes.")

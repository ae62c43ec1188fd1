"""The Live page: incoming documents, and upload of files dropped on the page."""

import hashlib
import mimetypes
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, Response, UploadFile

from records.record import Record
from triptych.console import views
from triptych.console.context import Console, CurrentConsole
from triptych.console.filters import RANGES, DocumentFilter
from triptych.storage import inbox
from triptych.storage.inbox import StoredObject

router = APIRouter()

_WAIT_SECONDS = 4.0
"""Time that the response to an upload waits for the record. After that, the page polls for it."""

_MAX_KEY_LENGTH = 200


@router.get("/")
def live_page(request: Request, console: CurrentConsole) -> Response:
    """Return the page, including its documents."""
    content = _documents_context(console, DocumentFilter.parse(request.query_params))
    return console.page(request, "live.html", section="live", ranges=RANGES, **content)


@router.get("/documents")
def documents_fragment(request: Request, console: CurrentConsole, seen: str = "") -> Response:
    """Return the documents alone, or 204 if they are unchanged since the browser received them."""
    content = _documents_context(console, DocumentFilter.parse(request.query_params))
    if content["seen"] == seen:
        return Response(status_code=204)
    return console.page(request, "documents.html", **content)


@router.post("/drop")
def upload_file(request: Request, console: CurrentConsole, file: Annotated[UploadFile, File()]) -> Response:
    """Store a file in the inbox. Returns its verdict if available in time, else an entry that polls for it."""
    stack = console.access()
    key = object_key(file.filename or "")
    content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    stored = inbox.put_object(stack.s3, stack.bucket, key, file.file, content_type)
    return _entry(request, console, stored, stack.results.wait_for(stored, _WAIT_SECONDS))


@router.get("/dropped")
def upload_status(
    request: Request, console: CurrentConsole, key: str, etag: str, version: str, at: datetime
) -> Response:
    """Return the entry of an uploaded file once there is a record; 204 until then."""
    stack = console.access()
    stored = StoredObject(stack.bucket, key, etag, version or None, at.astimezone(UTC))
    record = stack.results.find(stored)
    return _entry(request, console, stored, record) if record else Response(status_code=204)


def object_key(name: str) -> str:
    """Return the key for a file name: without folders and without control and formatting characters."""
    base = PurePath(name.replace("\\", "/")).name
    visible = "".join(c for c in base if unicodedata.category(c)[0] != "C").strip()
    return visible[-_MAX_KEY_LENGTH:] or "document"


def _documents_context(console: Console, chosen: DocumentFilter) -> dict[str, Any]:
    records, older = chosen.fetch(console.access().results)
    console.labels |= {label for record in records for label in record.labels()}
    return {
        "chosen": chosen,
        "older": older,
        "cards": views.make_cards(records),
        "summary": views.summarize_records(records),
        "seen": fingerprint(records),
        "choices": chosen.choices(sorted(console.labels)),
    }


def fingerprint(records: Sequence[Record]) -> str:
    """Return a hash that changes whenever one of the records changes."""
    revisions = "\n".join(f"{views.upload_id(record)}\n{record.revision}" for record in records)
    return hashlib.sha256(revisions.encode()).hexdigest()[:16]


def _entry(request: Request, console: Console, stored: StoredObject, record: Record | None) -> Response:
    card = views.make_cards([record])[0] if record else None
    return console.page(request, "dropped.html", dropped=stored, card=card)

"""The Live page: documents as they arrive, and files dropped on it."""

import hashlib
import mimetypes
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, Response, UploadFile

from records.outcomes import Prediction
from records.record import Record
from triptych.console import views
from triptych.console.context import Console, Here
from triptych.console.filters import RANGES, Filter
from triptych.storage import inbox
from triptych.storage.inbox import StoredObject

router = APIRouter()

_PATIENCE = 4.0
"""Seconds that the answer to a dropped file waits for its record. Later ones are asked for by the page."""

_MAX_NAME = 200


@router.get("/")
def live(request: Request, here: Here) -> Response:
    """The page, with its documents already in it."""
    chosen = Filter.parse(request.query_params)
    content = _documents(here, chosen)
    return here.page(request, "live.html", section="live", ranges=RANGES, **content)


@router.get("/documents")
def documents(request: Request, here: Here, seen: str = "") -> Response:
    """The documents alone, or 204 if the browser has seen them as they are."""
    content = _documents(here, Filter.parse(request.query_params))
    if content["seen"] == seen:
        return Response(status_code=204)
    return here.page(request, "documents.html", **content)


@router.post("/drop")
def drop(request: Request, here: Here, file: Annotated[UploadFile, File()]) -> Response:
    """Put a file into the inbox; answers with its verdict if that comes soon, else with an entry that asks for it."""
    stack = here.access()
    key = key_of(file.filename or "")
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    dropped = inbox.put_object(stack.s3, stack.bucket, key, file.file, kind)
    return _entry(request, here, dropped, stack.results.wait_for(dropped, _PATIENCE))


@router.get("/dropped")
def dropped(request: Request, here: Here, key: str, etag: str, version: str, at: datetime) -> Response:
    """A dropped file's entry, once there is a record; until then 204."""
    stack = here.access()
    of = StoredObject(stack.bucket, key, etag, version or None, at.astimezone(UTC))
    record = stack.results.find(of)
    return _entry(request, here, of, record) if record else Response(status_code=204)


def key_of(name: str) -> str:
    """The key of a dropped file: its own name, without folders and characters that nobody can type or see."""
    base = PurePath(name.replace("\\", "/")).name
    visible = "".join(c for c in base if unicodedata.category(c)[0] != "C").strip()
    return visible[-_MAX_NAME:] or "document"


def _documents(here: Console, chosen: Filter) -> dict[str, Any]:
    """What a page of documents shows."""
    records, older = chosen.ask(here.access().results)
    here.labels |= _labels(records)
    return {
        "chosen": chosen,
        "older": older,
        "cards": views.cards(records),
        "summary": views.summary(records),
        "seen": fingerprint(records),
        "choices": chosen.choices(sorted(here.labels)),
    }


def fingerprint(records: Sequence[Record]) -> str:
    """Changes whenever one of the records does."""
    told = "\n".join(f"{views.identity(record)}\n{record.revision}" for record in records)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _labels(records: Sequence[Record]) -> set[str]:
    outcomes = (said for record in records for said in record.predictions.values())
    return {label for said in outcomes if isinstance(said, Prediction) for label in said.probabilities}


def _entry(request: Request, here: Console, of: StoredObject, record: Record | None) -> Response:
    [card] = views.cards([record]) if record else [None]
    return here.page(request, "dropped.html", dropped=of, card=card)

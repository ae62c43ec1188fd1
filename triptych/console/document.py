"""The Document page, and the pictures of documents."""

import asyncio
import json
from typing import Annotated, Literal

from botocore.exceptions import ClientError
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from decoding.limits import Limits
from records.record import Status
from records.reviews import NONE_OF_THESE
from triptych.console import views
from triptych.console.context import HERE, Console, Here
from triptych.console.pictures import NoPicture

router = APIRouter()

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
_REPLACED = {"PreconditionFailed", "412"}
_HISTORY = 20


@router.get("/document")
def page(request: Request, here: Here, document: str, sequencer: str = "") -> Response:
    """All there is about one upload; of the document's newest where no sequencer is given."""
    stack = here.access()
    record = stack.reviews.find(document, sequencer)
    if record is None:
        return here.page(request, "missing.html", section="", status=404, document=document)
    [card] = views.cards([record])
    labels, spans = record.labels(), views.waterfall(record)
    return here.page(
        request,
        "document.html",
        section="",
        card=card,
        record=record,
        labels=_by_weight(card, labels),
        none_of_them=NONE_OF_THESE,
        pages=0 if record.status is Status.REJECTED else max((p.pages for p in record.answered().values()), default=1),
        spans=spans,
        total=max((span.start + span.length for span in spans), default=0.0) or 1.0,
        history=stack.results.history(document, limit=_HISTORY),
        source=json.dumps(record.as_dict(), indent=2, ensure_ascii=False),
    )


@router.post("/document/label")
def label(
    here: Here, document: Annotated[str, Form()], sequencer: Annotated[str, Form()], label: Annotated[str, Form()]
) -> Response:
    """Say what a document is that was looked up, not dealt."""
    record = here.desk.label(document, sequencer, label, picked=True)
    return RedirectResponse(views.Card.of(record, ()).address, 303)


@router.get("/picture")
async def picture(
    here: Here,
    document: str,
    sequencer: str,
    size: Literal["small", "large"] = "small",
    page: Annotated[int, Query(ge=0, lt=1000)] = 0,
) -> Response:
    """A page's picture, or one that says that there is none: an <img> shows either."""
    make = asyncio.get_running_loop().run_in_executor
    try:
        pages = await make(here.painters, _pages, here, document, sequencer, size)
    except NoPicture:
        pages = []
    if page >= len(pages):
        nothing = (HERE / "static" / "no-picture.svg").read_bytes()
        return Response(nothing, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=60"})
    keep = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(pages[page], media_type="image/jpeg", headers=keep)


def _pages(here: Console, document: str, sequencer: str, size: str) -> list[bytes]:
    return here.pictures.of(f"{document}\n{sequencer}", size, lambda: _content(here, document, sequencer))


def _content(here: Console, document: str, sequencer: str) -> bytes:
    """The bytes of an upload, exactly those that were classified."""
    stack = here.access()
    record = stack.reviews.find(document, sequencer)
    if record is None or record.upload.bucket != stack.bucket:
        raise NoPicture("There is no such upload.")
    upload = record.upload
    exactly = {"VersionId": upload.version_id} if upload.version_id else {"IfMatch": upload.etag} if upload.etag else {}
    try:
        answer = stack.s3.get_object(Bucket=stack.bucket, Key=upload.key, **exactly)  # type: ignore[arg-type]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _GONE:
            raise NoPicture("It has been deleted since.") from error
        if code in _REPLACED:
            raise NoPicture("It has been replaced since.") from error
        raise
    with answer["Body"] as body:
        if answer["ContentLength"] > Limits().max_bytes:
            raise NoPicture("It is too large.")
        return body.read()


def _by_weight(card: views.Card, labels: list[str]) -> list[str]:
    """Labels, the ones that the versions think likeliest first."""
    weights = dict.fromkeys(labels, 0.0)
    for panel in card.panels:
        for guess in panel.guesses:
            weights[guess.label] = weights.get(guess.label, 0.0) + guess.share
    return sorted(weights, key=lambda name: (-weights[name], name))

"""The Document page, and the pictures of document pages."""

import asyncio
from typing import Annotated, Literal

from botocore.exceptions import ClientError
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from decoding.limits import Limits
from records.record import Status
from records.reviews import NONE_OF_THESE
from triptych.console import views
from triptych.console.context import PACKAGE, Console, CurrentConsole
from triptych.console.pictures import PictureUnavailable
from triptych.terminal.text import to_json

router = APIRouter()

_DELETED = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
_REPLACED = {"PreconditionFailed", "412"}
_MAX_UPLOADS = 20


@router.get("/document")
def document_page(request: Request, console: CurrentConsole, document: str, sequencer: str = "") -> Response:
    """Return everything about one upload. Without a sequencer, it is the newest upload of the key."""
    stack = console.access()
    record = stack.reviews.find(document, sequencer)
    if record is None:
        return console.page(request, "missing.html", section="", status=404, document=document)
    [card] = views.make_cards([record])
    spans = views.waterfall(record)
    return console.page(
        request,
        "document.html",
        section="",
        card=card,
        record=record,
        labels=_by_probability(card, record.labels()),
        none_of_these=NONE_OF_THESE,
        pages=0 if record.status is Status.REJECTED else max((p.pages for p in record.answered().values()), default=1),
        spans=spans,
        total=max((span.start + span.length for span in spans), default=0.0) or 1.0,
        history=stack.results.history(document, limit=_MAX_UPLOADS),
        source=to_json(record.as_dict(), indent=2),
    )


@router.post("/document/label")
def label_document(
    console: CurrentConsole,
    document: Annotated[str, Form()],
    sequencer: Annotated[str, Form()],
    label: Annotated[str, Form()],
) -> Response:
    """Label a document that the user selected, as opposed to one from the review queue."""
    record = console.review_session.label(document, sequencer, label, picked=True)
    return RedirectResponse(views.Card.from_record(record, ()).url, 303)


@router.get("/picture")
async def page_picture(
    console: CurrentConsole,
    document: str,
    sequencer: str,
    size: Literal["small", "large"] = "small",
    page: Annotated[int, Query(ge=0, lt=1000)] = 0,
) -> Response:
    """Return the picture of a page, or a placeholder if there is none, because an <img> can display either."""
    run = asyncio.get_running_loop().run_in_executor
    try:
        pages = await run(console.picture_pool, _pictures, console, document, sequencer, size)
    except PictureUnavailable:
        pages = []
    if page >= len(pages):
        placeholder = (PACKAGE / "static" / "no-picture.svg").read_bytes()
        return Response(placeholder, media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=60"})
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(pages[page], media_type="image/jpeg", headers=headers)


def _pictures(console: Console, document: str, sequencer: str, size: str) -> list[bytes]:
    return console.pictures.get(f"{document}\n{sequencer}", size, lambda: _object_bytes(console, document, sequencer))


def _object_bytes(console: Console, document: str, sequencer: str) -> bytes:
    """Return the bytes of an upload, of exactly the object version that was classified."""
    stack = console.access()
    record = stack.reviews.find(document, sequencer)
    if record is None or record.upload.bucket != stack.bucket:
        raise PictureUnavailable("There is no such upload.")
    upload = record.upload
    exact = {"VersionId": upload.version_id} if upload.version_id else {"IfMatch": upload.etag} if upload.etag else {}
    try:
        response = stack.s3.get_object(Bucket=stack.bucket, Key=upload.key, **exact)  # type: ignore[arg-type]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _DELETED:
            raise PictureUnavailable("The document was deleted.") from error
        if code in _REPLACED:
            raise PictureUnavailable("The document was replaced.") from error
        raise
    with response["Body"] as body:
        if response["ContentLength"] > Limits().max_bytes:
            raise PictureUnavailable("The document is too large.")
        return body.read()


def _by_probability(card: views.Card, labels: list[str]) -> list[str]:
    """Sort labels by the sum of their probabilities over all versions, highest first."""
    sums = dict.fromkeys(labels, 0.0)
    for panel in card.panels:
        for each in panel.probabilities:
            sums[each.label] = sums.get(each.label, 0.0) + each.probability
    return sorted(sums, key=lambda label: (-sums[label], label))

"""The Document page, and the pictures of document pages."""

import asyncio
import textwrap
from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from decoding.limits import Limits
from records.documents import DocumentStore
from records.errors import DocumentRejected
from records.labels import NONE_OF_THESE
from records.record import Record, Status
from triptych.console import views
from triptych.console.context import PACKAGE, Console, CurrentConsole
from triptych.console.pictures import SIZES, PictureUnavailable
from triptych.terminal.text import printable, to_json

router = APIRouter()

_MAX_UPLOADS = 20
_MAX_REASON_LINES = 8
# Degrees of each page, separated by commas.
_ROTATIONS = r"^((0|90|180|270)(,(0|90|180|270)){0,99})?$"


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
        pages=_shown_pages(record),
        spans=spans,
        total=max((span.start + span.length for span in spans), default=0.0) or 1.0,
        history=stack.results.history(document, limit=_MAX_UPLOADS),
        source=to_json(record.as_dict(), indent=2),
    )


def _shown_pages(record: Record) -> int:
    """Return how many pages of a document are shown: those that were classified, from the front."""
    if record.status is Status.REJECTED:
        return 0
    classified = max((prediction.pages for prediction in record.answered().values()), default=1)
    return min(classified, SIZES["large"].pages)


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
    rotated: Annotated[str, Query(pattern=_ROTATIONS)] = "",
) -> Response:
    """Return the picture of a page, or a placeholder that states why it is missing: an <img> can display either."""
    run = asyncio.get_running_loop().run_in_executor
    try:
        degrees = [int(angle) for angle in rotated.split(",") if angle]
        pages = await run(console.picture_pool, _pictures, console, document, sequencer, size, degrees)
        reason = "The document has no such page."
    except PictureUnavailable as error:
        pages, reason = [], str(error)
    if page >= len(pages):
        headers = {"Cache-Control": "private, max-age=60"}
        return Response(_placeholder(reason), media_type="image/svg+xml", headers=headers)
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(pages[page], media_type="image/jpeg", headers=headers)


def _pictures(console: Console, document: str, sequencer: str, size: str, rotated: list[int]) -> list[bytes]:
    def fetch() -> bytes:
        return _object_bytes(console, document, sequencer)

    return console.pictures.get(f"{document}\n{sequencer}", size, fetch, rotated=rotated)


def _object_bytes(console: Console, document: str, sequencer: str) -> bytes:
    """Return what was classified: exactly that version of the upload, or the pages that it was converted to."""
    stack = console.access()
    record = stack.reviews.find(document, sequencer)
    if record is None or record.upload.bucket != stack.bucket:
        raise PictureUnavailable("There is no such upload.")
    try:
        return DocumentStore(stack.s3, max_bytes=Limits().max_bytes).read(record.classified_object)
    except DocumentRejected as error:
        raise PictureUnavailable(error.reason.detail) from error


def _placeholder(reason: str) -> str:
    """Return the picture for a page without one, as SVG that states the reason."""
    lines = textwrap.wrap(printable(reason), 27)[:_MAX_REASON_LINES]
    spans = "".join(f'<tspan x="30" dy="4.4">{escape(line)}</tspan>' for line in lines)
    text = f'<title>No picture: {escape(printable(reason))}</title><text y="38">{spans}</text>'
    return (PACKAGE / "static" / "no-picture.svg").read_text("utf-8").replace("</svg>", f"{text}</svg>")


def _by_probability(card: views.Card, labels: list[str]) -> list[str]:
    """Sort labels by the sum of their probabilities over all versions, highest first."""
    sums = dict.fromkeys(labels, 0.0)
    for panel in card.panels:
        for each in panel.probabilities:
            sums[each.label] = sums.get(each.label, 0.0) + each.probability
    return sorted(sums, key=lambda label: (-sums[label], label))

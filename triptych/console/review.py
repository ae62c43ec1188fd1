"""The Review page: one document after the other, one key a label."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from records.record import Record
from records.reviews import NONE_OF_THESE
from triptych.console import views
from triptych.console.context import Console, Here

router = APIRouter(prefix="/review")

KEYS = "123456789abcdefghimopqstxyz"
"""Keys of the labels, in their order. Left out: what means something already, such as u for undo."""

_COUNTED = 200
"""Counting reads what it counts: beyond this, "200+" is told."""

Document = Annotated[str, Form()]


@router.get("")
def page(request: Request, here: Here) -> Response:
    """The page, with the first document on it."""
    counts = here.access().reviews.counts(most=_COUNTED)
    return here.page(request, "review.html", section="review", counts=counts, **_desk(here, here.desk.current()))


@router.post("/label")
def label(request: Request, here: Here, document: Document, sequencer: Document, label: Document) -> Response:
    """Write a label, and go on with the next document."""
    return _next(request, here, labelled=here.desk.label(document, sequencer, label))


@router.post("/undo")
def undo(request: Request, here: Here) -> Response:
    """Take the last label back; its document is shown again."""
    return _next(request, here, undone=here.desk.undo())


@router.post("/skip")
def skip(request: Request, here: Here, document: Document, sequencer: Document) -> Response:
    """Leave a document without a label, and go on with the next one."""
    here.desk.skip(document, sequencer)
    return _next(request, here)


def _next(request: Request, here: Console, labelled: Record | None = None, undone: Record | None = None) -> Response:
    content = _desk(here, undone or here.desk.current(), labelled)
    return here.page(request, "review_desk.html", **content)


def _desk(here: Console, record: Record | None, labelled: Record | None = None) -> dict[str, Any]:
    """What lies on the desk. What the versions say is hidden at first: who sees it agrees too easily."""
    return {
        "card": views.cards([record])[0] if record else None,
        "record": record,
        "labels": list(zip(KEYS, record.labels(), strict=False)) if record else [],
        "none_of_them": NONE_OF_THESE,
        "pages": max((said.pages for said in record.answered().values()), default=1) if record else 0,
        "ahead": [views.picture_address(later, "large") for later in here.desk.ahead()],
        "last": views.cards([labelled])[0] if labelled else None,
        "done": len(here.desk.done),
        "pace": here.desk.pace(),
    }

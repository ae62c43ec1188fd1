"""The Review page: one document at a time, with a key for each of the first labels and a field to type any label."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from records.labels import NONE_OF_THESE
from records.record import Record
from triptych.console import views
from triptych.console.context import Console, CurrentConsole
from triptych.review.label_search import describe_matches, find_labels
from triptych.review.reviews import CannotReview

router = APIRouter(prefix="/review")

LABEL_KEYS = "123456789abcdefghimopqstxyz"
"""Keys of the labels, in order. Keys with another meaning, such as u for undo, are omitted."""

_MAX_COUNT = 200
"""Upper bound of displayed counts, because counting reads the counted records. Larger counts appear as "200+"."""

DocumentField = Annotated[str, Form()]


@router.get("")
def review_page(request: Request, console: CurrentConsole) -> Response:
    """Return the page with the current document."""
    counts = console.access().reviews.counts(most=_MAX_COUNT)
    content = _session_context(console, console.review_session.current())
    return console.page(request, "review.html", section="review", counts=counts, **content)


@router.post("/label")
def label_current(
    request: Request, console: CurrentConsole, document: DocumentField, sequencer: DocumentField, label: DocumentField
) -> Response:
    """Write a label and return the next document."""
    return _next(request, console, labelled=console.review_session.label(document, sequencer, label))


@router.post("/typed")
def label_with_typed_text(
    request: Request, console: CurrentConsole, document: DocumentField, sequencer: DocumentField, text: DocumentField
) -> Response:
    """Write the label that a typed text identifies, and return the next document.

    Raises:
        CannotReview: The text identifies no label, or several.
    """
    record = console.access().reviews.find(document, sequencer)
    found = find_labels(text, [*record.labels(), NONE_OF_THESE]) if record else []
    if len(found) != 1:
        raise CannotReview(describe_matches(text, found))
    return _next(request, console, labelled=console.review_session.label(document, sequencer, found[0]))


@router.post("/undo")
def undo_label(request: Request, console: CurrentConsole) -> Response:
    """Undo the last label and return its document."""
    return _next(request, console, undone=console.review_session.undo())


@router.post("/skip")
def skip_document(
    request: Request, console: CurrentConsole, document: DocumentField, sequencer: DocumentField
) -> Response:
    """Skip a document and return the next one."""
    console.review_session.skip(document, sequencer)
    return _next(request, console)


def _next(request: Request, console: Console, labelled: Record | None = None, undone: Record | None = None) -> Response:
    content = _session_context(console, undone or console.review_session.current(), labelled)
    return console.page(request, "review_session.html", **content)


def _session_context(console: Console, record: Record | None, labelled: Record | None = None) -> dict[str, Any]:
    """Return the variables of the template. Predictions are hidden at first, because they bias reviewers."""
    session = console.review_session
    labels = record.labels() if record else []
    return {
        "card": views.make_cards([record])[0] if record else None,
        "record": record,
        "reason": session.reason(),
        "labels": list(zip(LABEL_KEYS, labels, strict=False)),
        "typed_labels": [*labels, NONE_OF_THESE] if len(labels) > len(LABEL_KEYS) else [],
        "none_of_these": NONE_OF_THESE,
        "pages": max((prediction.pages for prediction in record.answered().values()), default=1) if record else 0,
        "preloaded": [views.picture_url(upcoming, "large") for upcoming in session.upcoming()],
        "last": views.make_cards([labelled])[0] if labelled else None,
        "labelled_count": len(session.labelled),
        "pace": session.documents_per_hour(),
    }

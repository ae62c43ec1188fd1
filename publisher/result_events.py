"""Result events: one for each change of a record. docs/result-event.schema.json is their schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.keys import timestamp
from records.outcomes import Outcome, Prediction
from records.policy import POLICY_KEY
from records.record import Record, Status

SOURCE = "triptych"
"""The source of the events, by which rules select them."""

REVIEWED = "Document Reviewed"

_DETAIL_TYPES = {
    Status.COMPLETE: "Document Classified",
    Status.PARTIAL: "Document Partial",
    Status.REJECTED: "Document Rejected",
    Status.FAILED: "Document Failed",
}


@dataclass(frozen=True)
class ResultEvent:
    """One event.

    Attributes:
        detail_type: What happened.
        time: When the record was written.
        detail: The content, as plain JSON values. Its `id` is the same whenever the event is sent again.
    """

    detail_type: str
    time: datetime
    detail: Mapping[str, Any]


def result_event(item: Mapping[str, Any], previous: Mapping[str, Any] | None, *, stack: str) -> ResultEvent | None:
    """Return the event about a written item, or None if the item is not a record.

    Args:
        item: The item.
        previous: The item that it replaced, if any.
        stack: Name of the stack.

    Raises:
        KeyError: A field of the record is missing.
        ValueError: A field of the record is invalid.
    """
    if item["document"] == POLICY_KEY:
        return None
    record = Record.from_item(item)
    reviewed = item.get("review") != (previous or {}).get("review")
    at = record.review.at if reviewed and record.review else record.classified_at
    return ResultEvent(REVIEWED if reviewed else _DETAIL_TYPES[record.status], at, _detail(record, stack))


def _detail(record: Record, stack: str) -> dict[str, Any]:
    upload, verdict = record.upload, record.verdict
    content: dict[str, Any] = {
        "id": f"{upload.document}:{upload.sort_key}:{record.revision}",
        "stack": stack,
        "document": upload.document,
        "sequencer": upload.sort_key,
        "revision": record.revision,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "etag": upload.etag,
        "size": upload.size,
        "status": str(record.status),
        "final": record.final,
        "label": verdict.label if verdict else None,
        "confidence": round(verdict.confidence, 6) if verdict else None,
        "agreement": str(verdict.agreement) if verdict else None,
        "needs_review": verdict.needs_review if verdict else False,
        "review_reasons": list(verdict.review_reasons) if verdict else [],
        "policy": record.policy or None,
        "audit": record.audit,
        "review": {"label": record.review.label, "by": record.review.by, "at": timestamp(record.review.at)}
        if record.review
        else None,
        "reason": {"kind": record.reason.kind, "detail": record.reason.detail} if record.reason else None,
        "parent": record.parent.document if record.parent else None,
        "predictions": {version: _summary(outcome) for version, outcome in record.predictions.items()},
        "event_time": timestamp(upload.event_time),
        "classified_at": timestamp(record.classified_at),
        "latency_ms": round(record.latency_ms, 1),
        "trace_id": record.trace_id or None,
    }
    return {name: value for name, value in content.items() if value is not None}


def _summary(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome without the probabilities of all labels."""
    if isinstance(outcome, Prediction):
        return {"label": outcome.label, "confidence": round(outcome.confidence, 6), "abstained": outcome.abstained}
    return {"error": str(outcome.kind)}

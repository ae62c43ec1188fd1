"""The rows of a record in the tables for analysts, with plain values.

    records       one row for each upload: verdict, status, current label
    predictions   one row for each upload and version: prediction or failure
    labels        one row for each label, replaced ones included

Rows of the three tables join on `document` and `sequencer`. `triptych.tables.schemas` defines the columns of an export,
`AnalyticsRevisions` in template.yaml those for Athena.
"""

from collections.abc import Iterator
from typing import Any

from records.outcomes import Prediction
from records.record import Record
from records.reviews import Review

Row = dict[str, Any]

KEY_COLUMNS = ("document", "sequencer", "event_time")
"""Columns that all tables have."""


def rows_of(record: Record) -> dict[str, list[Row]]:
    """Return the rows of a record by table."""
    return {
        "records": [_record_row(record)],
        "predictions": list(_prediction_rows(record)),
        "labels": list(_label_rows(record)),
    }


def revision_row(record: Record) -> Row:
    """Return the row of a record in `records`, with its rows in the other tables as lists within it."""
    rows = rows_of(record)
    [row] = rows.pop("records")
    return row | {table: [_without_key(each) for each in nested] for table, nested in rows.items()}


def _record_row(record: Record) -> Row:
    upload, verdict, reason, review = record.upload, record.verdict, record.reason, record.review
    return {
        "document": upload.document,
        "sequencer": upload.sort_key,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "etag": upload.etag,
        "size": upload.size,
        "event_time": upload.event_time,
        "classified_at": record.classified_at,
        "revision": record.revision,
        "status": str(record.status),
        "label": verdict.label if verdict else None,
        "confidence": verdict.confidence if verdict else None,
        "agreement": str(verdict.agreement) if verdict else None,
        "needs_review": verdict.needs_review if verdict else False,
        "review_reasons": ",".join(verdict.review_reasons) if verdict else "",
        "policy": record.policy or None,
        "audit": record.audit,
        "reason_kind": reason.kind if reason else None,
        "reason_detail": reason.detail if reason else None,
        "reviewed_label": review.label if review else None,
        "reviewed_by": review.by if review else None,
        "reviewed_at": review.at if review else None,
        "latency_ms": record.latency_ms,
        "backfilled": upload.backfilled,
        "parent": record.parent.document if record.parent else None,
        "trace_id": record.trace_id or None,
    }


def _prediction_rows(record: Record) -> Iterator[Row]:
    for version, outcome in record.predictions.items():
        answer = outcome if isinstance(outcome, Prediction) else None
        yield {
            **_key(record),
            "version": version,
            "label": answer.label if answer else None,
            "confidence": answer.confidence if answer else None,
            "abstained": answer.abstained if answer else None,
            "pages": answer.pages if answer else None,
            "latency_ms": outcome.latency_ms,
            "model_sha256": answer.model_sha256 if answer else None,
            "error": None if isinstance(outcome, Prediction) else str(outcome.kind),
        }


def _label_rows(record: Record) -> Iterator[Row]:
    for review in record.earlier_reviews:
        yield _label_row(record, review, current=False)
    if record.review:
        yield _label_row(record, record.review, current=True)


def _label_row(record: Record, review: Review, *, current: bool) -> Row:
    return {
        **_key(record),
        "label": review.label,
        "by": review.by,
        "at": review.at,
        "current": current,
        "queue": str(review.queue),
        "seconds": review.seconds,
        "draw_queue": str(review.draw.queue) if review.draw else None,
        "draw_probability": review.draw.probability if review.draw else None,
    }


def _key(record: Record) -> Row:
    upload = record.upload
    return {"document": upload.document, "sequencer": upload.sort_key, "event_time": upload.event_time}


def _without_key(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in KEY_COLUMNS}

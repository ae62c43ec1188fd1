"""The columns of the tables, and the rows of a record in each.

    records       one row for each upload: verdict, status, current label
    predictions   one row for each upload and version: prediction or failure
    labels        one row for each label, replaced ones included

Rows of the three tables join on `document` and `sequencer`.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from records.outcomes import Prediction
from records.record import Record
from records.reviews import Review

_TIME = pa.timestamp("ms", tz="UTC")
_KEY: list[tuple[str, pa.DataType]] = [("document", pa.string()), ("sequencer", pa.string())]

SCHEMAS: dict[str, pa.Schema] = {
    "records": pa.schema(
        [
            *_KEY,
            ("bucket", pa.string()),
            ("key", pa.string()),
            ("version_id", pa.string()),
            ("etag", pa.string()),
            ("size", pa.int64()),
            ("event_time", _TIME),
            ("classified_at", _TIME),
            ("revision", pa.int32()),
            ("status", pa.string()),
            ("label", pa.string()),
            ("confidence", pa.float64()),
            ("agreement", pa.string()),
            ("needs_review", pa.bool_()),
            ("review_reasons", pa.string()),
            ("policy", pa.string()),
            ("audit", pa.bool_()),
            ("reason_kind", pa.string()),
            ("reason_detail", pa.string()),
            ("reviewed_label", pa.string()),
            ("reviewed_by", pa.string()),
            ("reviewed_at", _TIME),
            ("latency_ms", pa.float64()),
            ("backfilled", pa.bool_()),
            ("parent", pa.string()),
            ("trace_id", pa.string()),
        ]
    ),
    "predictions": pa.schema(
        [
            *_KEY,
            ("event_time", _TIME),
            ("version", pa.string()),
            ("label", pa.string()),
            ("confidence", pa.float64()),
            ("abstained", pa.bool_()),
            ("pages", pa.int32()),
            ("latency_ms", pa.float64()),
            ("model_sha256", pa.string()),
            ("error", pa.string()),
        ]
    ),
    "labels": pa.schema(
        [
            *_KEY,
            ("event_time", _TIME),
            ("label", pa.string()),
            ("by", pa.string()),
            ("at", _TIME),
            ("current", pa.bool_()),
            ("queue", pa.string()),
            ("seconds", pa.float64()),
            ("draw_queue", pa.string()),
            ("draw_probability", pa.float64()),
        ]
    ),
}
"""The columns of each table, with their types. Times are in UTC."""

Row = dict[str, Any]


def rows_of(record: Record) -> dict[str, list[Row]]:
    """Return the rows of a record by table."""
    return {
        "records": [_record_row(record)],
        "predictions": list(_prediction_rows(record)),
        "labels": list(_label_rows(record)),
    }


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
        row: Row = {**_key(record), "version": version, "latency_ms": outcome.latency_ms}
        if isinstance(outcome, Prediction):
            row |= {
                "label": outcome.label,
                "confidence": outcome.confidence,
                "abstained": outcome.abstained,
                "pages": outcome.pages,
                "model_sha256": outcome.model_sha256,
            }
        else:
            row["error"] = outcome.kind
        yield row


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

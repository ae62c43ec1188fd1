"""The columns of the tables, whose rows `records.rows` makes."""

import pyarrow as pa

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

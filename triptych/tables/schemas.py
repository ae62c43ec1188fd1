"""The columns of the tables, whose rows `records.rows` makes."""

from collections.abc import Iterable

import pyarrow as pa

from records.rows import KEY_COLUMNS

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


def _nested(schema: pa.Schema) -> pa.DataType:
    """Return the type of the rows of a table within a row of `revisions`, which has the columns of the key itself."""
    columns: Iterable[pa.Field[pa.DataType]] = [field for field in schema if field.name not in KEY_COLUMNS]
    return pa.list_(pa.struct(list(columns)))


REVISIONS: pa.Schema = pa.schema(
    [
        *SCHEMAS["records"],
        pa.field("predictions", _nested(SCHEMAS["predictions"])),
        pa.field("labels", _nested(SCHEMAS["labels"])),
    ]
)
"""The columns of the table `revisions` of Analytics=events."""

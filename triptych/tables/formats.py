"""The formats of an export."""

from enum import StrEnum


class TableFormat(StrEnum):
    """Format of the files."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"

"""Keys and values as DynamoDB stores them: shards of an index, times as text, numbers as Decimals."""

import math
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

SHARDS = 8
"""Number of write shards of an index key. After a change, queries miss older records until they are written again."""

ALL = "all"
"""Key value of the index that contains every record."""


def shard_of(document: str) -> int:
    """Return the shard of a document, which is the same in every process (unlike `hash`)."""
    return zlib.crc32(document.encode()) % SHARDS


def shard_key(value: str, shard: int) -> str:
    """Return the partition key of an index, such as `invoice#3`."""
    return f"{value}#{shard}"


def timestamp(moment: datetime) -> str:
    """Return the time as ISO 8601 text in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decimals(value: Any) -> Any:
    """Return plain JSON values with floats replaced by Decimals, which boto3 requires.

    The conversion goes through `repr`, so that 0.1 stays 0.1.

    Raises:
        ValueError: A number is infinite or NaN.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"cannot store {value}: only finite numbers can be stored")
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: decimals(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [decimals(inner) for inner in value]
    return value

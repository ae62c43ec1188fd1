"""Keys and values as the table takes them: shards of an index, times as text, numbers as Decimals."""

import math
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

SHARDS = 8
"""Write shards of an index key. Changing it hides older records from queries until they are written again."""

ALL = "all"
"""Value of the index in which every record stands."""


def shard_of(document: str) -> int:
    """The shard of a document's name: the same on every machine and in every Python (so no `hash`)."""
    return zlib.crc32(document.encode()) % SHARDS


def shard_key(value: str, shard: int) -> str:
    """An index's partition key, such as `invoice#3`."""
    return f"{value}#{shard}"


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decimals(value: Any) -> Any:
    """Plain JSON values with floats as Decimals, for boto3 takes no float. Through `repr`, so that 0.1 stays 0.1."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that a record can hold")
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: decimals(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [decimals(inner) for inner in value]
    return value

"""Protects: no document, and no single version, makes a record larger than an item of DynamoDB may be: 400 KB.

A record that cannot be written would be a dead letter that no redrive can finish.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestrator.answers import MAX_ANSWER_BYTES
from records.conversions import MAX_DESCENDANTS, MAX_LISTED, ConversionSummary
from records.derived import member_key
from records.reviews import MAX_EARLIER_REVIEWS, Draw, Queue, Review
from tests.support.uploads import NOON, prediction, record, upload

MAX_ITEM_BYTES = 400 * 1024


def item_size(value: Any) -> int:
    """Return the size of a value in an item (DynamoDB Developer Guide, "Item sizes and formats")."""
    if isinstance(value, Mapping):
        return 3 + sum(len(name.encode()) + item_size(content) + 1 for name, content in value.items())
    if isinstance(value, (list, tuple)):
        return 3 + sum(item_size(content) + 1 for content in value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return len(Decimal(value).as_tuple().digits) // 2 + 2
    return len(value.encode()) if isinstance(value, str) else 1


def test_largest_record_fits_into_an_item() -> None:
    """A message with 1,000 attachments of long names, labelled fifty times, and one version that answers too much."""
    probabilities = {f"{number:05}{'x' * 95}": 0.000123 for number in range(MAX_ANSWER_BYTES // 114)}
    assert len(json.dumps(probabilities)) < MAX_ANSWER_BYTES < len(json.dumps(probabilities)) * 1.02
    of = upload(f"{'k' * 1000}.eml")
    members = tuple(member_key(of, number, "\U0001d518" * 200 + ".pdf") for number in range(1, MAX_DESCENDANTS + 1))
    skipped = tuple(("\U0001d518" * 200, "r" * 200) for _ in range(MAX_LISTED))
    draw = Draw(Queue.EVIDENCE, 0.123456, since=NOON, phase=("v1:v2", "v1:v3", "v2:v3"))
    labels = [Review("l" * 100, "b" * 100, NOON, Queue.EVIDENCE, 12.3, draw) for _ in range(MAX_EARLIER_REVIEWS + 1)]

    largest = record(
        {"v1": prediction(), "v2": prediction(probabilities=probabilities), "v3": prediction()},
        of,
        conversion=ConversionSummary("eml", 1234.5, "_triptych/pages/" + "0" * 32, members, skipped),
        review=labels[0],
        earlier_reviews=tuple(labels[1:]),
    )

    assert item_size(largest.to_item()) < MAX_ITEM_BYTES

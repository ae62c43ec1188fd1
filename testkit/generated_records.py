"""A table of generated records, for pages and statistics that need more of them than anyone uploads."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import Progress

from records.assembly import with_verdict
from records.keys import SHARDS, shard_key, timestamp
from records.outcomes import Prediction
from records.policy import DEFAULT_POLICY
from records.record import Record, Status
from records.reviews import Draw, Queue, Review
from records.uploads import Upload
from testkit.template import table_definition
from triptych.storage.connection import StackConnection

LABELS = (
    "book_page", "form", "handwritten", "invoice", "receipt", "resume", "scientific_paper", "slides", "typewritten",
)  # fmt: skip
SKILL = {"v1": 0.72, "v2": 0.88, "v3": 0.94}
"""The accuracy that each version roughly has."""

SPAN = timedelta(days=30)
"""The time before now over which the records are spread."""

VARIANTS = 1000
"""Records that are generated in full. Every other differs from one of them only by name, time and shard."""

_WRITERS = 8
_BATCH = 25
"""Items that one BatchWriteItem takes."""

_STRIDE = 611_953
"""A prime that divides no practical number of records, so that its multiples reach each of them once."""


def fill_table(connection: StackConnection, number: int, *, labelled: float, console: Console) -> float:
    """Create the connection's table and fill it with records, unless the table exists.

    Args:
        connection: Names the table and where it is.
        number: Number of records, spread evenly over `SPAN` up to now.
        labelled: Share of the records in a queue that a reviewer has labelled.
        console: Where progress is shown.

    Returns:
        Seconds that it took; 0 if the table existed.
    """
    client = connection.session.client(
        "dynamodb",
        endpoint_url=connection.endpoint_url,
        config=Config(max_pool_connections=_WRITERS, parameter_validation=False),
    )
    with suppress(ClientError):
        client.create_table(**table_definition(connection.table_name))
        client.get_waiter("table_exists").wait(TableName=connection.table_name)
        started = time.monotonic()
        bar_hidden = not console.is_terminal
        with (
            Progress(console=console, transient=True, disable=bar_hidden) as progress,
            ThreadPoolExecutor(_WRITERS) as pool,
        ):
            bar = progress.add_task("records", total=number)

            def write(batch: list[dict[str, Any]]) -> None:
                unprocessed: Any = {connection.table_name: [{"PutRequest": {"Item": item}} for item in batch]}
                while unprocessed:
                    unprocessed = client.batch_write_item(RequestItems=unprocessed).get("UnprocessedItems")
                progress.advance(bar, len(batch))

            batches = _batches(items(number, labelled))
            while group := list(islice(batches, 4 * _WRITERS)):  # keeps memory small
                list(pool.map(write, group))
        return time.monotonic() - started
    return 0.0


def items(number: int, labelled: float) -> Iterator[dict[str, Any]]:
    """Yield records as items of DynamoDB's wire format.

    Serializing a million different records would take long, so a few are serialized and then varied. They come in no
    order of time, so that an interrupted run still covers the whole span.
    """
    rng = random.Random(7)
    serialize = TypeSerializer().serialize
    now = datetime.now(UTC)
    variants = [_record(rng, variant, labelled).to_item() for variant in range(VARIANTS)]
    serialized = [{name: serialize(value) for name, value in variant.items()} for variant in variants]
    for turn in range(number):
        n = turn * _STRIDE % number
        variant = variants[n % VARIANTS]
        key = f"scan-{n:07}.pdf"
        at = timestamp(now - SPAN * ((number - n) / number))
        changes = {"document": f"inbox/{key}", "key": key, "event_time": at, "classified_at": at}
        for index in ("time_shard", "label_shard", "status_shard", "review_shard"):
            if index in variant:
                changes[index] = shard_key(variant[index].split("#")[0], n % SHARDS)
        yield {**serialized[n % VARIANTS], **{name: {"S": value} for name, value in changes.items()}}


def _batches(source: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(source, _BATCH)):
        yield batch


def _record(rng: random.Random, number: int, labelled: float) -> Record:
    truth = rng.choice(LABELS)
    predictions = {version: _prediction(rng, truth, skill) for version, skill in SKILL.items()}
    upload = Upload(
        "inbox", "scan.pdf", f"{number:016X}", datetime.now(UTC), 100_000, etag="0" * 32, version_id="0" * 32
    )
    record = with_verdict(
        Record(upload, Status.COMPLETE, predictions, None, None, datetime.now(UTC), 80.0, "1-0-0"), DEFAULT_POLICY
    )
    if record.queue and rng.random() < labelled:
        record = record.with_review(Review(truth, "generated", datetime.now(UTC), record.queue, 4.0, _draw(record)))
    return record


def _draw(record: Record) -> Draw:
    """Return the draw of a label: as evidence on all pairs if versions differ."""
    if record.differing:
        return Draw(Queue.EVIDENCE, 1.0, phase=tuple(":".join(pair) for pair in combinations(sorted(SKILL), 2)))
    return Draw(record.queue or Queue.OTHER, 1.0)


def _prediction(rng: random.Random, truth: str, skill: float) -> Prediction:
    """Draw a confidence, and the right label with that probability: the predictions are roughly calibrated."""
    confidence = 0.4 + 0.59 * rng.betavariate(8 * skill, 8 * (1 - skill))
    label = truth if rng.random() < confidence else rng.choice(LABELS)
    rest = (1 - confidence) / (len(LABELS) - 1)
    probabilities = {name: confidence if name == label else rest for name in LABELS}
    latency = rng.uniform(30, 120)
    timings = {"queue": 0.4, "decode": latency / 2, "infer": latency / 3, "total": latency * 0.9}
    return Prediction(label, confidence, probabilities, confidence < 0.6, 1, "ab" * 32, latency, timings)

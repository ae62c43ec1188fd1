"""The order in which documents are reviewed: three queues, each a random sample, and why a document is asked for."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from records.keys import shard_of
from records.record import Record, Verdict
from records.reviews import Draw, Queue
from records.uploads import audit_number
from records.verdict import DOUBTFUL, UNCORROBORATED, UNSURE, UNTRUSTED
from triptych.review.focus import Focus, OpenPair


@dataclass(frozen=True)
class Deal:
    """A document to label next.

    Attributes:
        record: Its record.
        draw: How it was drawn, which belongs into its label.
        reason: Why it is asked for, in one line that does not reveal any prediction.
    """

    record: Record
    draw: Draw
    reason: str


@dataclass(frozen=True)
class Window:
    """Waiting records of a period, from one or more queues of the index.

    Attributes:
        records: The records.
        since: Start of the period, by time of upload; None if all waiting records were read.
    """

    records: Sequence[Record]
    since: datetime | None

    @classmethod
    def of(cls, records: Iterable[Record], limit: int) -> "Window":
        """Return the period that the newest records of each shard cover completely.

        Args:
            records: At most `limit` of the newest waiting records of each shard of one queue.
            limit: Number of records at which older ones of a shard may be missing.
        """
        by_shard: dict[int, list[Record]] = {}
        for record in records:
            by_shard.setdefault(shard_of(record.upload.document), []).append(record)
        full = [shard for shard in by_shard.values() if len(shard) >= limit]
        since = max((min(each.upload.event_time for each in shard) for shard in full), default=None)
        return cls([each for shard in by_shard.values() for each in shard], since)

    @classmethod
    def together(cls, windows: Sequence["Window"]) -> "Window":
        """Return the period that all windows cover."""
        since = max((window.since for window in windows if window.since), default=None)
        records = [record for window in windows for record in window.records]
        return cls([record for record in records if since is None or record.upload.event_time >= since], since)


def queues_to_read(focus: Focus, only: Queue | None = None) -> tuple[Queue, ...]:
    """Return the queues of the index whose waiting records `deal` needs.

    Evidence needs all, because records in the other queues differ as well. Without an open pair, there is no evidence.
    """
    if focus and only in (None, Queue.EVIDENCE):
        return Queue.REVIEW, Queue.EVIDENCE, Queue.AUDIT
    return (Queue.REVIEW, Queue.AUDIT) if only is None else (only,)


def deal(windows: Mapping[Queue, Window], focus: Focus, limit: int, only: Queue | None = None) -> list[Deal]:
    """Return the documents to label next: doubtful ones, evidence and audits in turn, each in pseudorandom order.

    The evidence queue contains every document on which the versions of an open pair differ, also if its verdict is
    doubtful or audited. So its documents are a random sample of these disagreements, and labels count for these pairs.

    Args:
        windows: Waiting records by queue of the index, of `queues_to_read`.
        focus: The open pairs.
        limit: Maximum number of documents.
        only: Restricts the documents to one queue.
    """
    everything = Window.together(list(windows.values()))
    differing = [record for record in everything.records if any(pair.differ(record) for pair in focus)]
    phase = tuple(pair.name for pair in focus)
    queues = {**windows, Queue.EVIDENCE: Window(differing, everything.since)}
    dealt = [
        _draw(queue, queues[queue], focus, phase if queue is Queue.EVIDENCE else ())
        for queue in ((Queue.REVIEW, Queue.EVIDENCE, Queue.AUDIT) if only is None else (only,))
    ]
    chosen: dict[str, Deal] = {}
    for each in itertools.chain.from_iterable(itertools.zip_longest(*dealt)):
        if each and len(chosen) < limit:
            chosen.setdefault(f"{each.record.upload.document}\n{each.record.upload.sort_key}", each)
    return list(chosen.values())


def _draw(queue: Queue, window: Window, focus: Focus, phase: tuple[str, ...]) -> list[Deal]:
    """Return all documents of a queue, in the order of their pseudorandom numbers."""
    ordered = sorted(window.records, key=lambda each: audit_number(each.upload.document, each.upload.sort_key))
    return [
        Deal(record, Draw(queue, number / len(ordered), window.since, phase), explain(queue, record, focus))
        for number, record in enumerate(ordered, 1)
    ]


def explain(queue: Queue, record: Record, focus: Focus) -> str:
    """Return in one line why a document is asked for, such as "v2 and v3 differ here; 41 more labels settle it."."""
    if queue is Queue.AUDIT:
        return "Audit: selected at random, to find out how often verdicts without doubt are wrong."
    pairs = [pair for pair in focus if pair.differ(record)]
    if queue is Queue.EVIDENCE and pairs:
        return _explain_pair(max(pairs, key=lambda pair: pair.more_labels or float("inf")))
    return _explain_doubt(record.verdict) if record.verdict else ""


def _explain_doubt(verdict: Verdict) -> str:
    meanings = {
        DOUBTFUL: f"its confidence is {100 * verdict.confidence:.0f} %",
        UNSURE: "at least half of the versions abstain",
        UNCORROBORATED: "only one version returned a prediction",
        UNTRUSTED: "no version with a vote returned a prediction",
    }
    reasons = [meanings.get(reason, reason) for reason in verdict.review_reasons]
    return f"Doubt: the verdict may be wrong, because {' and '.join(reasons)}."


def _explain_pair(pair: OpenPair) -> str:
    if pair.more_labels is None:
        return f"{pair.first} and {pair.second} differ here; many more labels are needed to settle which is better."
    labels = "1 more label settles" if pair.more_labels == 1 else f"{pair.more_labels} more labels settle"
    return f"{pair.first} and {pair.second} differ here; about {labels} it."

"""View models: records prepared for display, and the filters that format values in templates."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Literal
from urllib.parse import urlencode

from records.outcomes import ModelFailure, Outcome, Prediction
from records.record import Record, Status
from records.reviews import Queue

Stance = Literal["agrees", "abstains", "differs", "failed", "absent"]
"""Relation of a version's outcome to the verdict. `abstains` agrees, with a confidence below its own threshold."""

STANCES: dict[Stance, str] = {
    "agrees": "agrees",
    "abstains": "agrees, but abstains",
    "differs": "disagrees",
    "failed": "failed",
    "absent": "not called",
}
"""Description of each stance, for screen readers."""

COLOURS = 6
"""Number of version colours in the style sheet. Further versions reuse them."""


@dataclass(frozen=True)
class LabelProbability:
    """A label and its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Panel:
    """Outcome of one version.

    Attributes:
        version: Name of the version.
        colour: Number of its colour, from 1.
        stance: Relation to the verdict.
        probabilities: Probabilities, highest first; empty without a prediction.
        problem: Why there is no prediction, in a word or two.
        detail: The reason as a sentence.
        latency_ms: Latency of the call.
    """

    version: str
    colour: int
    stance: Stance
    probabilities: Sequence[LabelProbability]
    problem: str
    detail: str
    latency_ms: float

    @classmethod
    def from_outcome(cls, version: str, index: int, outcome: Outcome | None, verdict: str | None) -> "Panel":
        """Return the panel of an outcome; `index` is its position from the left and determines the colour."""
        colour = index % COLOURS + 1
        if isinstance(outcome, Prediction):
            ranked = sorted(outcome.probabilities.items(), key=lambda pair: -pair[1])
            stance: Stance = "differs" if outcome.label != verdict else "abstains" if outcome.abstained else "agrees"
            probabilities = [LabelProbability(*pair) for pair in ranked]
            return cls(version, colour, stance, probabilities, "", "", outcome.latency_ms)
        if isinstance(outcome, ModelFailure):
            problem = (outcome.problem or outcome.kind).replace("-", " ")
            return cls(version, colour, "failed", (), problem, outcome.detail, outcome.latency_ms)
        return cls(version, colour, "absent", (), "not called", "", 0.0)


@dataclass(frozen=True)
class Card:
    """A record in a list."""

    record: Record
    panels: Sequence[Panel]

    @classmethod
    def from_record(cls, record: Record, versions: Sequence[str]) -> "Card":
        """Return the card of a record, with one panel for each version in the given order."""
        verdict = record.verdict.label if record.verdict else None
        outcomes = record.predictions
        panels = [Panel.from_outcome(name, index, outcomes.get(name), verdict) for index, name in enumerate(versions)]
        return cls(record, panels)

    @property
    def id(self) -> str:
        """Stable HTML id."""
        return "d" + hashlib.sha256(upload_id(self.record).encode()).hexdigest()[:16]

    @property
    def url(self) -> str:
        """Address of the document's page."""
        return f"/document?{_upload_query(self.record)}"

    @property
    def headline(self) -> str:
        """Label of the verdict, or the status if there is no verdict."""
        return self.record.verdict.label if self.record.verdict else str(self.record.status).lower()

    @property
    def agreement(self) -> str:
        """Agreement of the versions, with their label if the verdict has another one; empty without a verdict."""
        if not self.record.verdict:
            return ""
        overruled = self.record.overruled_label
        agreement = str(self.record.verdict.agreement)
        return f"{agreement} for {format_label(overruled)}" if overruled else agreement

    @property
    def notes(self) -> list[str]:
        """Notes on the verdict, such as `partial` or `needs review: disagreement`."""
        notes = []
        if self.record.verdict and self.record.status is not Status.COMPLETE:
            notes.append(str(self.record.status).lower())
        if self.record.review:
            notes.append("labelled")
        elif self.record.verdict and self.record.verdict.needs_review:
            notes += [f"needs review: {reason}" for reason in self.record.verdict.review_reasons]
        elif self.record.queue is Queue.EVIDENCE:
            notes.append("evidence: versions differ")
        elif self.record.queue:
            notes.append("audit sample")
        return notes

    def picture(self, size: str = "small", page: int = 0) -> str:
        """Return the address of a page's picture."""
        return picture_url(self.record, size, page)


def upload_id(record: Record) -> str:
    """Return a unique identifier of the record's upload."""
    return f"{record.upload.document}\n{record.upload.sort_key}"


def picture_url(record: Record, size: str, page: int = 0) -> str:
    """Return the address of a page's picture. It names the rotations, which may change until the record is final."""
    rotated = ",".join(map(str, record.rotations()))
    return f"/picture?{_upload_query(record)}&size={size}&page={page}" + (f"&rotated={rotated}" if rotated else "")


def _upload_query(record: Record) -> str:
    return urlencode({"document": record.upload.document, "sequencer": record.upload.sort_key})


def make_cards(records: Sequence[Record]) -> list[Card]:
    """Return the cards of records in one list. All have the same panels: one for each version of any record."""
    versions = sorted({version for record in records for version in record.predictions})
    return [Card.from_record(record, versions) for record in records]


def summarize_records(records: Sequence[Record]) -> list[str]:
    """Return statistics of the records on a page, such as `24 shown` and `3 partial`."""
    verdicts = [record.verdict for record in records if record.verdict]
    waiting = sum(record.queue is Queue.REVIEW for record in records)
    evidence = sum(record.queue is Queue.EVIDENCE for record in records)
    statuses = Counter(record.status for record in records)
    parts = [f"{len(records)} shown"]
    if verdicts:
        parts.append(f"{sum(verdict.agreement == 'unanimous' for verdict in verdicts)} unanimous")
    if waiting:
        parts.append(f"{waiting} to review")
    if evidence:
        parts.append(f"{evidence} for evidence")
    parts += [
        f"{statuses[status]} {str(status).lower()}"
        for status in (Status.PARTIAL, Status.FAILED, Status.REJECTED)
        if statuses[status]
    ]
    if records:
        parts.append(f"p50 {median(record.latency_ms for record in records):.0f} ms")
    return parts


@dataclass(frozen=True)
class Span:
    """A bar of the waterfall chart, `length` milliseconds long, `start` milliseconds after the upload."""

    name: str
    start: float
    length: float
    kind: str
    colour: int = 0


def waterfall(record: Record) -> list[Span]:
    """Return where the time went, from the S3 event to the record.

    A record stores durations but not start times. The calls are concurrent and end before the record is written, so
    they are drawn with a common start, as late as the longest call allows. For a record that a retry completed, only
    the last attempt is drawn.
    """
    latencies = {name: outcome.latency_ms for name, outcome in record.predictions.items()}
    longest = min(max(latencies.values(), default=0.0), record.latency_ms)
    before = record.latency_ms - longest
    delivery = (record.classified_at - record.upload.event_time) / timedelta(milliseconds=1) - record.latency_ms
    arrival = max(0.0, delivery) if record.revision == 1 else 0.0
    spans = [Span("S3 to orchestrator", 0.0, arrival, "delivery")] if arrival else []
    spans.append(Span("orchestrator", arrival, record.latency_ms, "total"))
    if not latencies:
        return spans
    converting = min(record.conversion.latency_ms, before) if record.conversion else 0.0
    spans.append(Span("read object", arrival, before - converting, "read"))
    if converting:
        spans.append(Span("convert", arrival + before - converting, converting, "read"))
    for index, version in enumerate(sorted(latencies)):
        spans += _call_spans(version, index % COLOURS + 1, arrival + before, record.predictions[version])
    return spans


def _call_spans(version: str, colour: int, start: float, outcome: Outcome) -> Iterator[Span]:
    yield Span(version, start, outcome.latency_ms, "call", colour)
    if isinstance(outcome, Prediction):
        parts: Mapping[str, float] = {
            name: outcome.timings_ms[name] for name in ("decode", "infer") if name in outcome.timings_ms
        }
        at = start + max(0.0, outcome.latency_ms - outcome.timings_ms.get("total", sum(parts.values()))) / 2
        for name, length in parts.items():
            yield Span(f"{version} {name}", at, length, name, colour)
            at += length


# Template filters.


def format_percent(share: float | None) -> str:
    """Return whole percent: `100` only for a share of 1, `<1` for small positive shares, a dash for None."""
    if share is None:
        return "\N{EN DASH}"
    if 0 < share < 0.005:
        return "<1\N{NARROW NO-BREAK SPACE}%"
    return f"{min(99, round(share * 100)) if share < 1 else 100}\N{NARROW NO-BREAK SPACE}%"


def format_duration(milliseconds: float) -> str:
    """Return a duration such as `40 ms` or `1.5 s`."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def format_size(size: int | None) -> str:
    """Return a number of bytes such as `12 KB`, or `unknown size` for None."""
    if size is None:
        return "unknown size"
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size = round(size / 1000)
    return f"{size} GB"


def format_label(label: str) -> str:
    """Return a label with spaces: `scientific_paper` becomes `scientific paper`."""
    return label.replace("_", " ")


def format_p_value(p: float | None) -> str:
    """Return a p-value with three decimals, never zero; a dash for None."""
    if p is None:
        return "\N{EN DASH}"
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def format_age(moment: datetime, now: datetime | None = None) -> str:
    """Return the time since a moment in its largest unit, such as `3 min ago`."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago" if seconds else "just now"

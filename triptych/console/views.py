"""Records as pages show them: words, shares and addresses, so that templates only place them."""

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
from triptych.terminal.record_views import version_names

Stance = Literal["agrees", "differs", "doubts", "fails", "absent"]
"""How a version stands to the verdict; `doubts` is one that agrees without being sure."""

COLOURS = 6
"""Colours for versions that the style sheet has; more versions share them."""


@dataclass(frozen=True)
class Guess:
    """A label and its probability, 0 to 1."""

    label: str
    share: float


@dataclass(frozen=True)
class Panel:
    """What one version said, or why it said nothing."""

    version: str
    colour: int
    stance: Stance
    guesses: Sequence[Guess]
    """Likeliest first; empty for a version that said nothing."""
    problem: str
    detail: str
    latency_ms: float

    @classmethod
    def of(cls, version: str, number: int, said: Outcome | None, verdict: str | None) -> "Panel":
        """The panel of the version that is the `number`th from the left."""
        colour = number % COLOURS + 1
        if isinstance(said, Prediction):
            ranked = sorted(said.probabilities.items(), key=lambda pair: -pair[1])
            stance: Stance = "differs" if said.label != verdict else "doubts" if said.abstained else "agrees"
            return cls(version, colour, stance, [Guess(*pair) for pair in ranked], "", "", said.latency_ms)
        if isinstance(said, ModelFailure):
            problem = said.problem or said.kind
            return cls(version, colour, "fails", (), problem.replace("-", " "), said.detail, said.latency_ms)
        return cls(version, colour, "absent", (), "not asked", "", 0.0)


STANCES: dict[Stance, str] = {
    "agrees": "agrees",
    "differs": "differs",
    "doubts": "agrees, unsure",
    "fails": "no answer",
    "absent": "not asked",
}


@dataclass(frozen=True)
class Card:
    """One record at a glance."""

    record: Record
    panels: Sequence[Panel]

    @classmethod
    def of(cls, record: Record, versions: Sequence[str]) -> "Card":
        """The card of a record, with one panel a version in the order given."""
        verdict = record.verdict.label if record.verdict else None
        outcomes = record.predictions
        return cls(record, [Panel.of(name, n, outcomes.get(name), verdict) for n, name in enumerate(versions)])

    @property
    def id(self) -> str:
        """An HTML id, the same each time."""
        return "d" + hashlib.sha256(identity(self.record).encode()).hexdigest()[:16]

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"/document?{_query(self.record)}"

    @property
    def headline(self) -> str:
        """The verdict, or what stands in its place."""
        return self.record.verdict.label if self.record.verdict else str(self.record.status).lower()

    @property
    def agreement(self) -> str:
        """How far the versions agree, in a word."""
        return str(self.record.verdict.agreement) if self.record.verdict else ""

    @property
    def notes(self) -> list[str]:
        """What a person should know beside the verdict."""
        notes = []
        if self.record.verdict and self.record.status is not Status.COMPLETE:
            notes.append(str(self.record.status).lower())
        if self.record.review:
            notes.append("labelled")
        elif self.record.verdict and self.record.verdict.needs_review:
            notes += [f"to review: {reason}" for reason in self.record.verdict.review_reasons]
        elif self.record.queue:
            notes.append("random check")
        return notes

    def picture(self, size: str = "small", page: int = 0) -> str:
        """The address of a page's picture."""
        return picture_address(self.record, size, page)


def identity(record: Record) -> str:
    """Tells a record from every other, as text."""
    return f"{record.upload.document}\n{record.upload.sort_key}"


def picture_address(record: Record, size: str, page: int = 0) -> str:
    """Where a page's picture is."""
    return f"/picture?{_query(record)}&size={size}&page={page}"


def _query(record: Record) -> str:
    return urlencode({"document": record.upload.document, "sequencer": record.upload.sort_key})


def cards(records: Sequence[Record]) -> list[Card]:
    """The cards of records that stand together: every one has the same panels."""
    versions = version_names(records)
    return [Card.of(record, versions) for record in records]


def summary(records: Sequence[Record]) -> list[str]:
    """How the documents on a page went, in a few words each."""
    verdicts = [record.verdict for record in records if record.verdict]
    waiting = sum(record.queue is not None for record in records)
    statuses = Counter(record.status for record in records)
    words = [f"{len(records)} shown"]
    if verdicts:
        words.append(f"{sum(verdict.agreement == 'unanimous' for verdict in verdicts)} unanimous")
    if waiting:
        words.append(f"{waiting} to review")
    words += [
        f"{statuses[status]} {str(status).lower()}"
        for status in (Status.PARTIAL, Status.FAILED, Status.REJECTED)
        if statuses[status]
    ]
    if records:
        words.append(f"{median(record.latency_ms for record in records):.0f} ms median")
    return words


@dataclass(frozen=True)
class Span:
    """A bar of the waterfall: from `start` to `start + length`, milliseconds after the upload."""

    name: str
    start: float
    length: float
    kind: str
    colour: int = 0


def waterfall(record: Record) -> list[Span]:
    """Where the time went, from S3's event to the record.

    A record holds how long things took, not when they began. The calls run at the same time and end before the record
    is written, so they are drawn to begin together, as late as the longest of them allows. A record that was finished
    by a retry shows its last attempt alone.
    """
    took = {name: said.latency_ms for name, said in record.predictions.items()}
    longest = min(max(took.values(), default=0.0), record.latency_ms)
    before = record.latency_ms - longest
    waited = (record.classified_at - record.upload.event_time) / timedelta(milliseconds=1) - record.latency_ms
    arrival = max(0.0, waited) if record.revision == 1 else 0.0
    spans = [Span("S3 to orchestrator", 0.0, arrival, "wait")] if arrival else []
    spans.append(Span("orchestrator", arrival, record.latency_ms, "whole"))
    if not took:
        return spans
    spans.append(Span("read, look up", arrival, before, "read"))
    for number, version in enumerate(sorted(took)):
        spans += _call(version, number % COLOURS + 1, arrival + before, record.predictions[version])
    return spans


def _call(version: str, colour: int, start: float, said: Outcome) -> Iterator[Span]:
    yield Span(version, start, said.latency_ms, "call", colour)
    if isinstance(said, Prediction):
        parts: Mapping[str, float] = {
            name: said.timings_ms[name] for name in ("decode", "infer") if name in said.timings_ms
        }
        at = start + max(0.0, said.latency_ms - said.timings_ms.get("total", sum(parts.values()))) / 2
        for name, length in parts.items():
            yield Span(f"{version} {name}", at, length, name, colour)
            at += length


# Filters of the templates.


def percent(share: float | None) -> str:
    """Whole percent; 100 only for certainty, for 99.6 % is not that, and `<1` for what is not nothing."""
    if share is None:
        return "\N{EN DASH}"
    if 0 < share < 0.005:
        return "<1\N{NARROW NO-BREAK SPACE}%"
    return f"{min(99, round(share * 100)) if share < 1 else 100}\N{NARROW NO-BREAK SPACE}%"


def milliseconds(value: float) -> str:
    """A duration as people read it."""
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"


def size(value: int) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value = round(value / 1000)
    return f"{value} GB"


def words(label: str) -> str:
    """A label as people write it: `scientific_paper` is a scientific paper."""
    return label.replace("_", " ")


def chance(p: float | None) -> str:
    """A p-value to three places; never zero, for none is."""
    if p is None:
        return "\N{EN DASH}"
    return f"{p:.3f}" if p >= 0.0005 else "<0.001"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago" if seconds else "just now"

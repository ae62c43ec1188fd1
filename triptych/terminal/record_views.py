"""Records as a table that a person reads at a glance, and as JSON for scripts."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from records.outcomes import ModelFailure, Outcome
from records.record import Agreement, Record, Status
from records.reviews import Queue, Review

_NARROW = 100
"""Columns of the screen below which three spelled-out labels do not fit beside the rest."""

_AGREEMENT = {"unanimous": "green", "majority": "yellow", "split": "red"}


def records_to_json(records: Iterable[Record]) -> str:
    """One JSON array, with the field names of the record."""
    return json.dumps([record.as_dict() for record in records], indent=2, ensure_ascii=False)


def versions_in(records: Iterable[Record]) -> list[str]:
    """Every version that any of the records names, in order."""
    return sorted({version for record in records for version in record.predictions})


@dataclass(frozen=True)
class RecordTable:
    """One row a document: the verdict, what each version said, how far they agree, and how long it took.

    A version that says what the verdict says is a tick and its confidence; only what differs is spelled out (where the
    screen is narrow: marked, and spelled out below), so that the eye finds it. What a person should know or do stands
    below, and a count of it all.
    """

    records: Sequence[Record]
    title: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by rich."""
        narrow = options.max_width < _NARROW
        versions = versions_in(self.records)
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=self.title, title_justify="left")
        table.add_column("Document", overflow="fold")
        table.add_column("Verdict", no_wrap=True)
        table.add_column("Sure", justify="right", no_wrap=True)
        for version in versions:
            table.add_column(version, no_wrap=True)
        table.add_column("Agreement", no_wrap=True)
        table.add_column("ms", justify="right", no_wrap=True)
        for record in self.records:
            table.add_row(*_row(record, versions, narrow))
        yield table
        yield from _notes(self.records)
        yield Text(_summary(self.records), style="dim")


def _row(record: Record, versions: Sequence[str], narrow: bool) -> list[Text]:
    verdict = record.verdict
    label = verdict.label if verdict else None
    agreement = str(verdict.agreement) if verdict else ""
    return [
        Text(record.upload.key),
        Text(label or record.status.lower(), style="bold" if label else "red"),
        Text(format_confidence(verdict.confidence) if verdict else ""),
        *(_cell(record.predictions.get(version), label, narrow) for version in versions),
        Text(agreement, style=_AGREEMENT.get(agreement, "")),
        Text(f"{record.latency_ms:.0f}"),
    ]


def _cell(said: Outcome | None, verdict: str | None, narrow: bool) -> Text:
    if said is None:
        return Text("·", style="dim")
    if isinstance(said, ModelFailure):
        return Text("✗" if narrow or said.kind == "rejected" else f"✗ {said.kind}", style="red")
    sure = format_confidence(said.confidence) + ("?" if said.abstained else "")
    if said.label == verdict:
        return Text(f"✓ {sure}", style="green")
    return Text(f"{'≠' if narrow else said.label} {sure}", style="yellow")


def _notes(records: Sequence[Record]) -> Iterator[RenderableType]:
    """What a person should know or do, a line a document; none for documents that simply worked."""
    notes = Table.grid(padding=(0, 2, 0, 0))
    for record in records:
        key = Text(record.upload.key)  # somebody else's text: its brackets are no markup
        if record.reason and record.status is not Status.COMPLETE:
            notes.add_row(key, Text(f"{record.status.lower()}: {record.reason.detail}", style="red"))
        if record.review:
            notes.add_row(key, _label(record, record.review))
        elif record.verdict and record.verdict.needs_review:
            reasons = ", ".join(record.verdict.review_reasons)
            notes.add_row(key, Text(f"to review: {reasons}{_others(record)}", style="yellow"))
    if notes.row_count:
        yield notes
        yield Text()


def _label(record: Record, review: Review) -> Text:
    """What a person says of it, and whether the verdict was right."""
    right = record.verdict is not None and record.verdict.label == review.label
    text = f"labelled {review.label} by {review.by}: the verdict was {'right' if right else 'wrong'}"
    return Text(text, style="green" if right else "yellow")


def _others(record: Record) -> str:
    """Which versions say something else than the verdict, and what."""
    others = [
        f"{version} says {said.label}"
        for version, said in record.answered().items()
        if record.verdict and said.label != record.verdict.label
    ]
    return f" ({', '.join(others)})" if others else ""


def _summary(records: Sequence[Record]) -> str:
    """How many there are, how the versions got along, and how much wants a person."""
    verdicts = [record.verdict for record in records if record.verdict]
    waiting = [record for record in records if record.queue is Queue.REVIEW]
    counts = {
        "unanimous": sum(verdict.agreement is Agreement.UNANIMOUS for verdict in verdicts),
        "to review": len(waiting),
        "labelled": sum(record.review is not None for record in records),
        **{str(status).lower(): sum(record.status is status for record in records) for status in _UNFINISHED},
    }
    documents = "1 document" if len(records) == 1 else f"{len(records)} documents"
    return " · ".join([documents, *(f"{count} {what}" for what, count in counts.items() if count)])


_UNFINISHED = (Status.PARTIAL, Status.FAILED, Status.REJECTED)


def format_confidence(probability: float) -> str:
    """Whole percent; 100 only for certainty, for 99.6 % is not that."""
    return f"{min(99, round(probability * 100)) if probability < 1 else 100}%"

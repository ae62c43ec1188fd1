"""Records as a table for the terminal, and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from records.outcomes import ModelFailure, Outcome
from records.record import Agreement, Record, Status
from records.reviews import Queue, Review
from triptych.terminal.text import printable, to_json

_NARROW = 100
"""Width of the terminal below which labels of single versions are abbreviated."""

_AGREEMENT_STYLES = {"unanimous": "green", "majority": "yellow", "split": "red"}

_INCOMPLETE = (Status.PARTIAL, Status.FAILED, Status.REJECTED)


def records_to_json(records: Iterable[Record]) -> str:
    """Return a JSON array of records."""
    return to_json([record.as_dict() for record in records], indent=2)


def version_names(records: Iterable[Record]) -> list[str]:
    """Return the sorted names of all versions in the records."""
    return sorted({version for record in records for version in record.predictions})


@dataclass(frozen=True)
class ResultsTable:
    """A table with one row per document: verdict, confidence, each version's prediction, agreement and latency.

    A prediction that matches the verdict is a tick with its confidence; only different labels are spelled out, so that
    they stand out. On a narrow terminal, they are marked instead and spelled out below. Below the table are notes on
    documents that need attention, and a summary.
    """

    records: Sequence[Record]
    title: str | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the table; called by rich."""
        narrow = options.max_width < _NARROW
        versions = version_names(self.records)
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=self.title, title_justify="left")
        table.add_column("Document", overflow="fold")
        table.add_column("Verdict", no_wrap=True)
        table.add_column("Confidence", justify="right", no_wrap=True)
        for version in versions:
            table.add_column(version, no_wrap=True)
        table.add_column("Agreement", no_wrap=True)
        table.add_column("ms", justify="right", no_wrap=True)
        for record in self.records:
            table.add_row(*_row(record, versions, narrow))
        yield table
        yield from _notes(self.records)
        yield Text(_summary(self.records), style="dim")


def format_confidence(probability: float) -> str:
    """Format a probability in whole percent. Only 1 becomes 100 %; 0.996 becomes 99 %."""
    return f"{min(99, round(probability * 100)) if probability < 1 else 100}%"


def _row(record: Record, versions: Sequence[str], narrow: bool) -> list[Text]:
    verdict = record.verdict
    label = verdict.label if verdict else None
    agreement = str(verdict.agreement) if verdict else ""
    return [
        _text(record.upload.key),
        _text(label or record.status.lower(), style="bold" if label else "red"),
        _text(format_confidence(verdict.confidence) if verdict else ""),
        *(_outcome_cell(record.predictions.get(version), label, narrow) for version in versions),
        _text(agreement, style=_AGREEMENT_STYLES.get(agreement, "")),
        _text(f"{record.latency_ms:.0f}"),
    ]


def _outcome_cell(outcome: Outcome | None, verdict: str | None, narrow: bool) -> Text:
    if outcome is None:
        return _text("·", style="dim")
    if isinstance(outcome, ModelFailure):
        return _text("✗" if narrow or outcome.kind == "rejected" else f"✗ {outcome.kind}", style="red")
    confidence = format_confidence(outcome.confidence) + ("?" if outcome.abstained else "")
    if outcome.label == verdict:
        return _text(f"✓ {confidence}", style="green")
    return _text(f"{'≠' if narrow else outcome.label} {confidence}", style="yellow")


def _notes(records: Sequence[Record]) -> Iterator[RenderableType]:
    """Yield one line for each document that needs attention or has a label."""
    notes = Table.grid(padding=(0, 2, 0, 0))
    for record in records:
        key = _text(record.upload.key)
        if record.reason and record.status is not Status.COMPLETE:
            notes.add_row(key, _text(f"{record.status.lower()}: {record.reason.detail}", style="red"))
        if record.review:
            notes.add_row(key, _review_note(record, record.review))
        elif record.verdict and record.verdict.needs_review:
            reasons = ", ".join(record.verdict.review_reasons)
            notes.add_row(key, _text(f"to review: {reasons}{_differing_predictions(record)}", style="yellow"))
        elif record.queue is Queue.EVIDENCE:
            notes.add_row(key, _text(f"evidence: versions differ{_differing_predictions(record)}", style="dim"))
    if notes.row_count:
        yield notes
        yield Text()


def _review_note(record: Record, review: Review) -> Text:
    correct = record.verdict is not None and record.verdict.label == review.label
    text = f"labelled {review.label} by {review.by}: the verdict was {'right' if correct else 'wrong'}"
    return _text(text, style="green" if correct else "yellow")


def _differing_predictions(record: Record) -> str:
    """Return the predictions that differ from the verdict, in parentheses."""
    differing = [
        f"{version} predicts {prediction.label}"
        for version, prediction in record.answered().items()
        if record.verdict and prediction.label != record.verdict.label
    ]
    return f" ({', '.join(differing)})" if differing else ""


def _summary(records: Sequence[Record]) -> str:
    """Return the number of documents, and how many are unanimous, to review, labelled and incomplete."""
    verdicts = [record.verdict for record in records if record.verdict]
    counts = {
        "unanimous": sum(verdict.agreement is Agreement.UNANIMOUS for verdict in verdicts),
        "to review": sum(record.queue is Queue.REVIEW for record in records),
        "evidence": sum(record.queue is Queue.EVIDENCE for record in records),
        "labelled": sum(record.review is not None for record in records),
        **{str(status).lower(): sum(record.status is status for record in records) for status in _INCOMPLETE},
    }
    documents = "1 document" if len(records) == 1 else f"{len(records)} documents"
    return " · ".join([documents, *(f"{count} {name}" for name, count in counts.items() if count)])


def _text(text: str, style: str = "") -> Text:
    """Return text without markup or control characters, because keys and labels come from outside."""
    return Text(printable(text), style=style)

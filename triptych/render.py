"""Records as a table that a person reads at a glance, and as JSON for scripts."""

import json
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from orchestrator.records import ModelError, Outcome, Record, Status

_AGREEMENT = {"unanimous": "green", "majority": "yellow", "split": "red"}


def as_json(records: Iterable[Record]) -> str:
    """One JSON array, with the field names of the record."""
    return json.dumps([record.as_dict() for record in records], indent=2, ensure_ascii=False)


def versions_in(records: Iterable[Record]) -> list[str]:
    """Every version that any of the records names, in order."""
    return sorted({version for record in records for version in record.predictions})


def as_table(records: Sequence[Record], *, title: str | None = None, caption: str | None = None) -> Table:
    """One row a document: the verdict, what each version said, how far they agree, and how long it took.

    A version that says what the verdict says is a tick and its confidence; only what differs is spelled out, so that
    the eye finds it.
    """
    versions = versions_in(records)
    table = Table(box=box.SIMPLE_HEAD, title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("Document", overflow="fold", ratio=3, min_width=16)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Sure", justify="right", no_wrap=True)
    for version in versions:
        table.add_column(version, no_wrap=True)
    table.add_column("Agreement", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", ratio=2)
    for record in records:
        table.add_row(*_row(record, versions))
    return table


def _row(record: Record, versions: Sequence[str]) -> list[Text]:
    verdict = record.verdict
    label = verdict.label if verdict else None
    agreement = str(verdict.agreement) if verdict else ""
    return [
        Text(record.upload.key),
        Text(label or record.status.lower(), style="bold" if label else "red"),
        Text(_percent(verdict.confidence) if verdict else ""),
        *(_cell(record.predictions.get(version), label) for version in versions),
        Text(agreement, style=_AGREEMENT.get(agreement, "")),
        Text(f"{record.latency_ms:.0f}"),
        _remark(record),
    ]


def _cell(said: Outcome | None, verdict: str | None) -> Text:
    if said is None:
        return Text("·", style="dim")
    if isinstance(said, ModelError):
        return Text(f"✗ {said.kind}", style="red")
    sure = _percent(said.confidence) + ("?" if said.abstained else "")
    if said.label == verdict:
        return Text(f"✓ {sure}", style="green")
    return Text(f"{said.label} {sure}", style="yellow")


def _remark(record: Record) -> Text:
    """What a person should know or do; empty for a document that simply worked."""
    if record.reason and record.status is not Status.COMPLETE:
        return Text(f"{record.status}: {record.reason.detail}", style="red")
    if record.verdict and record.verdict.needs_review:
        return Text(f"review: {', '.join(record.verdict.review_reasons)}", style="yellow")
    return Text("")


def _percent(probability: float) -> str:
    """Whole percent; 100 only for certainty, for 99.6 % is not that."""
    return f"{min(99, round(probability * 100)) if probability < 1 else 100}%"

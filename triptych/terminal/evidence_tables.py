"""The report as tables for a terminal, readable at 80 columns; `--json` has what is left out here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evidence.advice import Action
from evidence.intervals import Estimate
from evidence.pairs import PairEvidence, points
from evidence.report import Report, VersionEvidence

_STYLE = {Action.PROMOTE: "bold green", Action.KEEP: "bold", Action.WAIT: "bold yellow"}
_DAYS = 14
"""Days shown; `--json` has all."""


@dataclass(frozen=True)
class ReportTables:
    """The advice first, then what it rests on."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by rich."""
        report = self.report
        yield Text(report.advice.sentence, style=_STYLE[report.advice.action])
        yield Text(_basis(report), style="dim")
        if not report.versions:
            yield from _notes(report)
            return
        everyone = [*report.versions, report.vote]
        yield _titled("Versions", _versions(everyone, report.champion))
        yield from (Text(f"  {who.name}: {who.missing}", style="yellow") for who in everyone if who.missing)
        if report.pairs:
            yield _titled("Pairs: right where they differ", _pairs(report.pairs))
            for pair in report.pairs:
                yield Text(f"  {pair.sentence}")
        if any(who.recall for who in everyone):
            yield _titled("Recall by class, %", _recall(everyone))
        for who in report.versions:
            if who.confusion.counts:
                yield _titled(f"{who.name}: true label (rows), answer (columns)", _confusion(who))
        yield _titled("By day, UTC", _days(report))
        yield from _shifts(report)
        yield from _notes(report)


def _basis(report: Report) -> str:
    labelled = report.labelled
    since = f" since {report.oldest:%Y-%m-%d}" if report.oldest else ""
    champion = f"champion {report.champion}" if report.champion else "no champion yet"
    return (
        f"{report.population} documents{since}, {percent(report.flagged)} flagged for review · "
        f"labels: {labelled['review']} of these, {labelled['audit']} audits · {champion}, policy {report.policy}"
    )


def _titled(title: str, table: Table) -> RenderableType:
    return Padding(Group(Text(title, style="bold underline"), table), (1, 0, 0, 0))


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", no_wrap=True)
    return table


def _versions(everyone: Sequence[VersionEvidence], champion: str) -> Table:
    table = _table("", "Accuracy", "95 %", "Labels", "Calib.\nerror", "ms\np50", "\np99", "No\nanswer", "Weights")
    for who in everyone:
        said = who.calibration
        error = f"{said.error:.3f}{' !' if said.error > said.null_95 else ''}" if said else "?"
        table.add_row(
            f"{who.name} *" if who.name == champion else who.name,
            percent(who.accuracy),
            bounds(who.accuracy),
            str(who.accuracy.n),
            error,
            *(_number(who.latency_ms[name]) for name in ("p50", "p99")),
            str(sum(who.errors.values())),
            (who.weights or "")[:7],
        )
    return table


def _pairs(pairs: Sequence[PairEvidence]) -> Table:
    table = _table(
        "", "Agree", "Kappa", "Only\n1st", "Only\n2nd", "Neither", "Points,\nalways valid", "\np", "Holm's\np"
    )
    for pair in pairs:
        table.add_row(
            f"{pair.first} → {pair.second}",
            percent(pair.agreement),
            "?" if pair.kappa.value is None else f"{pair.kappa.value:.2f}",
            str(pair.first_only),
            str(pair.second_only),
            str(pair.disagreements - pair.first_only - pair.second_only),
            points(pair.difference).replace(" points", ""),
            *(_p(p) for p in (pair.p_value, pair.mcnemar_holm)),
        )
    return table


def _recall(everyone: Sequence[VersionEvidence]) -> Table:
    table = _table("Label", "Labels", *(who.name for who in everyone))
    for label in sorted({label for who in everyone for label in who.recall}):
        found = [who.recall.get(label) for who in everyone]
        table.add_row(
            label,
            str(max(estimate.n for estimate in found if estimate)),
            *(_short(estimate) if estimate else "?" for estimate in found),
        )
    return table


def _confusion(who: VersionEvidence) -> Table:
    """Numbers of columns only, with the labels beside the rows: eight labels must fit a line."""
    confusion = who.confusion
    names = {label: f"{index}" for index, label in enumerate(confusion.answers, 1)}
    table = _table("", *names.values())
    for truth, counts in zip(confusion.truths, confusion.counts, strict=True):
        cells = [
            Text(str(count) if count else "·", style="green" if truth == answer else "red" if count else "dim")
            for answer, count in zip(confusion.answers, counts, strict=True)
        ]
        table.add_row(f"{names.get(truth, '-')} {truth}", *cells)
    return table


def _days(report: Report) -> Table:
    names = [who.name for who in report.versions]
    table = _table("Day", "Documents", "Unanimous", "95 %", *(f"{name} sure" for name in names))
    for day in report.drift.days[-_DAYS:]:
        sure = [day.versions[name].confidence for name in names]
        table.add_row(
            day.day.isoformat(),
            str(day.documents),
            percent(day.unanimous),
            bounds(day.unanimous),
            *("?" if mean is None else f"{mean:.1%}" for mean in sure),
        )
    return table


def _shifts(report: Report) -> Iterator[Text]:
    drifted = [shift for shift in report.drift.shifts if shift.drifted]
    for shift in drifted:
        yield Text(
            f"  {shift.day}: {shift.what} changed: distance {shift.distance:.2f}, by chance up to {shift.noise:.2f}.",
            style="yellow",
        )
    if report.drift.shifts and not drifted:
        yield Text("  No day stands out from the days before it.")


def _notes(report: Report) -> Iterator[Text]:
    for note in report.notes:
        yield Text(note, style="dim")


def percent(estimate: Estimate) -> str:
    """`93.4%`, or a question mark."""
    return "?" if estimate.value is None else f"{estimate.value:.1%}"


def bounds(estimate: Estimate) -> str:
    """`[90.1, 95.8]`, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _short(estimate: Estimate) -> str:
    """In whole percent, for narrow columns."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "?"
    value = 100 if estimate.value == 1 else min(99, round(100 * estimate.value))
    return f"{value} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _p(value: float | None) -> str:
    if value is None:
        return "?"
    return "<.001" if value < 0.001 else f"{value:.3f}"

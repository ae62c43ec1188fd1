"""The report as tables for a terminal of 100 columns. `--json` also has the figures that are omitted here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evidence.advice import Action
from evidence.candidates import CandidateEvidence
from evidence.difference import format_difference
from evidence.drift import Drift
from evidence.intervals import Estimate
from evidence.pairs import PairEvidence
from evidence.report import Report
from evidence.risk import RiskControl
from evidence.versions import VersionEvidence
from triptych.terminal.text import printable

_STYLES = {Action.PROMOTE: "bold green", Action.KEEP: "bold", Action.WAIT: "bold yellow"}
_MAX_DAYS = 14
"""Number of days displayed; `--json` has all."""


@dataclass(frozen=True)
class ReportTables:
    """Renderable report: the advice first, then the evidence."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts of the report."""
        report = self.report
        yield Text(report.advice.sentence, style=_STYLES[report.advice.action])
        yield Text(_basis(report), style="dim")
        if not report.versions:
            yield from _note_texts(report)
            return
        voters = [*report.versions, report.vote]
        yield _titled("Versions", _version_table(voters, report.champion))
        yield from (Text(f"  {voter.name}: {voter.missing}", style="yellow") for voter in voters if voter.missing)
        if report.pairs:
            yield _titled("Pairs: which version is right where they disagree", _pair_table(report.pairs))
            for pair in report.pairs:
                yield Text(f"  {pair.sentence}")
            yield from (Text(printable(f"  {each.sentence}")) for each in report.challengers if each.sentence)
        if report.candidate:
            yield from _candidate_texts(report.candidate)
        if any(voter.recall for voter in voters):
            yield _titled("Recall by label, %", _recall_table(voters))
        for version in report.versions:
            if version.confusion.counts:
                title = f"{version.name}: confusion matrix, true label (rows) and predicted label (columns)"
                yield _titled(title, _confusion_table(version))
        yield _titled("Automated verdicts, by threshold of doubt", _risk_table(report.risk))
        yield Text(f"  {report.risk.sentence}", style="bold red" if report.risk.alarm else "")
        yield from _risk_notes(report.risk)
        yield _titled("By day, UTC", _day_table(report))
        yield from _drift_texts(report.drift)
        yield from _note_texts(report)


def _basis(report: Report) -> str:
    labelled = report.labelled
    since = f" since {report.oldest:%Y-%m-%d}" if report.oldest else ""
    champion = f"champion {report.champion}" if report.champion else "no champion yet"
    return (
        f"{report.population} documents{since}, {format_share(report.flagged)} doubtful · "
        f"labels: {labelled['review']} doubtful, {labelled['evidence']} differing, {labelled['audit']} others · "
        f"{champion}, policy {report.policy}"
    )


def _titled(title: str, table: Table) -> RenderableType:
    return Padding(Group(Text(title, style="bold underline"), table), (1, 0, 0, 0))


def _figure_table(*columns: str) -> Table:
    """Return a table whose first column is left-aligned and whose other columns are right-aligned."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def _version_table(voters: Sequence[VersionEvidence], champion: str) -> Table:
    table = _figure_table(
        "", "Accuracy", "95 %", "Labels", "Calib.\nerror", "ms\np50", "\np99", "\nFailures", "\nWeights"
    )
    for voter in voters:
        calibration = voter.calibration
        significant = calibration is not None and calibration.error > calibration.null_95
        table.add_row(
            f"{voter.name} *" if voter.name == champion else voter.name,
            format_share(voter.accuracy),
            format_bounds(voter.accuracy),
            str(voter.accuracy.n),
            f"{calibration.error:.3f}{' !' if significant else ''}" if calibration else "?",
            *(_number(voter.latency_ms[name]) for name in ("p50", "p99")),
            str(sum(voter.errors.values())),
            (voter.weights or "")[:7],
        )
    return table


def _pair_table(pairs: Sequence[PairEvidence]) -> Table:
    table = _figure_table(
        "",
        "Agree",
        "Kappa",
        "Only\n1st",
        "Only\n2nd",
        "Neither",
        "Difference (pp), 95 %\nconfidence sequence",
        "Anytime\np",
        "McNemar,\nHolm p",
    )
    for pair in pairs:
        table.add_row(
            f"{pair.first} → {pair.second}",
            format_share(pair.agreement),
            "?" if pair.kappa.value is None else f"{pair.kappa.value:.2f}",
            str(pair.first_only),
            str(pair.second_only),
            str(pair.disagreements - pair.first_only - pair.second_only),
            format_difference(pair.difference).replace(" pp", ""),
            *(_p_value(p) for p in (pair.p_value, pair.mcnemar_holm)),
        )
    return table


def _candidate_texts(candidate: CandidateEvidence) -> Iterator[RenderableType]:
    table = _figure_table(
        "", "Replayed", "Agree", "95 %", "Only\nit", f"Only\n{candidate.rival}", "Neither", "Difference (pp), 95 %"
    )
    table.add_row(
        f"{candidate.rival} → {candidate.name}",
        str(candidate.replayed),
        format_share(candidate.agreement),
        format_bounds(candidate.agreement),
        *(str(count) for count in (candidate.wins, candidate.losses, candidate.ties)),
        format_difference(candidate.difference).replace(" pp", ""),
    )
    yield _titled(f"Candidate {candidate.name}, from its replay", table)
    yield Text(printable(f"  {candidate.sentence}"))
    yield Text(f"  {len(candidate.to_label)} disagreements have no label yet: triptych review --with FOLDER.")
    yield from (Text(printable(f"  {note}"), style="dim") for note in candidate.notes)


def _recall_table(voters: Sequence[VersionEvidence]) -> Table:
    table = _figure_table("Label", "Labels", *(voter.name for voter in voters))
    for label in sorted({label for voter in voters for label in voter.recall}):
        recall = [voter.recall.get(label) for voter in voters]
        table.add_row(
            Text(printable(label)),
            str(max(estimate.n for estimate in recall if estimate)),
            *(_whole_percent(estimate) if estimate else "?" for estimate in recall),
        )
    return table


def _confusion_table(version: VersionEvidence) -> Table:
    """Number the columns and explain the numbers in the rows, so that a line holds eight labels."""
    confusion = version.confusion
    numbers = {label: f"{index}" for index, label in enumerate(confusion.predicted_labels, 1)}
    table = _figure_table("", *numbers.values())
    for true_label, counts in zip(confusion.true_labels, confusion.counts, strict=True):
        cells = [
            Text(str(count) if count else "·", style="green" if label == true_label else "red" if count else "dim")
            for label, count in zip(confusion.predicted_labels, counts, strict=True)
        ]
        table.add_row(Text(printable(f"{numbers.get(true_label, '-')} {true_label}")), *cells)
    return table


def _risk_table(risk: RiskControl) -> Table:
    table = _figure_table(
        "Doubt\nbelow",
        "\nAutomated",
        "\nAudits",
        "\nWrong",
        "\n95 %",
        "Certified\nat most",
        f"At most\n{risk.target:.3%}",
    )
    for point in risk.points:
        table.add_row(
            f"{point.threshold:g}",
            f"{point.automated:.1%}",
            str(point.error.n),
            format_share(point.error),
            format_bounds(point.error),
            f"{point.certified_error:.1%}" if point.error.n else "?",
            "certified" if point.certified else "",
        )
    return table


def _risk_notes(risk: RiskControl) -> Iterator[Text]:
    if risk.automated_after > risk.automated:
        yield Text(f"  With 100 more audits, about {risk.automated_after:.0%} would be automated.", style="dim")
    if risk.auroc is not None:
        yield Text(f"  AUROC of the vote's confidence: {risk.auroc:.3f}", style="dim")


def _day_table(report: Report) -> Table:
    names = [version.name for version in report.versions]
    table = _figure_table("\nDay", "\nDocuments", "\nUnanimous", "\n95 %", *(f"Confidence\n{name}" for name in names))
    for day in report.drift.days[-_MAX_DAYS:]:
        confidence = [day.versions[name].confidence for name in names]
        table.add_row(
            day.day.isoformat(),
            str(day.documents),
            format_share(day.unanimous),
            format_bounds(day.unanimous),
            *("?" if mean is None else f"{mean:.1%}" for mean in confidence),
        )
    return table


def _drift_texts(drift: Drift) -> Iterator[Text]:
    drifted = [shift for shift in drift.shifts if shift.drifted]
    for shift in drifted:
        figures = f"distance {shift.distance:.2f}, noise floor {shift.noise:.2f}"
        yield Text(printable(f"  {shift.day}: {shift.what} drifted: {figures}."), style="yellow")
    if drift.shifts and not drifted:
        yield Text("  No drift detected.")


def _note_texts(report: Report) -> Iterator[Text]:
    for note in report.notes:
        yield Text(printable(note), style="dim")


def format_share(estimate: Estimate) -> str:
    """Return a share such as `93.4%`, or a question mark if it is unknown."""
    return "?" if estimate.value is None else f"{estimate.value:.1%}"


def format_bounds(estimate: Estimate) -> str:
    """Return bounds in percent, such as `[90.1, 95.8]`, or nothing if they are unknown."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _whole_percent(estimate: Estimate) -> str:
    """Return a share and its bounds in whole percent, for narrow columns. Only a share of 1 is displayed as 100."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "?"
    value = 100 if estimate.value == 1 else min(99, round(100 * estimate.value))
    return f"{value} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _p_value(value: float | None) -> str:
    if value is None:
        return "?"
    return "<.001" if value < 0.001 else f"{value:.3f}"

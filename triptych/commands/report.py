"""`triptych report`: statistics of the versions, and advice on which one to promote."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from records.table import PolicyTable
from triptych.commands.candidates import read_replayed
from triptych.commands.options import JsonOption, SinceOption, StackOption, UntilOption, WithOption, parse_time
from triptych.commands.shared import translate_aws_errors
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.results import Results
from triptych.terminal.text import to_json

_MIN_WIDTH = 110
"""Number of columns that the widest table of the report needs."""


def report_command(
    since: SinceOption = None,
    until: UntilOption = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Number of newest documents to measure agreement, drift and latency on.")
    ] = 2000,
    labels: Annotated[int, typer.Option(min=1, help="Maximum number of labelled documents, newest first.")] = 10_000,
    candidate: WithOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Compare the versions on the labelled documents, and advise which one to promote.

    With `--with`, also compare a version that is not deployed. Every figure comes with its uncertainty;
    docs/evidence.md explains the figures.
    """
    from triptych.review import reports  # imports SciPy, which takes a third of a second
    from triptych.terminal.evidence_tables import ReportTables

    now = datetime.now(UTC)
    start, end = (parse_time(text, now=now) if text else None for text in (since, until))
    conn = connection.connect(stack)
    table = conn.table
    with translate_aws_errors():
        report = reports.build_report(
            Results(table), Reviews(table), PolicyTable(table), since=start, until=end, sample=sample, labels=labels
        )
        if candidate:
            report = replace(report, candidate=read_replayed(conn, candidate.resolve()).assess())
    if as_json:
        typer.echo(to_json(report.as_json(), indent=2))
    else:
        console = Console()
        if not console.is_terminal:  # a file or pipe has no width that limits the tables
            console = Console(width=max(console.width, _MIN_WIDTH))
        console.print(ReportTables(report))

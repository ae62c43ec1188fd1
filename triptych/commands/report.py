"""`triptych report`: which version is right how often, which is best, and how sure that is."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from records.table import PolicyTable
from triptych.commands.options import JsonOption, StackOption, parse_time
from triptych.commands.shared import translate_aws_errors
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.results import Results

_WIDE = 110
"""Columns in which no table of the report is cut."""


def report(
    since: Annotated[str | None, typer.Option(help="Only uploads after this: 30d or an ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only uploads up to this.")] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="So many of the newest documents tell what arrives and how it is answered.")
    ] = 2000,
    labels: Annotated[int, typer.Option(min=1, help="At most so many labelled documents, the newest.")] = 10_000,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Say which version is best, how sure that is, and what it rests on."""
    from triptych.review import reports  # brings scipy: a third of a second that other commands need not wait for
    from triptych.terminal.evidence_tables import ReportTables

    now = datetime.now(UTC)
    start, end = (parse_time(text, now=now) if text else None for text in (since, until))
    table = connection.connect(stack).table
    with translate_aws_errors():
        found = reports.build_report(
            Results(table), Reviews(table), PolicyTable(table), since=start, until=end, sample=sample, labels=labels
        )
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        console = Console()
        # A file or a pipe has no width of its own: give the tables the room that they want.
        (console if console.is_terminal else Console(width=max(console.width, _WIDE))).print(ReportTables(found))

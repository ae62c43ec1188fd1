"""`triptych results` and `triptych watch`: read records."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from records.record import Record, Status
from triptych.commands.options import JsonOption, SinceOption, StackOption, UntilOption, parse_time
from triptych.errors import UsageError
from triptych.storage import connection
from triptych.storage.results import RecordQuery, Results, poll_changes
from triptych.terminal import record_views
from triptych.terminal.text import to_json

LabelOption = Annotated[
    str | None, typer.Option(help="Only documents whose verdict is this label.", show_default=False)
]
StatusOption = Annotated[
    Status | None, typer.Option(case_sensitive=False, help="Only records of this status.", show_default=False)
]
ReviewOption = Annotated[bool, typer.Option("--review", help="Only documents whose verdict may be wrong.")]
EvidenceOption = Annotated[
    bool, typer.Option("--evidence", help="Only other documents on which versions differ: they show which is right.")
]
ReviewedOption = Annotated[bool, typer.Option("--reviewed", help="Only documents that a reviewer has labelled.")]


def results_command(
    document: Annotated[
        str | None,
        typer.Argument(help="Key of a document: print the records of all its uploads.", show_default=False),
    ] = None,
    label: LabelOption = None,
    status: StatusOption = None,
    review: ReviewOption = False,
    evidence: EvidenceOption = False,
    reviewed: ReviewedOption = False,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of records.")] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Print records, newest first.

    Prints the records of one document, or all records. At most one of --label, --status, --review, --evidence and
    --reviewed can restrict the latter.
    """
    conn = connection.connect(stack)
    results = Results(conn.table)
    if document is not None:
        if label or status or review or evidence or reviewed or since or until:
            raise UsageError("A document cannot be combined with filters: remove one or the other.")
        name = document if document.startswith(f"{conn.bucket}/") else f"{conn.bucket}/{document}"
        records = results.history(name, limit=limit)
        empty = f"No record of {name!r} found."
    else:
        records = results.newest(_query(label, status, review, evidence, reviewed, since, until), limit=limit)
        empty = "No records found."
    if as_json:
        typer.echo(record_views.records_to_json(records))
    elif records:
        Console().print(record_views.ResultsTable(records))
    else:
        typer.echo(empty, err=True)


def watch_command(
    label: LabelOption = None,
    status: StatusOption = None,
    review: ReviewOption = False,
    evidence: EvidenceOption = False,
    reviewed: ReviewedOption = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Maximum number of rows.")] = 20,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between updates.")] = 1.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each new or changed record as one line of JSON.")
    ] = False,
    stack: StackOption = None,
) -> None:
    """Show records as they arrive, until you press Ctrl-C."""
    conn = connection.connect(stack)
    query = _query(label, status, review, evidence, reviewed, None, None)
    results = Results(conn.table)
    changes = poll_changes(lambda: results.newest(query, limit=limit), pause=every)
    try:
        if as_json:
            for records in changes:
                for record in records:
                    print(to_json(record.as_dict()), flush=True)
        else:
            _show_live(changes, limit, conn.name)
    except KeyboardInterrupt:
        pass


def _show_live(changes: Iterable[list[Record]], limit: int, stack: str) -> None:
    """Show the records in a table that is updated in place."""
    shown: dict[tuple[str, str], Record] = {}
    with Live(Text("Waiting for documents …"), refresh_per_second=4) as live:
        for records in changes:
            for record in records:
                key = (record.upload.document, record.upload.sort_key)
                shown.pop(key, None)
                shown[key] = record
            rows = list(shown.values())[-limit:]
            if rows:
                live.update(_live_table(rows[::-1], stack))


def _live_table(records: list[Record], stack: str) -> record_views.ResultsTable:
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    return record_views.ResultsTable(records, title=f"{stack} · {clock} · Ctrl-C to stop")


def _query(
    label: str | None,
    status: Status | None,
    review: bool,
    evidence: bool,
    reviewed: bool,
    since: str | None,
    until: str | None,
) -> RecordQuery:
    now = datetime.now(UTC)
    try:
        return RecordQuery.where(
            label=label,
            status=status,
            review=review,
            evidence=evidence,
            reviewed=reviewed,
            since=parse_time(since, now=now) if since else None,
            until=parse_time(until, now=now) if until else None,
        )
    except ValueError as error:
        raise UsageError(f"{error}.") from None

"""`triptych results` and `triptych watch`: read records back."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from records.record import Record, Status
from triptych.commands.options import JsonOption, StackOption, parse_time
from triptych.errors import UsageError
from triptych.storage import connection
from triptych.storage.results import RecordQuery, Results, poll_changes
from triptych.terminal import record_views

Label = Annotated[str | None, typer.Option(help="Only documents with this verdict.")]
StatusOption = Annotated[Status | None, typer.Option(case_sensitive=False, help="Only records of this status.")]
Review = Annotated[bool, typer.Option("--review", help="Only what the versions disagree on or doubt.")]
Reviewed = Annotated[bool, typer.Option("--reviewed", help="Only what a person has labelled.")]


def results(
    document: Annotated[str | None, typer.Argument(help="One document's key: prints the history of that name.")] = None,
    label: Label = None,
    status: StatusOption = None,
    review: Review = False,
    reviewed: Reviewed = False,
    since: Annotated[str | None, typer.Option(help="Only uploads after this: 15m, 6h, 2d or an ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only uploads up to this.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Print records, newest first: all, one document's, or by label, status or review."""
    to = connection.connect(stack)
    found = Results(to.table)
    if document is not None:
        if label or status or review or reviewed or since or until:
            raise UsageError("A document's history takes no filters: leave them out, or leave the document out.")
        name = document if document.startswith(f"{to.bucket}/") else f"{to.bucket}/{document}"
        records = found.history(name, limit=limit)
        empty = f"There is no record of {name!r}."
    else:
        records = found.newest(_question(label, status, review, reviewed, since, until), limit=limit)
        empty = "There is no such record yet."
    if as_json:
        typer.echo(record_views.records_to_json(records))
    elif records:
        Console().print(record_views.RecordTable(records))
    else:
        typer.echo(empty, err=True)


def watch(
    label: Label = None,
    status: StatusOption = None,
    review: Review = False,
    reviewed: Reviewed = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many rows stay on the screen.")] = 20,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print each new or changed record as one JSON line.")] = False,
    stack: StackOption = None,
) -> None:
    """Show records as they arrive, until Ctrl-C."""
    to = connection.connect(stack)
    question = _question(label, status, review, reviewed, None, None)
    found = Results(to.table)
    looks = poll_changes(lambda: found.newest(question, limit=limit), pause=every)
    try:
        if as_json:
            for fresh in looks:
                for record in fresh:
                    print(json.dumps(record.as_dict(), ensure_ascii=False), flush=True)
        else:
            _watch_table(looks, limit, to.name)
    except KeyboardInterrupt:
        pass


def _watch_table(looks: Iterable[list[Record]], limit: int, name: str) -> None:
    shown: dict[tuple[str, str], Record] = {}
    with Live(Text("Waiting for documents …"), refresh_per_second=4) as live:
        for fresh in looks:
            for record in fresh:
                key = (record.upload.document, record.upload.sort_key)
                shown.pop(key, None)
                shown[key] = record
            rows = list(shown.values())[-limit:]
            if rows:
                live.update(_live_table(rows[::-1], name))


def _live_table(records: list[Record], name: str) -> record_views.RecordTable:
    clock = datetime.now().astimezone().strftime("%H:%M:%S")
    return record_views.RecordTable(records, title=f"{name} · {clock} · Ctrl-C ends")


def _question(
    label: str | None, status: Status | None, review: bool, reviewed: bool, since: str | None, until: str | None
) -> RecordQuery:
    now = datetime.now(UTC)
    try:
        return RecordQuery.where(
            label=label,
            status=status,
            review=review,
            reviewed=reviewed,
            since=parse_time(since, now=now) if since else None,
            until=parse_time(until, now=now) if until else None,
        )
    except ValueError as error:
        raise UsageError(f"{error}.") from None

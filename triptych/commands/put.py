"""`triptych put`: drop files and folders into the inbox, and wait for their records if asked to."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from records.record import Record
from triptych.commands.options import JsonOption, StackOption
from triptych.commands.shared import progress_bar
from triptych.errors import TriptychError
from triptych.storage import connection, inbox
from triptych.storage.inbox import FileUpload, StoredObject
from triptych.storage.results import Results
from triptych.terminal import record_views

_AT_ONCE = 16
"""Documents on their way at the same time, where the stack sets no bound."""


def put(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose files go in with their path below it.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the records and print them.")] = False,
    prefix: Annotated[str, typer.Option(help="Put before every key, such as `2026/november/`.")] = "",
    timeout: Annotated[float, typer.Option(help="With --wait: seconds until a missing record is given up.")] = 60.0,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Drop documents into the inbox.

    Ends with 0 when everything was stored (with --wait: has its record, whatever that says), else with 1.
    """
    drops = inbox.plan_uploads(paths, prefix=prefix)
    to = connection.connect(stack)
    # Where what is in flight is bounded, a document is sent when one before it has its record, asked to wait or not.
    patience = timeout if wait or to.max_in_flight else 0.0
    with progress_bar(Console(stderr=True)) as progress:
        bar = progress.add_task("classified" if wait else "stored", total=len(drops))
        sender = _Sender(to, patience, lambda: progress.advance(bar))
        with ThreadPoolExecutor(to.max_in_flight or _AT_ONCE) as pool:
            sent = list(pool.map(sender.send, drops))
    if wait:
        _print_records([item.record for item in sent if item.record], as_json)
    else:
        _print_stored([item.dropped for item in sent if item.dropped], as_json)
    failures = [item.failure for item in sent if item.failure]
    failures += [f"{item.dropped.key} has no record yet" for item in sent if wait and item.dropped and not item.record]
    if failures:
        raise TriptychError("\n".join(failures))


@dataclass(frozen=True)
class _Sent:
    """What became of one file: stored or why not, and its record if that was waited for."""

    dropped: StoredObject | None = None
    record: Record | None = None
    failure: str | None = None


class _Sender:
    """Stores files and waits up to `patience` seconds for the record of each. Used by several threads at once."""

    def __init__(self, to: connection.StackConnection, patience: float, advance: Callable[[], None]) -> None:
        self._s3, self._bucket, self._results = to.s3, to.bucket, Results(to.table)
        self._patience = patience
        self._advance = advance

    def send(self, what: FileUpload) -> _Sent:
        """Store one file and wait for its record."""
        try:
            dropped = inbox.put_file(self._s3, self._bucket, what)
        except TriptychError as error:
            return _Sent(failure=str(error))
        else:
            return _Sent(dropped, self._results.wait_for(dropped, self._patience))
        finally:
            self._advance()


def _print_records(records: list[Record], as_json: bool) -> None:
    if as_json:
        typer.echo(record_views.records_to_json(records))
    elif records:
        Console().print(record_views.RecordTable(records))


def _print_stored(dropped: Sequence[StoredObject], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"document": item.document, "version_id": item.version_id} for item in dropped]))
    else:
        for item in dropped:
            typer.echo(f"stored {item.document}")
        if dropped:
            Console(stderr=True).print("Read the verdicts with [bold]triptych results[/].", highlight=False)

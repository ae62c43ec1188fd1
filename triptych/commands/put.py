"""`triptych put`: upload files and folders to the inbox, and optionally wait for their records."""

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
from triptych.storage.connection import StackConnection
from triptych.storage.inbox import FileUpload, StoredObject
from triptych.storage.results import Results
from triptych.terminal import record_views
from triptych.terminal.text import printable, to_json

_MAX_CONCURRENT = 16
"""Maximum number of concurrent uploads if the stack sets none."""


def put_command(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files and folders. Files of a folder keep their path below it.", show_default=False),
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the records and print them.")] = False,
    prefix: Annotated[str, typer.Option(help="Prefix for all keys, such as 2026/november/.", show_default=False)] = "",
    timeout: Annotated[float, typer.Option(help="Maximum seconds to wait for each record.")] = 60.0,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Upload documents to the inbox, where the pipeline classifies them.

    Exits with 1 if a file could not be stored or, with --wait, if a record is missing at the timeout.
    """
    uploads = inbox.plan_uploads(paths, prefix=prefix)
    conn = connection.connect(stack)
    # A stack that limits documents in flight gets the next one when an earlier one has its record, even without --wait.
    timeout_s = timeout if wait or conn.max_in_flight else 0.0
    with progress_bar(Console(stderr=True)) as progress:
        bar = progress.add_task("classified" if wait else "stored", total=len(uploads))
        uploader = _Uploader(conn, timeout_s, lambda: progress.advance(bar))
        with ThreadPoolExecutor(conn.max_in_flight or _MAX_CONCURRENT) as pool:
            results = list(pool.map(uploader.upload, uploads))
    if wait:
        _print_records([result.record for result in results if result.record], as_json)
    else:
        _print_stored([result.stored for result in results if result.stored], as_json)
    failures = [result.failure for result in results if result.failure]
    missing = [result.stored.key for result in results if wait and result.stored and not result.record]
    failures += [printable(f"{key} has no record yet") for key in missing]
    if failures:
        raise TriptychError("\n".join(failures))


@dataclass(frozen=True)
class _UploadResult:
    """The result for one file: it was stored, and may have a record, or it failed."""

    stored: StoredObject | None = None
    record: Record | None = None
    failure: str | None = None


class _Uploader:
    """Stores files and waits up to `timeout_s` seconds for the record of each. Safe for use by several threads."""

    def __init__(self, conn: StackConnection, timeout_s: float, on_done: Callable[[], None]) -> None:
        self._s3, self._bucket, self._results = conn.s3, conn.bucket, Results(conn.table)
        self._timeout_s = timeout_s
        self._on_done = on_done

    def upload(self, file: FileUpload) -> _UploadResult:
        """Store one file and wait for its record."""
        try:
            stored = inbox.put_file(self._s3, self._bucket, file)
        except TriptychError as error:
            return _UploadResult(failure=printable(str(error)))
        else:
            return _UploadResult(stored, self._results.wait_for(stored, self._timeout_s))
        finally:
            self._on_done()


def _print_records(records: list[Record], as_json: bool) -> None:
    if as_json:
        typer.echo(record_views.records_to_json(records))
    elif records:
        Console().print(record_views.ResultsTable(records))


def _print_stored(stored: Sequence[StoredObject], as_json: bool) -> None:
    if as_json:
        typer.echo(to_json([{"document": item.document, "version_id": item.version_id} for item in stored]))
    else:
        for item in stored:
            typer.echo(printable(f"stored {item.document}"))
        if stored:
            Console(stderr=True).print("Show the verdicts with [bold]triptych results[/].", highlight=False)

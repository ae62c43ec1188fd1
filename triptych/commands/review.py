"""`triptych review`: label the review queue, in the terminal or through a sheet."""

import getpass
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from records.documents import DocumentStore
from records.errors import DocumentRejected, DocumentUnavailable, RecordsUnavailable
from records.labels import NONE_OF_THESE
from records.outcomes import ModelFailure
from records.record import Record
from records.reviews import Draw, Queue
from records.table import PolicyTable
from triptych.commands.candidates import read_replayed
from triptych.commands.options import ByOption, JsonOption, StackOption, WithOption
from triptych.commands.shared import progress_bar
from triptych.errors import TriptychError, UsageError
from triptych.review import sheets
from triptych.review.focus import Focus, read_focus
from triptych.review.label_search import describe_matches, find_labels
from triptych.review.queues import Deal
from triptych.review.reviews import CannotReview, Reviews
from triptych.review.suffixes import suffix_for
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results
from triptych.terminal.record_views import format_confidence
from triptych.terminal.text import printable, to_json


class ReviewQueue(StrEnum):
    """A queue that can be reviewed alone."""

    REVIEW = "review"
    EVIDENCE = "evidence"
    AUDIT = "audit"


def review_command(
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", help="Write the queue to this file instead; - is standard output.", show_default=False
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import", help="Store the labels in this file instead; - is standard input.", show_default=False
        ),
    ] = None,
    sheet_format: Annotated[
        sheets.SheetFormat | None,
        typer.Option("--format", help="Format of the file.", show_default="json for *.json, else csv"),
    ] = None,
    queue: Annotated[
        ReviewQueue | None,
        typer.Option(
            help="Only one queue: review (the verdict may be wrong), evidence (its label shows which version is right) "
            "or audit (a random sample of the rest).",
            show_default="all in turn",
        ),
    ] = None,
    candidate: WithOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of documents.")] = 50,
    by: ByOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Label documents: those with a doubtful verdict, those that show which version is right, and the audit sample.

    Shows one document after another, or exports and imports a sheet for a spreadsheet or a script. Importing a sheet
    again changes nothing. With `--with`, shows documents on which a version that is not deployed differs.

    Exits with 1 if a row could not be stored.
    """
    if export and import_:
        raise UsageError("--export and --import cannot be combined.")
    if candidate and queue:
        raise UsageError("--with has its own queue: remove --queue.")
    conn = connection.connect(stack)
    reviews = Reviews(conn.table)
    reviewer = by or getpass.getuser()
    if import_:
        _import(reviews, import_, sheet_format or sheets.SheetFormat.for_file(import_), reviewer, as_json)
        return
    if candidate:
        deals = read_replayed(conn, candidate.resolve()).deal(limit)
    else:
        only = Queue(queue) if queue else None
        deals = reviews.deal(limit, _focus(conn) if only in (None, Queue.EVIDENCE) else (), only)
    if export:
        _export(deals, export, sheet_format or sheets.SheetFormat.for_file(export))
    else:
        _TerminalReview(reviews, DocumentStore(conn.s3, max_bytes=sys.maxsize), reviewer).run(deals)


def _focus(conn: StackConnection) -> Focus:
    try:
        return read_focus(Results(conn.table), PolicyTable(conn.table))
    except RecordsUnavailable as error:
        raise TriptychError(str(error)) from error


def _export(deals: Sequence[Deal], file: Path, sheet_format: sheets.SheetFormat) -> None:
    text = sheets.format_sheet(deals, sheet_format)
    if str(file) == "-":
        sys.stdout.write(printable(text, multiline=True) if sys.stdout.isatty() else text)
        return
    try:
        file.write_bytes(sheets.encode_sheet(text, sheet_format))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"Wrote {len(deals)} documents to {file}. Fill in the column label, then use --import.", err=True)


def _import(reviews: Reviews, file: Path, sheet_format: sheets.SheetFormat, by: str, as_json: bool) -> None:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    rows = sheets.parse_sheet(content, sheet_format)
    with progress_bar(Console(stderr=True)) as progress:
        bar = progress.add_task("labelled", total=len(rows))
        summary = sheets.import_rows(reviews, rows, by=by, advance=lambda: progress.advance(bar))
    if as_json:
        counts = {"labelled": summary.labelled, "unchanged": summary.unchanged, "failed": summary.failures}
        typer.echo(to_json(counts))
    else:
        typer.echo(f"{summary.labelled} labelled, {summary.unchanged} unchanged, {len(summary.failures)} failed")
    if summary.failures:
        raise TriptychError("\n".join(map(printable, summary.failures)))


@dataclass
class _TerminalReview:
    """A review session of one reviewer in a terminal."""

    reviews: Reviews
    documents: DocumentStore
    by: str
    console: Console = field(default_factory=Console)
    labelled: list[Record] = field(default_factory=list)

    def run(self, queue: Sequence[Deal]) -> None:
        """Show the documents of a queue until its end, or until the reviewer quits."""
        position = 0
        try:
            with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
                while position < len(queue):
                    title = Text(printable(f"{position + 1} of {len(queue)}: {queue[position].record.upload.key}"))
                    self.console.rule(title, align="left")
                    position = self._review_one(queue, position, Path(folder))
        except (KeyboardInterrupt, EOFError, _ReviewEnded):
            self.console.print()
        self.console.print(f"{len(self.labelled)} labelled." if queue else "The review queue is empty.")

    def _review_one(self, queue: Sequence[Deal], position: int, folder: Path) -> int:
        """Show a document until it is labelled or skipped. Return the position of the next one."""
        upload, shown_at = queue[position].record.upload, time.monotonic()
        record = self.reviews.find(upload.document, upload.sort_key)
        if record is None or record.review:
            self.console.print(Text("no longer in the queue: another reviewer has labelled it", style="dim"))
            return position + 1
        labels = record.labels()
        self.console.print(Text(printable(queue[position].reason)))
        self.console.print(_choices(labels))
        while True:
            answer = self.console.input("[bold]?[/] ").strip()
            if answer == "q":
                raise _ReviewEnded
            if answer == "s":
                return position + 1
            if answer == "u" and self.labelled:
                return self._undo(queue)
            if answer == "o":
                self._open(record, folder)
            elif answer == "w":  # only on request, because predictions bias the reviewer
                self.console.print(_predictions(record))
            elif answer:
                found = _chosen_labels(answer, labels)
                if len(found) == 1:
                    self._label(record, queue[position].draw, found[0], time.monotonic() - shown_at)
                    return position + 1
                self.console.print(Text(printable(describe_matches(answer, found)), style="yellow"))

    def _label(self, record: Record, draw: Draw, label: str, seconds: float) -> None:
        try:
            key = record.upload.document, record.upload.sort_key
            self.labelled.append(self.reviews.label(*key, label, self.by, seconds=seconds, draw=draw))
        except CannotReview as error:
            self._print_error(error)

    def _undo(self, queue: Sequence[Deal]) -> int:
        last = self.labelled.pop().upload
        try:
            self.reviews.undo(last.document, last.sort_key, self.by)
        except CannotReview as error:
            self._print_error(error)
        return next(position for position, deal in enumerate(queue) if deal.record.upload == last)

    def _open(self, record: Record, folder: Path) -> None:
        """Open the document in the program for its format, which its content decides, not its key."""
        try:
            content = self.documents.read(record.classified_object)
            file = folder / (record.upload.sort_key + suffix_for(content))
            file.write_bytes(content)
        except (DocumentRejected, DocumentUnavailable) as error:
            self._print_error(error)
        else:
            typer.launch(str(file))

    def _print_error(self, error: Exception) -> None:
        self.console.print(Text(printable(str(error)), style="red"))


class _ReviewEnded(Exception):
    """The reviewer quits."""


def _chosen_labels(answer: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that were typed: one by its number, or all that match a part of a label."""
    if answer == "0":
        return [NONE_OF_THESE]
    if answer.isascii() and answer.isdecimal() and 0 < int(answer) <= len(labels):
        return [labels[int(answer) - 1]]
    return find_labels(answer, [*labels, NONE_OF_THESE])


def _predictions(record: Record) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for version, outcome in sorted(record.predictions.items()):
        if isinstance(outcome, ModelFailure):
            text = outcome.kind
        else:
            text = f"{outcome.label} {format_confidence(outcome.confidence)}"
        table.add_row(Text(version, style="bold"), Text(printable(text)))
    return table


def _choices(labels: Sequence[str]) -> Text:
    numbered = [f"{number} {label}" for number, label in enumerate([NONE_OF_THESE, *labels])]
    commands = [
        "or the first letters of a label",
        "o open",
        "w what the versions predict",
        "s skip",
        "u undo",
        "q quit",
    ]
    return Text(printable("  ".join([*numbered, *commands])), style="dim")

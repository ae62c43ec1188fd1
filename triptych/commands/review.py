"""`triptych review`: label what waits for a person, at the terminal or by a sheet that a script fills in."""

import getpass
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from records.documents import DocumentStore
from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import ModelFailure
from records.record import Record
from records.reviews import NONE_OF_THESE
from triptych.commands.options import ByOption, JsonOption, StackOption
from triptych.commands.shared import progress_bar
from triptych.errors import TriptychError, UsageError
from triptych.review import sheets
from triptych.review.reviews import CannotReview, Reviews
from triptych.storage import connection
from triptych.terminal.record_views import format_confidence

Sheet = Annotated[sheets.Form | None, typer.Option("--format", help="Of the sheet; its name tells otherwise.")]


def review(
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the queue to this sheet (- prints it).")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="Store the labels of this sheet (- reads it).")
    ] = None,
    form: Sheet = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many documents.")] = 50,
    by: ByOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Label what the versions disagree on, and a random sample of what they agree on.

    With --export and --import a script or a spreadsheet does it; without, the documents come one after another. A
    sheet that is imported again changes nothing. Ends with 1 where a row could not be stored.
    """
    if export and import_:
        raise UsageError("Either --export or --import, not both.")
    to = connection.connect(stack)
    reviews = Reviews(to.table)
    if export:
        _export(reviews.queue(limit), export, form or sheets.Form.of(export))
    elif import_:
        _import(reviews, import_, form or sheets.Form.of(import_), by or getpass.getuser(), as_json)
    else:
        _Sitting(reviews, DocumentStore(to.s3, max_bytes=sys.maxsize), by or getpass.getuser()).hold(
            reviews.queue(limit)
        )


def _export(records: Sequence[Record], file: Path, form: sheets.Form) -> None:
    text = sheets.write(records, form)
    if str(file) == "-":
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"{len(records)} documents wait in {file}: fill in the column label, then --import it.", err=True)


def _import(reviews: Reviews, file: Path, form: sheets.Form, by: str, as_json: bool) -> None:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    rows = sheets.read(text, form)
    with progress_bar(Console(stderr=True)) as progress:
        bar = progress.add_task("labelled", total=len(rows))
        done = sheets.store(reviews, rows, by=by, advance=lambda: progress.advance(bar))
    if as_json:
        typer.echo(json.dumps({"labelled": done.labelled, "unchanged": done.unchanged, "failed": done.failures}))
    else:
        typer.echo(f"{done.labelled} labelled, {done.unchanged} stood already, {len(done.failures)} failed")
    if done.failures:
        raise TriptychError("\n".join(done.failures))


@dataclass
class _Sitting:
    """One person before a terminal."""

    reviews: Reviews
    documents: DocumentStore
    by: str
    console: Console = field(default_factory=Console)
    given: list[Record] = field(default_factory=list)

    def hold(self, queue: Sequence[Record]) -> None:
        """Go through the queue until it or the person's patience ends."""
        position = 0
        try:
            with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
                while position < len(queue):
                    title = Text(f"{position + 1} of {len(queue)}: {queue[position].upload.key}")
                    self.console.rule(title, align="left")
                    position = self._one(queue, position, Path(folder))
        except (KeyboardInterrupt, EOFError, _Enough):
            self.console.print()
        self.console.print(f"{len(self.given)} labelled." if queue else "Nothing waits for a person.")

    def _one(self, queue: Sequence[Record], position: int, folder: Path) -> int:
        """Show a document until it is answered; returns which comes next."""
        upload, shown = queue[position].upload, time.monotonic()
        record = self.reviews.find(upload.document, upload.sort_key)
        if record is None or record.queue is None:
            self.console.print(Text("no longer waits: somebody has labelled it meanwhile", style="dim"))
            return position + 1
        labels = record.labels()
        self.console.print(_choices(labels))
        while True:
            answer = self.console.input("[bold]?[/] ").strip()
            if answer == "q":
                raise _Enough
            if answer == "s":
                return position + 1
            if answer == "u" and self.given:
                return self._take_back(queue)
            if answer == "o":
                self._open(record, folder)
            elif answer == "w":  # not before it is asked for: what is seen is easily believed
                self.console.print(_answers(record))
            elif label := _chosen(answer, labels):
                self._label(record, label, time.monotonic() - shown)
                return position + 1

    def _label(self, record: Record, label: str, seconds: float) -> None:
        try:
            key = record.upload.document, record.upload.sort_key
            self.given.append(self.reviews.label(*key, label, self.by, seconds=seconds))
        except CannotReview as error:
            self.console.print(Text(str(error), style="red"))

    def _take_back(self, queue: Sequence[Record]) -> int:
        last = self.given.pop().upload
        try:
            self.reviews.undo(last.document, last.sort_key, self.by)
        except CannotReview as error:
            self.console.print(Text(str(error), style="red"))
        return next(place for place, record in enumerate(queue) if record.upload == last)

    def _open(self, record: Record, folder: Path) -> None:
        file = folder / (record.upload.sort_key + PurePosixPath(record.upload.key).suffix)
        try:
            file.write_bytes(self.documents.read(record.upload))
        except (DocumentRejected, DocumentUnavailable) as error:
            self.console.print(Text(str(error), style="red"))
        else:
            typer.launch(str(file))


class _Enough(Exception):
    """The person ends the sitting."""


def _chosen(answer: str, labels: Sequence[str]) -> str | None:
    """The label that was typed, by its number or in full."""
    if answer == "0":
        return NONE_OF_THESE
    if answer.isascii() and answer.isdecimal() and 0 < int(answer) <= len(labels):
        return labels[int(answer) - 1]
    return answer if answer in (*labels, NONE_OF_THESE) else None


def _answers(record: Record) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for version, said in sorted(record.predictions.items()):
        text = said.kind if isinstance(said, ModelFailure) else f"{said.label} {format_confidence(said.confidence)}"
        table.add_row(Text(version, style="bold"), Text(text))
    return table


def _choices(labels: Sequence[str]) -> Text:
    numbered = [f"{number} {label}" for number, label in enumerate([NONE_OF_THESE, *labels])]
    return Text("  ".join([*numbered, "o open", "w what the versions say", "s skip", "u undo", "q end"]), style="dim")

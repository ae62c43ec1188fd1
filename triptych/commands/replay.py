"""`triptych replay`: let a version that is not deployed answer stored documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from decoding.limits import Limits
from records.documents import DocumentStore
from records.outcomes import Prediction
from records.record import Record
from triptych.commands.candidates import (
    answers_path,
    available_workers,
    candidate_classifier,
    file_header,
    read_version,
)
from triptych.commands.options import JsonOption, StackOption
from triptych.commands.shared import INTERRUPTED, progress_bar, translate_aws_errors
from triptych.errors import TriptychError
from triptych.review.replay import ReplayAnswers, ReplayRun, documents_to_replay, pending, replay
from triptych.review.reports import LABELS
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import RecordQuery, Results
from triptych.terminal.text import printable, to_json

_MAX_SHOWN = 20


def replay_command(
    folder: Annotated[Path, typer.Argument(help="Folder of the model version.", show_default=False)],
    newest: Annotated[
        int, typer.Option(min=1, help="Number of newest documents; labelled ones are answered in addition.")
    ] = 10_000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Documents that are classified at the same time.", show_default="all CPUs"),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Discard the predictions of earlier runs.")] = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Classify stored documents with a version that is not deployed, on this machine.

    The predictions are stored in a file; no record changes. `triptych report --with FOLDER` then compares the version
    with the champion, and `triptych review --with FOLDER` shows the documents whose labels decide between them.

    Documents that have a prediction are skipped. You can press Ctrl-C at any time: the same command resumes.

    Exits with 1 if a document could not be classified for a temporary reason.
    """
    folder = folder.resolve()
    version = read_version(folder)
    conn = connection.connect(stack)
    path, header = answers_path(conn, version), file_header(conn, version)
    if restart:
        path.unlink(missing_ok=True)
    answers = ReplayAnswers.load(path, header)
    console = Console(stderr=True, highlight=False)
    run, records = _documents(Results(conn.table), newest)
    if known := len(records) - len(pending(records, answers)):
        console.print(f"{known} of {len(records)} documents already have a prediction.")
    answers.open(header)
    failures: list[str] | None = None
    try:
        answers.begin(run)
        failures = _replay(conn, folder, records, answers, workers or available_workers(), console)
    except KeyboardInterrupt:
        pass
    finally:
        answers.close()
    _print_summary(answers, records, failures or [], as_json, console)
    if failures is None:
        console.print("Interrupted. Run the same command to resume.")
        raise typer.Exit(INTERRUPTED)
    if failures:
        shown = [printable(failure) for failure in failures[:_MAX_SHOWN]]
        raise TriptychError("\n".join([*shown, f"{len(failures)} failed. Run the same command to retry these."]))


def _documents(results: Results, newest: int) -> tuple[ReplayRun, list[Record]]:
    """Return the period of the newest documents, and the records to replay: these and all labelled ones."""
    with translate_aws_errors():
        recent = results.newest(RecordQuery.where(), limit=newest)
        labelled = results.newest(RecordQuery.where(reviewed=True), limit=LABELS)
    if not any(record.verdict for record in recent):
        raise TriptychError("There is no classified document to replay.")
    times = [record.upload.event_time for record in recent]
    return ReplayRun(newest, min(times), max(times)), documents_to_replay(recent, labelled)


def _replay(
    conn: StackConnection,
    folder: Path,
    records: Sequence[Record],
    answers: ReplayAnswers,
    workers: int,
    console: Console,
) -> list[str]:
    """Answer the documents with a progress bar, and return what failed."""
    read = DocumentStore(conn.s3, max_bytes=Limits().max_bytes).read
    with candidate_classifier(folder, workers) as classify, progress_bar(console) as bar:
        task = bar.add_task("replayed", total=len(pending(records, answers)))
        # Twice as many threads as workers, so that documents are read while others are classified.
        return replay(records, answers, read, classify, workers=2 * workers, advance=lambda: bar.advance(task))


def _print_summary(
    answers: ReplayAnswers, records: Sequence[Record], failures: Sequence[str], as_json: bool, console: Console
) -> None:
    outcomes = [answers.of(record) for record in records]
    answered = sum(isinstance(outcome, Prediction) for outcome in outcomes)
    missing = outcomes.count(None)
    counts = {"answered": answered, "unanswerable": len(records) - answered - missing, "missing": missing}
    if as_json:
        typer.echo(to_json({**counts, "failures": list(failures), "file": str(answers.path)}, indent=2))
    else:
        console.print(
            f"{answered} classified, {counts['unanswerable']} without a readable object, {missing} missing. The "
            f"predictions are in {answers.path}.",
            markup=False,
            soft_wrap=True,
        )

"""`triptych backfill`: classify documents that are in the inbox already."""

import hashlib
import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from records.uploads import LATE_AFTER
from triptych.commands.options import JsonOption, StackOption, parse_time
from triptych.commands.shared import INTERRUPTED, progress_bar, translate_aws_errors
from triptych.errors import TriptychError, UsageError
from triptych.repair.backfill import Backfill, BackfillOutcome, KeyListing, RateLimiter, list_objects, select_keys
from triptych.repair.batch_job import BatchOperationsJob, write_batch_job
from triptych.repair.invocation import ALIAS, MAX_CONCURRENT, orchestrator_invoker
from triptych.repair.progress import BackfillProgress
from triptych.stack.home import Home
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results
from triptych.terminal.text import printable, to_json

MIN_AGE = LATE_AFTER + timedelta(minutes=1)
"""Minimum age of a document to backfill. A younger one could get two records: only late events are checked against
backfills, and one in time may still be in progress."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_MAX_SHOWN = 20


def backfill_command(
    prefix: Annotated[str, typer.Argument(help="Prefix of the keys; '' for the whole inbox.", show_default=False)],
    older_than: Annotated[
        str, typer.Option(help="Minimum age, such as 15m, 6h or 2d. The events of younger documents may still arrive.")
    ] = "15m",
    rate: Annotated[str, typer.Option(help="Maximum rate of invocations, such as 5/s or 300/m.")] = "5/s",
    checkpoint: Annotated[
        Path | None, typer.Option(help="File that keeps the progress.", show_default="one per stack and prefix")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Ignore the progress of an earlier run.")] = False,
    max_here: Annotated[
        int, typer.Option(min=1, help="For more documents than this, write an S3 Batch Operations job instead.")
    ] = 10_000,
    job_folder: Annotated[Path, typer.Option(help="Folder for that job.")] = Path("triptych-backfill"),
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Classify documents that were uploaded before the pipeline existed, or whose events were lost.

    Documents that already have a record are skipped. You can press Ctrl-C at any time: the same command resumes.

    Exits with 1 if a document failed.
    """
    per_second, before = _parse_rate(rate), _cutoff(older_than, datetime.now(UTC))
    conn = connection.connect(stack)
    console = Console(stderr=True, highlight=False)
    path = checkpoint or _default_path(conn, prefix)
    if restart:
        path.unlink(missing_ok=True)
    progress = BackfillProgress.load(path, conn.bucket, prefix)
    if progress.after:
        console.print(f"Resuming an interrupted run after {progress.after!r} ({path}).", markup=False, soft_wrap=True)
    with translate_aws_errors():
        objects = list_objects(conn.s3, conn.bucket, prefix, after=progress.after)
        listing = select_keys(objects, before=before, limit=max_here)
        if not listing.complete:
            _print_job(_write_job(conn, prefix, progress.after, before, job_folder), as_json, console)
            return
        invoke = orchestrator_invoker(conn)
        backfill = Backfill(conn.s3, conn.bucket, Results(conn.table), invoke, RateLimiter(per_second))
        interrupted = _run(backfill, listing, progress, conn.max_in_flight or MAX_CONCURRENT, console)
    _print_summary(backfill, listing, progress, as_json, console)
    if interrupted:
        console.print("Interrupted. Run the same command to resume.")
        raise typer.Exit(INTERRUPTED)
    progress.close()
    if progress.failed:
        raise TriptychError(_failures(progress))


def _run(
    backfill: Backfill, listing: KeyListing, progress: BackfillProgress, max_concurrent: int, console: Console
) -> bool:
    """Run the backfill. Return whether Ctrl-C interrupted it."""
    with progress_bar(console) as bar:
        task = bar.add_task("backfilled", total=len(listing.keys))
        try:
            backfill.run(listing, progress, max_concurrent=max_concurrent, on_done=lambda: bar.advance(task))
        except KeyboardInterrupt:
            return True
    return False


def _print_summary(
    backfill: Backfill, listing: KeyListing, progress: BackfillProgress, as_json: bool, console: Console
) -> None:
    counts = {outcome.replace(" ", "_"): backfill.counts[outcome] for outcome in BackfillOutcome}
    counts["too_young"] = listing.too_young
    if as_json:
        failures = [{"key": key, "why": failure} for key, failure in progress.failed.items()]
        typer.echo(to_json({**counts, "failures": failures, "job": None}, indent=2))
    else:
        parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        console.print(f"{', '.join(parts)}." if parts else "There are no documents to backfill.")


def _failures(progress: BackfillProgress) -> str:
    lines = [printable(f"{key}: {failure}") for key, failure in itertools.islice(progress.failed.items(), _MAX_SHOWN)]
    if (more := len(progress.failed) - _MAX_SHOWN) > 0:
        lines.append(f"… and {more} more, listed in {progress.path}")
    return "\n".join([*lines, "Run the same command to retry these."])


def _write_job(conn: StackConnection, prefix: str, after: str, before: datetime, folder: Path) -> BatchOperationsJob:
    objects = list_objects(conn.s3, conn.bucket, prefix, after=after)
    keys = (key for key, modified in objects if modified < before)
    return write_batch_job(folder, conn.bucket, keys, _function_arn(conn))


def _function_arn(conn: StackConnection) -> str:
    return conn.lambdas.get_alias(FunctionName=conn.function, Name=ALIAS)["AliasArn"]


def _print_job(job: BatchOperationsJob, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(to_json({"job": str(job.folder), "objects": job.objects}))
    console.print(
        f"{job.objects} documents are more than --max-here.\n"
        f"{job.folder} contains an S3 Batch Operations job for them. To start it:\n"
        f"  1. Create a role for it from role-trust.json and role-permissions.json in that folder.\n"
        f"  2. Run {job.folder}/submit.sh ROLE_ARN JOB_BUCKET\n"
        "     JOB_BUCKET is a bucket for manifest and report, other than the inbox.\n"
        "The job invokes the orchestrator with all the concurrency that the account allows. Before you start it, give\n"
        "the model services enough tasks (MaxModelTasks), or the orchestrator a reserved concurrency.",
        markup=False,
        soft_wrap=True,
    )


def _default_path(conn: StackConnection, prefix: str) -> Path:
    """Return the progress file of a bucket and prefix. That of the local stack is deleted together with the stack."""
    home = Home.default()
    folder = home.scratch if conn.endpoint_url else home.path
    name = hashlib.sha256(f"{conn.bucket}/{prefix}".encode()).hexdigest()[:16]
    return folder / "backfill" / f"{conn.name}-{name}.json"


def _cutoff(older_than: str, now: datetime) -> datetime:
    before = parse_time(older_than, now=now)
    if before > now - MIN_AGE:
        minutes = MIN_AGE // timedelta(minutes=1)
        raise UsageError(f"--older-than must be at least {minutes}m: the events of younger documents may still arrive.")
    return before


def _parse_rate(text: str) -> float:
    """Parse a rate such as `5/s`, `300/m` or `100/h` into events per second. Without a unit, it is per second."""
    if found := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(?:/([smh]))?", text.strip()):
        per_second = float(found[1]) / _SECONDS[found[2] or "s"]
        if per_second > 0:
            return per_second
    raise UsageError(f"Invalid rate {text!r}: use 5/s, 300/m or 100/h.")

"""`triptych backfill`: classify documents that were there before."""

import hashlib
import itertools
import json
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
from triptych.repair import batch_job
from triptych.repair.backfill import Backfill, BackfillOutcome, KeyListing, RateLimiter, documents, listed
from triptych.repair.batch_job import BatchJob
from triptych.repair.invocation import ALIAS, MAX_CONCURRENT, orchestrator_invoker
from triptych.repair.progress import BackfillProgress
from triptych.stack.home import Home
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

YOUNGEST = LATE_AFTER + timedelta(minutes=1)
"""The orchestrator checks late events against backfills, and a minute later it is done with those that came in time. A
younger upload could get two records."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SHOWN = 20


def backfill(
    prefix: Annotated[str, typer.Argument(help="Every document of the inbox below this; '' for all.")],
    older_than: Annotated[str, typer.Option(help="Leave younger ones to their own event: 15m, 6h, 2d.")] = "15m",
    rate: Annotated[str, typer.Option(help="At most so many invocations: 5/s, 300/m.")] = "5/s",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Where to keep the progress.", show_default="by stack")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget the progress of an earlier run.")] = False,
    max_here: Annotated[int, typer.Option(min=1, help="Past so many, write an S3 Batch Operations job.")] = 10_000,
    job_folder: Annotated[Path, typer.Option(help="Where that job is written.")] = Path("triptych-backfill"),
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Classify documents that were in the inbox before, or whose events never came.

    What has its record already is passed over. Ctrl-C at any time: the same command goes on from there.

    Ends with 0 when nothing failed, else with 1.
    """
    per_second, before = _rate(rate), _cutoff(older_than, datetime.now(UTC))
    to = connection.connect(stack)
    console = Console(stderr=True, highlight=False)
    path = checkpoint or _default_path(to, prefix)
    if restart:
        path.unlink(missing_ok=True)
    progress = BackfillProgress.load(path, to.bucket, prefix)
    if progress.resumes:
        console.print(
            f"Going on after {progress.after!r}, where an earlier run stopped ({path}).", markup=False, soft_wrap=True
        )
    with translate_aws_errors():
        found = listed(documents(to.s3, to.bucket, prefix, after=progress.after), before=before, limit=max_here)
        if not found.whole:
            _print_job(_write_job(to, prefix, progress, before, job_folder), as_json, console)
            return
        work = Backfill(to.s3, to.bucket, Results(to.table), orchestrator_invoker(to), RateLimiter(per_second))
        interrupted = _run(work, found, progress, to.max_in_flight or MAX_CONCURRENT, console)
    _report(work, found, progress, as_json, console)
    if interrupted:
        console.print("Stopped. The same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    progress.close()
    if progress.failed:
        raise TriptychError(_failures(progress))


def _run(work: Backfill, found: KeyListing, checkpoint: BackfillProgress, at_once: int, console: Console) -> bool:
    """Whether Ctrl-C cut it short."""
    keys = [*checkpoint.failed, *found.keys]
    with progress_bar(console) as progress:
        bar = progress.add_task("backfilled", total=len(keys))
        try:
            work.run(keys, checkpoint, at_once=at_once, done=lambda: progress.advance(bar))
        except KeyboardInterrupt:
            return True
    return False


def _report(work: Backfill, found: KeyListing, checkpoint: BackfillProgress, as_json: bool, console: Console) -> None:
    counts = {fate.replace(" ", "_"): work.fates[fate] for fate in BackfillOutcome} | {"too_young": found.too_young}
    if as_json:
        failed = [{"key": key, "why": why} for key, why in checkpoint.failed.items()]
        typer.echo(json.dumps({**counts, "failures": failed, "job": None}, indent=2, ensure_ascii=False))
    else:
        told = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        if found.too_young:
            told[-1] += ", left to their own events"
        console.print(", ".join(told) + "." if told else "There is no document to backfill.")


def _failures(checkpoint: BackfillProgress) -> str:
    lines = [f"{key}: {why}" for key, why in itertools.islice(checkpoint.failed.items(), _SHOWN)]
    if (more := len(checkpoint.failed) - _SHOWN) > 0:
        lines.append(f"… and {more} more, all in {checkpoint.path}")
    return "\n".join([*lines, "The same command tries these again."])


def _write_job(
    to: StackConnection, prefix: str, progress: BackfillProgress, before: datetime, folder: Path
) -> BatchJob:
    found = documents(to.s3, to.bucket, prefix, after=progress.after)
    keys = itertools.chain(progress.failed, (key for key, at in found if at < before))
    return batch_job.write(folder, to.bucket, keys, _function_arn(to))


def _function_arn(to: StackConnection) -> str:
    return to.lambdas.get_alias(FunctionName=to.function, Name=ALIAS)["AliasArn"]


def _print_job(job: BatchJob, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(json.dumps({"job": str(job.folder), "objects": job.objects}))
    console.print(
        f"{job.objects} documents are more than --max-here. {job.folder} holds an S3 Batch Operations job for them:\n"
        f"  1. Make a role for it, from role-trust.json and role-permissions.json in that folder.\n"
        f"  2. {job.folder}/submit.sh ROLE_ARN JOB_BUCKET   (a bucket for manifest and report; not the inbox)\n"
        "The job invokes the orchestrator as often at once as the account lets it. Give the model services the tasks\n"
        "for that (MaxModelTasks), or the orchestrator a reserved concurrency, before you start it.",
        markup=False,
        soft_wrap=True,
    )


def _default_path(to: StackConnection, prefix: str) -> Path:
    """One file a bucket and prefix. The local stack's goes when the stack goes, with the documents it is about."""
    home = Home.default()
    folder = home.scratch if to.endpoint_url else home.path
    name = hashlib.sha256(f"{to.bucket}/{prefix}".encode()).hexdigest()[:16]
    return folder / "backfill" / f"{to.name}-{name}.json"


def _cutoff(older_than: str, now: datetime) -> datetime:
    before = parse_time(older_than, now=now)
    if before > now - YOUNGEST:
        least = f"{YOUNGEST // timedelta(minutes=1)}m"
        raise UsageError(f"--older-than must be at least {least}: a younger document's own event may be on its way.")
    return before


def _rate(text: str) -> float:
    """Events a second, from `5/s`, `300/m`, `100/h` or a bare number of seconds' events."""
    if found := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(?:/([smh]))?", text.strip()):
        per_second = float(found[1]) / _SECONDS[found[2] or "s"]
        if per_second > 0:
            return per_second
    raise UsageError(f"{text!r} is no rate: give 5/s, 300/m or 100/h")

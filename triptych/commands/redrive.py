"""`triptych redrive`: look at what is unfinished, and let the orchestrator finish it."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from records.keys import timestamp
from triptych.commands.options import JsonOption, StackOption
from triptych.commands.shared import INTERRUPTED, format_age, progress_bar, translate_aws_errors
from triptych.errors import TriptychError
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.repair.invocation import MAX_CONCURRENT, orchestrator_invoker
from triptych.repair.redrive import Redrive, RedriveOutcome, RedrivePlan, group_tasks
from triptych.storage import connection
from triptych.storage.results import Results

_SHOWN = 20
"""Complaints that a person still reads; --json has all."""


def redrive(
    preview: Annotated[bool, typer.Option("--preview", "--dry-run", help="Only show what there is to do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    partial: Annotated[bool, typer.Option(help="Take records that are PARTIAL or FAILED too.")] = True,
    limit: Annotated[int, typer.Option(min=1, help="At most so many letters, and records of each status.")] = 1000,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Finish what could not be finished: events that failed every attempt, and incomplete records.

    A dead letter leaves the queue when its documents have final records, and not before.

    Ends with 0 when nothing is left to do (with --preview: always), else with 1.
    """
    to = connection.connect(stack)
    console = Console(stderr=True, highlight=False)
    with translate_aws_errors(), DeadLetterQueue(to.sqs, to.dead_letter_queue_url) as letters:
        repair = Redrive(letters, Results(to.table), orchestrator_invoker(to))
        plan = repair.plan(limit=limit, records=partial)
        if preview:
            _preview(plan, as_json, console)
            return
        _show(plan, console)
        if plan.jobs and not yes and sys.stdin.isatty():
            typer.confirm(f"Redrive these {len(plan.jobs)}?", default=True, abort=True, err=True)
        outcomes, interrupted = _run(repair, plan, to.max_in_flight or MAX_CONCURRENT, console)
    _report(plan, outcomes, as_json, console)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    _raise_for_what_is_left(plan, outcomes)


def _run(repair: Redrive, plan: RedrivePlan, at_once: int, console: Console) -> tuple[list[RedriveOutcome], bool]:
    """Every outcome, and whether Ctrl-C cut the run short."""
    outcomes: list[RedriveOutcome] = []
    with progress_bar(console) as progress:
        bar = progress.add_task("redriven", total=len(plan.jobs))

        def done(outcome: RedriveOutcome) -> None:
            outcomes.append(outcome)
            progress.advance(bar)

        try:
            repair.run(plan, at_once=at_once, done=done)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


def _preview(plan: RedrivePlan, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(json.dumps(_plan_as_dict(plan), indent=2, ensure_ascii=False))
    else:
        _show(plan, console)


def _show(plan: RedrivePlan, console: Console) -> None:
    """The preview: how many of each, since when, and why."""
    if not plan.jobs and not plan.unreadable:
        console.print("There is nothing to redrive.")
        return
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("What", "How many", "Oldest", "Why"):
        table.add_column(heading, justify="right" if heading in ("How many", "Oldest") else "left")
    for kind, why, jobs in group_tasks(plan.jobs):
        table.add_row(str(kind), str(len(jobs)), format_age(min(job.since for job in jobs), now=now), Text(why))
    for letter in plan.unreadable:
        parse_error = Text(f"cannot be read and stays: {letter.parse_error} (message {letter.id})", style="yellow")
        table.add_row("dead letter", "1", format_age(letter.sent, now=now), parse_error)
    console.print(table)
    if plan.waiting > plan.letters:
        console.print(f"About {plan.waiting} letters wait; these are the first {plan.letters}.", style="yellow")


def _report(plan: RedrivePlan, outcomes: Sequence[RedriveOutcome], as_json: bool, console: Console) -> None:
    left = [outcome for outcome in outcomes if outcome.left]
    untouched = len(plan.jobs) - len(outcomes)
    if as_json:
        content = {
            "handled": len(outcomes) - len(left),
            "left": [{"what": str(item.job.kind), "name": item.job.name, "why": item.left} for item in left],
            "unreadable": _unreadable(plan),
            "untouched": untouched,
        }
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif outcomes or untouched:
        rest = f", {untouched} not begun" if untouched else ""
        console.print(f"{len(outcomes) - len(left)} handled, {len(left)} left{rest}.")


def _raise_for_what_is_left(plan: RedrivePlan, outcomes: Sequence[RedriveOutcome]) -> None:
    left = [f"{outcome.job.name} ({outcome.job.kind}): {outcome.left}" for outcome in outcomes if outcome.left]
    left += [f"message {letter.id} stays in the queue: {letter.parse_error}" for letter in plan.unreadable]
    if left:
        more = [f"… and {len(left) - _SHOWN} more, which --json names"] if len(left) > _SHOWN else []
        raise TriptychError("\n".join([*left[:_SHOWN], *more]))


def _plan_as_dict(plan: RedrivePlan) -> dict[str, Any]:
    rows = [
        {"what": str(kind), "count": len(jobs), "oldest": timestamp(min(job.since for job in jobs)), "why": why}
        for kind, why, jobs in group_tasks(plan.jobs)
    ]
    return {"jobs": rows, "unreadable": _unreadable(plan), "letters_waiting": plan.waiting}


def _unreadable(plan: RedrivePlan) -> list[dict[str, str]]:
    return [
        {"message": letter.id, "sent": timestamp(letter.sent), "why": letter.parse_error} for letter in plan.unreadable
    ]

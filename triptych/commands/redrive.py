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
from triptych.commands.options import Json, Stack
from triptych.commands.shared import INTERRUPTED, age, aws_told, progress_bar
from triptych.errors import TriptychError
from triptych.repair.dead_letters import Letters
from triptych.repair.invocation import AT_ONCE, invoker
from triptych.repair.redrive import Outcome, Plan, Redrive, groups
from triptych.storage import connection
from triptych.storage.results import Results

_SHOWN = 20
"""Complaints that a person still reads; --json has all."""


def redrive(
    preview: Annotated[bool, typer.Option("--preview", "--dry-run", help="Only show what there is to do.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    partial: Annotated[bool, typer.Option(help="Take records that are PARTIAL or FAILED too.")] = True,
    limit: Annotated[int, typer.Option(min=1, help="At most so many letters, and records of each status.")] = 1000,
    as_json: Json = False,
    stack: Stack = None,
) -> None:
    """Finish what could not be finished: events that failed every attempt, and incomplete records.

    A dead letter leaves the queue when its documents have final records, and not before.

    Ends with 0 when nothing is left to do (with --preview: always), else with 1.
    """
    to = connection.find(stack)
    console = Console(stderr=True, highlight=False)
    with aws_told(), Letters(to.sqs, to.failure_queue_url) as letters:
        repair = Redrive(letters, Results(to.table), invoker(to))
        plan = repair.plan(limit=limit, records=partial)
        if preview:
            _preview(plan, as_json, console)
            return
        _show(plan, console)
        if plan.jobs and not yes and sys.stdin.isatty():
            typer.confirm(f"Redrive these {len(plan.jobs)}?", default=True, abort=True, err=True)
        outcomes, interrupted = _run(repair, plan, to.in_flight or AT_ONCE, console)
    _report(plan, outcomes, as_json, console)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    _raise_for_what_is_left(plan, outcomes)


def _run(repair: Redrive, plan: Plan, at_once: int, console: Console) -> tuple[list[Outcome], bool]:
    """Every outcome, and whether Ctrl-C cut the run short."""
    outcomes: list[Outcome] = []
    with progress_bar(console) as progress:
        bar = progress.add_task("redriven", total=len(plan.jobs))

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress.advance(bar)

        try:
            repair.run(plan, at_once=at_once, done=done)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


def _preview(plan: Plan, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(json.dumps(_plan_as_dict(plan), indent=2, ensure_ascii=False))
    else:
        _show(plan, console)


def _show(plan: Plan, console: Console) -> None:
    """The preview: how many of each, since when, and why."""
    if not plan.jobs and not plan.unreadable:
        console.print("There is nothing to redrive.")
        return
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("What", "How many", "Oldest", "Why"):
        table.add_column(heading, justify="right" if heading in ("How many", "Oldest") else "left")
    for kind, why, jobs in groups(plan.jobs):
        table.add_row(str(kind), str(len(jobs)), age(min(job.since for job in jobs), now=now), Text(why))
    for letter in plan.unreadable:
        flaw = Text(f"cannot be read and stays: {letter.flaw} (message {letter.id})", style="yellow")
        table.add_row("dead letter", "1", age(letter.sent, now=now), flaw)
    console.print(table)
    if plan.waiting > plan.letters:
        console.print(f"About {plan.waiting} letters wait; these are the first {plan.letters}.", style="yellow")


def _report(plan: Plan, outcomes: Sequence[Outcome], as_json: bool, console: Console) -> None:
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


def _raise_for_what_is_left(plan: Plan, outcomes: Sequence[Outcome]) -> None:
    left = [f"{outcome.job.name} ({outcome.job.kind}): {outcome.left}" for outcome in outcomes if outcome.left]
    left += [f"message {letter.id} stays in the queue: {letter.flaw}" for letter in plan.unreadable]
    if left:
        more = [f"… and {len(left) - _SHOWN} more, which --json names"] if len(left) > _SHOWN else []
        raise TriptychError("\n".join([*left[:_SHOWN], *more]))


def _plan_as_dict(plan: Plan) -> dict[str, Any]:
    rows = [
        {"what": str(kind), "count": len(jobs), "oldest": timestamp(min(job.since for job in jobs)), "why": why}
        for kind, why, jobs in groups(plan.jobs)
    ]
    return {"jobs": rows, "unreadable": _unreadable(plan), "letters_waiting": plan.waiting}


def _unreadable(plan: Plan) -> list[dict[str, str]]:
    return [{"message": letter.id, "sent": timestamp(letter.sent), "why": letter.flaw} for letter in plan.unreadable]

"""`triptych redrive`: process dead letters and incomplete records again."""

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
from triptych.commands.shared import INTERRUPTED, format_elapsed, progress_bar, translate_aws_errors
from triptych.errors import TriptychError
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.repair.invocation import MAX_CONCURRENT, orchestrator_invoker
from triptych.repair.redrive import Redrive, RedriveOutcome, RedrivePlan, group_tasks
from triptych.storage import connection
from triptych.storage.results import Results
from triptych.terminal.text import printable, to_json

_MAX_SHOWN = 20
"""Maximum number of failures to print; --json lists all."""

_ARROW = "\N{RIGHTWARDS ARROW}"
_INSPECT = "Inspect the message, and delete it if it does not belong to this stack."


def redrive_command(
    preview: Annotated[
        bool, typer.Option("--preview", "--dry-run", help="Show what would be processed, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    partial: Annotated[bool, typer.Option(help="Include records that are PARTIAL or FAILED.")] = True,
    limit: Annotated[
        int, typer.Option(min=1, help="Maximum number of dead letters, and of records of each status.")
    ] = 1000,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Process dead letters and incomplete records again.

    A dead letter is an event that failed every attempt. It is deleted only when its documents have final records.

    Exits with 1 if anything is left unfinished (with --preview: always 0).
    """
    conn = connection.connect(stack)
    console = Console(stderr=True, highlight=False)
    with translate_aws_errors(), DeadLetterQueue(conn.sqs, conn.dead_letter_queue_url) as queue:
        redrive = Redrive(queue, Results(conn.table), orchestrator_invoker(conn))
        plan = redrive.plan(limit=limit, records=partial)
        if preview:
            _print_preview(plan, as_json, console)
            return
        _print_plan(plan, console)
        if plan.tasks and not yes and sys.stdin.isatty():
            typer.confirm(f"Process {len(plan.tasks)} again?", default=True, abort=True, err=True)
        outcomes, interrupted = _run(redrive, plan, conn.max_in_flight or MAX_CONCURRENT, console)
    _print_summary(plan, outcomes, as_json, console)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    _raise_for_failures(plan, outcomes)


def _run(
    redrive: Redrive, plan: RedrivePlan, max_concurrent: int, console: Console
) -> tuple[list[RedriveOutcome], bool]:
    """Run the plan. Return the outcomes, and whether Ctrl-C interrupted it."""
    outcomes: list[RedriveOutcome] = []
    with progress_bar(console) as progress:
        bar = progress.add_task("redriven", total=len(plan.tasks))

        def on_done(outcome: RedriveOutcome) -> None:
            outcomes.append(outcome)
            progress.advance(bar)

        try:
            redrive.run(plan, max_concurrent=max_concurrent, on_done=on_done)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


def _print_preview(plan: RedrivePlan, as_json: bool, console: Console) -> None:
    if as_json:
        typer.echo(to_json(_plan_as_dict(plan), indent=2))
    else:
        _print_plan(plan, console)


def _print_plan(plan: RedrivePlan, console: Console) -> None:
    """Print the tasks in groups: kind, number, age of the oldest, and reason."""
    if not plan.tasks and not plan.unreadable:
        console.print("There is nothing to redrive.")
        return
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("Kind", "Count", "Oldest", "Reason"):
        table.add_column(heading, justify="right" if heading in ("Count", "Oldest") else "left")
    for kind, reason, tasks in group_tasks(plan.tasks):
        oldest = format_elapsed(min(task.since for task in tasks), now=now)
        table.add_row(str(kind), str(len(tasks)), oldest, Text(printable(reason)))
    for dead_letter in plan.unreadable:
        reason = f"unreadable, stays in the queue: {dead_letter.parse_error} (message {dead_letter.id})"
        table.add_row("dead letter", "1", format_elapsed(dead_letter.sent, now=now), Text(printable(reason), "yellow"))
    console.print(table)
    if plan.waiting > plan.received:
        message = f"The queue has about {plan.waiting} dead letters; these are the first {plan.received}."
        console.print(message, style="yellow")


def _print_summary(plan: RedrivePlan, outcomes: Sequence[RedriveOutcome], as_json: bool, console: Console) -> None:
    failed = [outcome for outcome in outcomes if outcome.failure]
    untouched = len(plan.tasks) - len(outcomes)
    if as_json:
        content = {
            "handled": len(outcomes) - len(failed),
            "left": [
                {
                    "what": str(outcome.task.kind),
                    "name": outcome.task.name,
                    "why": outcome.failure,
                    "remedy": outcome.remedy,
                }
                for outcome in failed
            ],
            "unreadable": _unreadable(plan),
            "untouched": untouched,
        }
        typer.echo(to_json(content, indent=2))
    elif outcomes or untouched:
        not_started = f", {untouched} not started" if untouched else ""
        console.print(f"{len(outcomes) - len(failed)} finished, {len(failed)} still unfinished{not_started}.")


def _raise_for_failures(plan: RedrivePlan, outcomes: Sequence[RedriveOutcome]) -> None:
    lines = [
        f"{outcome.task.name} ({outcome.task.kind}): {outcome.failure} {_ARROW} {outcome.remedy}"
        for outcome in outcomes
        if outcome.failure
    ]
    lines += [
        f"message {dead_letter.id} stays in the queue: {dead_letter.parse_error} {_ARROW} {_INSPECT}"
        for dead_letter in plan.unreadable
    ]
    if lines:
        more = [f"… and {len(lines) - _MAX_SHOWN} more (use --json to list all)"] if len(lines) > _MAX_SHOWN else []
        raise TriptychError("\n".join([*map(printable, lines[:_MAX_SHOWN]), *more]))


def _plan_as_dict(plan: RedrivePlan) -> dict[str, Any]:
    rows = [
        {
            "what": str(kind),
            "count": len(tasks),
            "oldest": timestamp(min(task.since for task in tasks)),
            "why": reason,
        }
        for kind, reason, tasks in group_tasks(plan.tasks)
    ]
    return {"jobs": rows, "unreadable": _unreadable(plan), "letters_waiting": plan.waiting}


def _unreadable(plan: RedrivePlan) -> list[dict[str, str]]:
    return [
        {"message": dead_letter.id, "sent": timestamp(dead_letter.sent), "why": dead_letter.parse_error}
        for dead_letter in plan.unreadable
    ]

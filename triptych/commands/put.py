"""`triptych put`: drop files and folders into the inbox, and wait for their records if asked to."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from orchestrator.records import Record
from triptych import inbox, render, target
from triptych.commands.options import Json, Stack
from triptych.errors import TriptychError
from triptych.inbox import Drop, Dropped
from triptych.results import Results

_UPLOADS_AT_ONCE = 4
_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0


def put(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose files go in with their path below it.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the records and print them.")] = False,
    prefix: Annotated[str, typer.Option(help="Put before every key, such as `2026/november/`.")] = "",
    timeout: Annotated[float, typer.Option(help="With --wait: seconds until a missing record is given up.")] = 60.0,
    as_json: Json = False,
    stack: Stack = None,
) -> None:
    """Drop documents into the inbox.

    Ends with 0 when everything was stored (with --wait: has its record, whatever that says), else with 1.
    """
    console = Console(stderr=True)
    drops = inbox.plan(paths, prefix=prefix)
    to = target.find(stack)
    with _progress(console) as progress:
        dropped, failures = _store(to, drops, progress)
        records = _await(Results(to.table), dropped, timeout, progress) if wait else {}
    if wait:
        _print_records([records[item] for item in dropped if item in records], as_json)
        failures += [f"{item.key} has no record after {timeout:g} s" for item in dropped if item not in records]
    else:
        _print_stored(dropped, as_json)
    if failures:
        raise TriptychError("\n".join(failures))


def _store(to: target.Target, drops: Sequence[Drop], progress: Progress) -> tuple[list[Dropped], list[str]]:
    """Store every file that can be stored; the others are sentences that say why not."""
    s3 = to.s3
    bar = progress.add_task("stored", total=len(drops))

    def store(what: Drop) -> Dropped | str:
        try:
            return inbox.drop(s3, to.bucket, what)
        except TriptychError as error:
            return str(error)
        finally:
            progress.advance(bar)

    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        done = list(pool.map(store, drops))
    return [item for item in done if isinstance(item, Dropped)], [item for item in done if isinstance(item, str)]


def _await(results: Results, dropped: Sequence[Dropped], timeout: float, progress: Progress) -> dict[Dropped, Record]:
    """The record of each document, as soon as it has one; those without one by the time limit are left out."""
    bar = progress.add_task("classified", total=len(dropped))
    records: dict[Dropped, Record] = {}
    until = time.monotonic() + timeout
    for pause in _pauses():
        before = len(records)
        for item in dropped:
            if item not in records and (record := results.of(item)):
                records[item] = record
                progress.advance(bar)
        if len(records) == len(dropped) or time.monotonic() > until:
            return records
        if len(records) == before:
            time.sleep(pause)
    raise AssertionError("pauses never end")


def _pauses() -> Iterator[float]:
    """Short at first, for a warm stack answers in a blink; longer later, for then something is slow."""
    pause = _PAUSE_S
    while True:
        yield pause
        pause = min(pause * 1.3, _LONGEST_PAUSE_S)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print_records(records: list[Record], as_json: bool) -> None:
    if as_json:
        typer.echo(render.as_json(records))
    elif records:
        Console().print(render.as_table(records))


def _print_stored(dropped: Sequence[Dropped], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"document": item.document, "version_id": item.version_id} for item in dropped]))
    else:
        for item in dropped:
            typer.echo(f"stored {item.document}")
        if dropped:
            Console(stderr=True).print("Read the verdicts with [bold]triptych results[/].", highlight=False)

"""Helpers shared by several commands."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from triptych.errors import TriptychError, UsageError

INTERRUPTED = 130
"""The exit code after Ctrl-C, as in shells."""


def progress_bar(console: Console) -> Progress:
    """Return a progress bar, which prints nothing unless the console is a terminal."""
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Translate errors of AWS calls into TriptychError, with AWS's own message."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise TriptychError(f"AWS returned an error: {error}") from error


def format_elapsed(moment: datetime, *, now: datetime) -> str:
    """Format the time since a moment in its largest unit: `3 d`, `5 h`, `12 min` or `8 s`."""
    passed = now - moment
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if passed >= length:
            return f"{passed // length} {unit}"
    return f"{max(0, int(passed.total_seconds()))} s"


def require_table_packages() -> None:
    """Check that the packages of the extra `analysis` are installed.

    Raises:
        UsageError: One is missing.
    """
    if not all(importlib.util.find_spec(name) for name in ("pyarrow", "duckdb")):
        raise UsageError("DuckDB and PyArrow are not installed. Install them with `make analysis`.")

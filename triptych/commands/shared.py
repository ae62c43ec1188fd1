"""What commands that work through many documents have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from triptych.errors import TriptychError

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def progress_bar(console: Console) -> Progress:
    """A bar with what is done, of how many, and the time left; nothing where no terminal shows it."""
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """What AWS refuses ends the command with AWS's own sentence."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise TriptychError(f"AWS refused: {error}") from error


def format_age(moment: datetime, *, now: datetime) -> str:
    """How long ago, in its largest unit: `3 d`, `5 h`, `12 min`, `8 s`."""
    passed = now - moment
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if passed >= length:
            return f"{passed // length} {unit}"
    return f"{max(0, int(passed.total_seconds()))} s"

"""Options that several commands share, and how their texts are read."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from triptych.errors import UsageError

StackOption = Annotated[
    str | None,
    typer.Option(help="Speak to this CloudFormation stack in AWS instead of the local one.", show_default="local"),
]
ByOption = Annotated[str | None, typer.Option(help="Who does this.", show_default="your user name")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, *, now: datetime) -> datetime:
    """A point in time: ISO 8601 (local time where no zone is given), or how long ago: 90s, 15m, 6h, 2d, 1w.

    Raises:
        UsageError: it is neither.
    """
    if ago := re.fullmatch(r"(\d{1,6})([smhdw])", text.strip()):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time: give 15m, 6h, 2d or 2026-11-22T09:30") from None

"""Options shared by several commands, and parsers for their values."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from triptych.errors import UsageError

StackOption = Annotated[
    str | None, typer.Option(help="CloudFormation stack in AWS to use.", show_default="the local stack")
]
ByOption = Annotated[str | None, typer.Option(help="Name to record as the author.", show_default="your user name")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WithOption = Annotated[
    Path | None,
    typer.Option("--with", help="Folder of a version that `triptych replay` has replayed.", show_default=False),
]
SinceOption = Annotated[
    str | None, typer.Option(help="Only uploads since then: 15m, 6h, 2d or an ISO time.", show_default=False)
]
UntilOption = Annotated[
    str | None, typer.Option(help="Only uploads until then: 15m, 6h, 2d or an ISO time.", show_default=False)
]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, *, now: datetime) -> datetime:
    """Parse a point in time: an age such as 90s, 15m, 6h, 2d or 1w, or ISO 8601 (local time without an offset).

    Raises:
        UsageError: The text is neither.
    """
    if age := re.fullmatch(r"(\d{1,6})([smhdw])", text.strip()):
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"Invalid time {text!r}: use 15m, 6h, 2d or 2026-11-22T09:30.") from None

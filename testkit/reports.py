"""Helpers for reports on a terminal."""

import math
import sys
from collections.abc import Sequence

from rich.console import Console


def report_console() -> Console:
    """Return a console for reports: as wide as the terminal, or wide enough for the tables in a file or pipe."""
    return Console() if sys.stdout.isatty() else Console(width=110)


def percentile(values: Sequence[float], rank: float) -> float:
    """Return the smallest value that at least `rank` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * rank / 100) - 1)]

"""Progress of the steps that start a stack."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def show_progress(console: Console, step: str) -> Iterator[None]:
    """Show that a step is in progress, and its duration afterwards."""
    started = time.monotonic()
    with console.status(f"{step} …"):
        yield
    console.print(f"[green]✓[/] {step} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)

"""Start and stop the local stack."""

from typing import Annotated

import typer
from rich.console import Console

from triptych import stack


def up(
    ingest: Annotated[
        stack.Ingest | None,
        typer.Option(
            help="How uploads reach the orchestrator: `direct`, or `queue` for bursts. As before, if not given."
        ),
    ] = None,
) -> None:
    """Start the local stack: template.yaml on an emulator, and the three model services.

    A running stack is brought up to date, or switched to the other ingest, with its documents and records.
    """
    console = Console(stderr=True)
    running = stack.up(console=console, ingest=ingest)
    console.print(f"The stack is up at {running.endpoint_url}; logs are in {running.logs}.", highlight=False)


def down() -> None:
    """Stop the local stack and everything it started. Its records are gone; logs and the build stay."""
    console = Console(stderr=True)
    stopped = stack.down(console=console)
    console.print("The local stack is stopped." if stopped else "No local stack was running.", highlight=False)

"""`triptych up` and `triptych down`: start and stop the local stack."""

from typing import Annotated

import typer
from rich.console import Console

from triptych import stack


def up_command(
    ingest: Annotated[
        stack.Ingest | None,
        typer.Option(
            help="How uploads reach the orchestrator: directly, or through a queue that absorbs bursts.",
            show_default="unchanged, or direct",
        ),
    ] = None,
) -> None:
    """Start the local stack: template.yaml on an emulator, and the three model services.

    A running stack is updated and keeps its documents and records. Its files are in .triptych, or in the folder that
    the environment variable TRIPTYCH_HOME names: a second folder is a second stack.
    """
    console = Console(stderr=True)
    running = stack.start_stack(console=console, ingest=ingest)
    console.print(f"The local stack is running at {running.endpoint_url}. Logs: {running.logs}", highlight=False)


def down_command() -> None:
    """Stop the local stack and all of its processes.

    Documents and records are deleted. Logs and the build are kept.
    """
    console = Console(stderr=True)
    stopped = stack.stop_stack(console=console)
    console.print("The local stack is stopped." if stopped else "No local stack is running.", highlight=False)

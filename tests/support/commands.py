"""Commands of the command-line interface, run in the test's process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from triptych.cli import app
from triptych.errors import TriptychError


@dataclass(frozen=True)
class CommandResult:
    """The result of a command.

    Attributes:
        exit_code: Its exit code.
        stdout: Its standard output.
        error: The message of the error that it ended with; empty if there was none.
    """

    exit_code: int
    stdout: str
    error: str

    @property
    def json(self) -> Any:
        """The standard output, parsed as JSON."""
        return json.loads(self.stdout)


def run_triptych(*arguments: str | Path, check: bool = True) -> CommandResult:
    """Run a command.

    Args:
        arguments: Everything after `triptych`.
        check: Whether the command must succeed.

    Raises:
        TriptychError: The command failed with it, and `check` is set.
    """
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    error = result.exception
    if error and (check or not isinstance(error, SystemExit | TriptychError)):
        raise error
    message = str(error) if isinstance(error, TriptychError) else ""
    return CommandResult(result.exit_code, result.stdout, message)

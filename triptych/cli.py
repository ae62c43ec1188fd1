"""The `triptych` command."""

import importlib.metadata
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from triptych.commands.backfill import backfill_command
from triptych.commands.console import console_command
from triptych.commands.env import env_command
from triptych.commands.expire import expire_command
from triptych.commands.forget import forget_command
from triptych.commands.invoke import invoke_command
from triptych.commands.package import package_command
from triptych.commands.plan import plan
from triptych.commands.preflight import preflight_command
from triptych.commands.promote import policy_command, promote_command
from triptych.commands.put import put_command
from triptych.commands.redrive import redrive_command
from triptych.commands.replay import replay_command
from triptych.commands.report import report_command
from triptych.commands.results import results_command, watch_command
from triptych.commands.review import review_command
from triptych.commands.stack import down_command, up_command
from triptych.commands.tables import export_command, sql_command
from triptych.commands.train import evaluate_command, train_command
from triptych.errors import TriptychError
from triptych.terminal.text import printable

_COMMANDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Local stack": {"up": up_command, "down": down_command, "env": env_command},
    "Documents": {
        "put": put_command,
        "results": results_command,
        "watch": watch_command,
        "console": console_command,
        "export": export_command,
        "sql": sql_command,
    },
    "Review and promotion": {
        "review": review_command,
        "report": report_command,
        "replay": replay_command,
        "promote": promote_command,
        "policy": policy_command,
    },
    "Deployment": {"plan": plan, "preflight": preflight_command},
    "Operation": {
        "redrive": redrive_command,
        "backfill": backfill_command,
        "forget": forget_command,
        "expire": expire_command,
    },
    "Models": {
        "train": train_command,
        "evaluate": evaluate_command,
        "package": package_command,
        "invoke": invoke_command,
    },
}
"""The commands by the group that `triptych --help` lists them in."""


def _help_text(function: Callable[..., Any]) -> str:
    """Return a docstring with each paragraph on one line, because Typer keeps the line breaks of all but the first."""
    paragraphs = inspect.getdoc(function) or ""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs.split("\n\n"))


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
for _group, _members in _COMMANDS.items():
    for _name, _command in _members.items():
        app.command(_name, help=_help_text(_command), rich_help_panel=_group)(_command)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"triptych {importlib.metadata.version('triptych')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Classify documents from an S3 bucket with three model versions, and find out which version to trust.

    Start with `triptych up`, then `triptych put FILE --wait`. Commands use the local stack unless --stack names one in
    AWS.

    Exit codes: 0 success, 1 failure, 2 invalid usage, 3 stack unavailable, 130 interrupted.
    """


app.callback(help=_help_text(_root))(_root)


def main() -> None:
    """Run the command line. Report expected errors in one message and exit with their exit code."""
    try:
        app()
    except TriptychError as error:
        _print_error(str(error))
        sys.exit(error.exit_code)
    except (BotoCoreError, ClientError) as error:  # such as credentials that expired
        _print_error(f"AWS returned an error: {error}")
        sys.exit(1)


def _print_error(message: str) -> None:
    text = printable(message, multiline=True)
    Console(stderr=True, soft_wrap=True).print(text, style="red", markup=False, highlight=False)

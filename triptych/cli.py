"""The `triptych` command: what a person types, bound to what does it."""

import sys

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from triptych.commands.backfill import backfill
from triptych.commands.console import console
from triptych.commands.plan import plan
from triptych.commands.promote import policy, promote
from triptych.commands.put import put
from triptych.commands.redrive import redrive
from triptych.commands.report import report
from triptych.commands.results import results, watch
from triptych.commands.review import review
from triptych.commands.stack import down, up
from triptych.commands.train import evaluate, train
from triptych.errors import TriptychError

app = typer.Typer(
    help="Three model versions classify every document dropped in S3, side by side.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    up,
    down,
    put,
    results,
    watch,
    console,
    review,
    report,
    promote,
    policy,
    redrive,
    backfill,
    train,
    evaluate,
    plan,
):
    app.command()(command)


def main() -> None:
    """Run the command; what goes wrong as foreseen ends it with a sentence and its exit code."""
    try:
        app()
    except TriptychError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        sys.exit(error.exit_code)
    except (BotoCoreError, ClientError) as error:  # such as a session that has expired meanwhile
        Console(stderr=True, soft_wrap=True).print(f"AWS refused: {error}", style="red", markup=False, highlight=False)
        sys.exit(1)

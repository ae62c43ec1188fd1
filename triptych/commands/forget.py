"""`triptych forget`: erase a document, its records and what was derived from it."""

from typing import Annotated

import typer

from triptych.commands.options import StackOption
from triptych.commands.shared import translate_aws_errors
from triptych.errors import TriptychError
from triptych.repair.erasure import Erasure
from triptych.storage import connection
from triptych.terminal.text import printable


def forget_command(
    document: Annotated[str, typer.Argument(help="Key of the document.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    stack: StackOption = None,
) -> None:
    """Erase a document for good: all versions of the object, its records and labels, and what was derived from it.

    Documents that were extracted from it, such as attachments, are erased as well. The command can be repeated.
    docs/privacy.md lists what is stored elsewhere, such as logs, backups and exports.
    """
    conn = connection.connect(stack)
    key = document.removeprefix(f"{conn.bucket}/")
    erasure = Erasure(conn.s3, conn.table, conn.bucket)
    with translate_aws_errors():
        plan = erasure.plan(key)
        if not plan.objects and not plan.records:
            raise TriptychError(f"There is no document {printable(key)!r}, and no record of it.")
        found = f"{len(plan.objects)} object versions and {len(plan.records)} records"
        if not yes:
            typer.confirm(f"Erase {found} of {printable(key)}?", abort=True, err=True)
        erasure.run(plan)
    typer.echo(f"erased {found} of {printable(key)}")

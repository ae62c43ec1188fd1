"""`triptych forget`: erase a document, its records and what was derived from it."""

from collections.abc import Collection, Sequence
from typing import Annotated

import typer

from triptych.commands.options import StackOption
from triptych.commands.shared import require_table_packages, translate_aws_errors
from triptych.errors import TriptychError
from triptych.repair.erasure import Erasure
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.terminal.text import printable


def forget_command(
    document: Annotated[str, typer.Argument(help="Key of the document.", show_default=False)],
    tables: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder or s3://BUCKET/PREFIX of an export in Parquet to erase the document from. Repeatable.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    stack: StackOption = None,
) -> None:
    """Erase a document permanently: all versions of the object, its records and labels, and what was derived from it.

    Documents that were extracted from it, such as attachments, are erased as well, and so are the rows for Athena
    (Analytics). The command can be repeated. docs/privacy.md lists what is stored elsewhere, such as logs and backups.
    """
    conn = connection.connect(stack)
    key = document.removeprefix(f"{conn.bucket}/")
    folders = [*(tables or ()), *([f"s3://{conn.analytics_bucket}/revisions"] if conn.analytics_bucket else ())]
    if folders:
        require_table_packages()
    erasure = Erasure(conn.s3, conn.table, conn.bucket)
    with translate_aws_errors():
        plan = erasure.plan(key)
        if not plan.objects and not plan.records and not folders:
            raise TriptychError(f"There is no document {printable(key)!r}, and no record of it.")
        found = f"{len(plan.objects)} object versions and {len(plan.records)} records"
        if not yes:
            typer.confirm(f"Erase {found} of {printable(key)}?", abort=True, err=True)
        # Records name what was extracted from the document, so that they are erased last.
        documents = {f"{conn.bucket}/{key}", *(record.upload.document for record in plan.records)}
        files = _erase_from_tables(folders, documents, conn)
        erasure.run(plan)
    if not plan.objects and not plan.records and not files:
        raise TriptychError(f"There is no document {printable(key)!r}, and no record or row of it.")
    typer.echo(f"erased {found} of {printable(key)}" + (f", and rows in {files} files" if folders else ""))


def _erase_from_tables(folders: Sequence[str], documents: Collection[str], conn: StackConnection) -> int:
    """Erase documents from exports, and return the number of files that contained them."""
    if not folders:
        return 0
    from triptych.tables.erasure import erase_rows
    from triptych.tables.files import Location

    return sum(erase_rows(Location.parse(folder, conn), documents) for folder in folders)

"""`triptych expire`: delete labelled records after a time, which `RecordDays` does not."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from triptych.commands.options import StackOption, parse_time
from triptych.commands.shared import translate_aws_errors
from triptych.repair.expiry import LabelExpiry
from triptych.storage import connection


def expire_command(
    labelled_before: Annotated[
        str, typer.Option(help="Age or date of the last write, label included: 730d or 2024-11-22.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    stack: StackOption = None,
) -> None:
    """Delete records with a label that were last classified or labelled before a time.

    Statistics and training can then no longer use these labels. Documents are kept: DocumentDays deletes them. So are
    records that are labelled meanwhile. Run the command again after an interruption, or on a schedule.
    """
    now = datetime.now(UTC)
    before = parse_time(labelled_before, now=now)
    conn = connection.connect(stack)
    expiry = LabelExpiry(conn.table, before)
    with translate_aws_errors():
        if not yes:
            found = f"{sum(1 for _ in expiry.expired())} labelled records"
            when = before.isoformat(timespec="minutes")
            typer.confirm(f"Delete {found} that were last written before {when}?", abort=True, err=True)
        deleted = sum(expiry.delete(record) for record in expiry.expired())
    typer.echo(f"deleted {deleted} labelled records")

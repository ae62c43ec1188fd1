"""`triptych export` and `triptych sql`: records and labels as tables, and SQL over them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from triptych.commands.options import JsonOption, StackOption, parse_time
from triptych.commands.shared import progress_bar, require_table_packages, translate_aws_errors
from triptych.errors import UsageError
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.tables.formats import TableFormat
from triptych.terminal.text import printable, to_json


def export_command(
    out: Annotated[
        str | None, typer.Argument(help="Folder or s3://BUCKET/PREFIX to write to.", show_default=False)
    ] = None,
    table_format: Annotated[TableFormat, typer.Option("--format", help="Format of the files.")] = TableFormat.PARQUET,
    since: Annotated[
        str | None,
        typer.Option(help="Only whole days of upload since then (UTC): 2d, 4w or an ISO date.", show_default=False),
    ] = None,
    athena: Annotated[
        bool, typer.Option("--athena", help="Write to the stack's bucket of Analytics=events instead, for Athena.")
    ] = False,
    stack: StackOption = None,
) -> None:
    """Export all records and labels as tables with typed columns, one file for each table and day of upload.

    docs/records.md describes the columns. Run the command again to continue an interrupted export. A later export
    replaces the files of the days that it covers.

    --athena adds records that were written before Analytics was set, or that are missing after an outage.
    """
    if (out is None) != athena:
        raise UsageError("Name either a folder to write to, or --athena.")
    require_table_packages()
    from triptych.tables.export import DailyReader, export_records, export_revisions
    from triptych.tables.files import Location

    now = datetime.now(UTC)
    first = parse_time(since, now=now).date() if since else None
    conn = connection.connect(stack)
    folder = Location.parse(out or _analytics_folder(conn), conn)
    with translate_aws_errors(), progress_bar(Console(stderr=True)) as progress:
        bar = progress.add_task("records", total=conn.table.item_count or None)

        def advance(_: date, records: int) -> None:
            progress.update(bar, completed=records)

        reader, today = DailyReader(conn.table), now.date()
        if athena:
            total = export_revisions(reader, folder, first, today=today, on_day=advance)
        else:
            total = export_records(reader, folder, first, table_format, today=today, on_day=advance)
    typer.echo(f"exported {total} records to {printable(out or 'the tables of Athena')}")


def _analytics_folder(conn: StackConnection) -> str:
    """Return the URL of the files of Analytics=events.

    Raises:
        UsageError: The stack has none.
    """
    if conn.analytics_bucket is None:
        raise UsageError(f"The stack {conn.name!r} has no tables for Athena. Deploy it with Analytics=events.")
    return f"s3://{conn.analytics_bucket}/revisions"


def sql_command(
    query: Annotated[str, typer.Argument(help="The query, in quotes.", show_default=False)],
    folder: Annotated[
        str, typer.Argument(help="Folder or s3://BUCKET/PREFIX of an export in Parquet.", show_default=False)
    ],
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Run SQL over an export, with DuckDB: triptych sql "select label, count(*) from records group by label" OUT.

    The tables are records, predictions and labels. The stack is needed only for a folder in S3.
    """
    require_table_packages()
    from triptych.tables.files import Location
    from triptych.tables.sql import run_sql

    result = run_sql(query, Location.parse(folder, None if "://" not in folder else connection.connect(stack)))
    if as_json:
        rows = [dict(zip(result.columns, map(_json_value, row), strict=True)) for row in result.rows]
        typer.echo(to_json(rows, indent=2))
        return
    table = Table(*(Column(Text(printable(column))) for column in result.columns))
    for row in result.rows:
        table.add_row(*(Text("" if value is None else printable(str(value))) for value in row))
    Console().print(table)


def _json_value(value: object) -> object:
    """Return numbers, booleans and NULL as they are, and other values, such as times, as text."""
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, int | float) else str(value)

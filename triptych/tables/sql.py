"""SQL over an export, with DuckDB. The tables are those of `schemas.SCHEMAS`, with the partition as a column `day`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs

from triptych.errors import TriptychError, UsageError
from triptych.tables.files import Location
from triptych.tables.schemas import SCHEMAS


@dataclass(frozen=True)
class SqlResult:
    """The rows that a query returned."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def run_sql(query: str, folder: Location) -> SqlResult:
    """Run a query over an export in the format Parquet. Only the columns and days that it names are read.

    Raises:
        UsageError: The folder contains no such export.
        TriptychError: DuckDB rejects the query.
    """
    connection = duckdb.connect()
    for name in SCHEMAS:
        connection.register(name, _dataset(folder / name, name))
    try:
        result = connection.execute(query)
        columns = [column[0] for column in result.description or ()]
        return SqlResult(columns, result.fetchall() if columns else [])
    except duckdb.Error as error:
        raise TriptychError(f"DuckDB rejects the query: {error}") from error


def _dataset(folder: Location, name: str) -> pyarrow.dataset.Dataset:
    """Return the files of a table. A table without rows has no files."""
    schema = SCHEMAS[name].append(pa.field("day", pa.date32()))
    kind = folder.filesystem.get_file_info(folder.path).type
    if kind != pyarrow.fs.FileType.Directory:
        if name == "records":
            raise UsageError(f"{folder.path} does not exist. Write the tables with `triptych export` first.")
        return pyarrow.dataset.dataset(schema.empty_table())
    selector = pyarrow.fs.FileSelector(folder.path, recursive=True)
    files = [info.path for info in folder.filesystem.get_file_info(selector) if info.path.endswith(".parquet")]
    if not files:
        raise UsageError(f"{folder.path} contains no Parquet files. SQL needs an export in that format.")
    return pyarrow.dataset.dataset(
        files,
        schema=schema,
        filesystem=folder.filesystem,
        format="parquet",
        partitioning=pyarrow.dataset.partitioning(pa.schema([("day", pa.date32())]), flavor="hive"),
    )

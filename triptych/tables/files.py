"""Files of an export: Parquet, CSV or JSON lines, in a local folder or in S3."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet

from records.rows import Row
from triptych.errors import UsageError
from triptych.storage.connection import StackConnection
from triptych.tables.formats import TableFormat


class RowWriter(Protocol):
    """Writes rows to one file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """End the file."""
        ...


@dataclass(frozen=True)
class Location:
    """A file or folder on a file system: a local path, or a key or prefix in a bucket."""

    filesystem: pyarrow.fs.FileSystem
    path: str

    @classmethod
    def parse(cls, location: str, conn: StackConnection | None) -> "Location":
        """Return the location of a path or an `s3://` URL, which is accessed with the credentials of a connection.

        Args:
            location: The path or URL.
            conn: The connection; needed for a URL only.

        Raises:
            UsageError: The URL has another scheme, or no bucket.
        """
        if "://" not in location:
            return cls(pyarrow.fs.LocalFileSystem(), location)
        scheme, _, path = location.partition("://")
        if scheme != "s3" or not path.strip("/"):
            raise UsageError(f"Cannot write to {location!r}: use a folder or s3://BUCKET/PREFIX.")
        credentials = conn.session.get_credentials() if conn else None
        if conn is None or credentials is None:
            raise UsageError(f"There are no AWS credentials to access {location}.")
        frozen = credentials.get_frozen_credentials()
        filesystem = pyarrow.fs.S3FileSystem(
            access_key=frozen.access_key,
            secret_key=frozen.secret_key,
            session_token=frozen.token,
            region=conn.session.region_name,
            endpoint_override=conn.endpoint_url,
        )
        return cls(filesystem, path.strip("/"))

    def __truediv__(self, name: str) -> "Location":
        """Return a file or folder within this one."""
        return Location(self.filesystem, f"{self.path}/{name}")

    def read_text(self) -> str | None:
        """Return the content of a small file; None if it does not exist."""
        try:
            with self.filesystem.open_input_stream(self.path) as file:
                return bytes(file.read()).decode()
        except FileNotFoundError:
            return None

    def write_text(self, text: str) -> None:
        """Replace the content of a small file, without a moment at which it is incomplete."""
        self.create_parent()
        draft = self.draft()
        with draft.filesystem.open_output_stream(draft.path) as file:
            file.write(text.encode())
        draft.move_to(self)

    def delete(self) -> None:
        """Delete the file, if it exists."""
        if self.filesystem.get_file_info(self.path).is_file:
            self.filesystem.delete_file(self.path)

    def move_to(self, target: "Location") -> None:
        """Rename the file, and replace another of this name."""
        self.filesystem.move(self.path, target.path)

    def create_parent(self) -> None:
        """Create the folder that contains the file."""
        if isinstance(self.filesystem, pyarrow.fs.LocalFileSystem):  # S3 has no folders
            self.filesystem.create_dir(self.path.rpartition("/")[0] or ".", recursive=True)

    def draft(self) -> "Location":
        """Return where the file is written until it is complete: a name that readers of tables skip.

        S3 as well: a stream that is closed after an exception ends the upload, so that an incomplete file would appear.
        """
        folder, _, name = self.path.rpartition("/")
        return Location(self.filesystem, f"{folder}/_{name}.part")


class TableFile:
    """A file with the rows of one table.

    It is a context manager: the file appears when the block ends, and not after an exception. Without rows, there is
    none, and one of an earlier export is deleted.
    """

    def __init__(self, target: Location, schema: pa.Schema, table_format: TableFormat) -> None:
        self._target, self._schema, self._format = target, schema, table_format
        self._writer: RowWriter | None = None

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the file."""
        if self._writer is None:
            if kind is None:
                self._target.delete()
            return
        self._writer.close()
        if kind is None:
            self._target.draft().move_to(self._target)
        else:
            self._target.draft().delete()

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        if not rows:
            return
        if self._writer is None:
            self._target.create_parent()
            stream = self._target.draft().filesystem.open_output_stream(self._target.draft().path)
            self._writer = _open_writer(stream, self._schema, self._format)
        self._writer.write(rows)


def _open_writer(stream: pa.NativeFile, schema: pa.Schema, table_format: TableFormat) -> RowWriter:
    if table_format is TableFormat.JSONL:
        return _JsonWriter(stream, schema)
    return _ArrowWriter(stream, schema, table_format)


class _ArrowWriter:
    """Writes Parquet or CSV."""

    def __init__(self, stream: pa.NativeFile, schema: pa.Schema, table_format: TableFormat) -> None:
        self._stream, self._schema = stream, schema
        kind: Any = pyarrow.parquet.ParquetWriter if table_format is TableFormat.PARQUET else pyarrow.csv.CSVWriter
        self._writer = kind(stream, schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(pa.Table.from_pylist(rows, self._schema))

    def close(self) -> None:
        self._writer.close()
        self._stream.close()


class _JsonWriter:
    """Writes one JSON object per line, without columns that have no value."""

    def __init__(self, stream: pa.NativeFile, schema: pa.Schema) -> None:
        self._stream, self._schema = stream, schema

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            present = {name: row[name] for name in self._schema.names if row.get(name) is not None}
            self._stream.write(json.dumps(present, default=_json_value, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self._stream.close()


def _json_value(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds")

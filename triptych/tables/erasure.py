"""Erasure of documents from Parquet files: those of an export, and those of Analytics=events."""

from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute
import pyarrow.fs
import pyarrow.parquet

from triptych.tables.files import Location


def erase_rows(folder: Location, documents: Collection[str]) -> int:
    """Remove the rows of documents from all Parquet files below a folder.

    A file is replaced as a whole, or deleted if no row is left. Files without such rows are only read. An erasure that
    was interrupted can be repeated.

    Args:
        folder: The folder. It may be missing.
        documents: The documents, each as `BUCKET/KEY`.

    Returns:
        The number of files that contained such rows.
    """
    names = pa.array(documents, pa.string())
    return sum(_erase_from(file, names) for file in _parquet_files(folder))


def _parquet_files(folder: Location) -> Iterator[Location]:
    selector = pyarrow.fs.FileSelector(folder.path, recursive=True, allow_not_found=True)
    for found in folder.filesystem.get_file_info(selector):
        if found.is_file and found.path.endswith(".parquet"):
            yield Location(folder.filesystem, found.path)


def _erase_from(file: Location, documents: pa.StringArray) -> bool:
    """Remove rows from a file, and return whether there were any."""
    with file.filesystem.open_input_file(file.path) as stream:
        source = pyarrow.parquet.ParquetFile(stream)
        column = source.read(columns=["document"])["document"]
        found = len(column.filter(pyarrow.compute.is_in(column, value_set=documents)))
        if 0 < found < len(column):
            _write_others(source, documents, file.draft())
    if not found:
        return False
    if found < len(column):
        file.draft().move_to(file)
    else:
        file.delete()
    return True


def _write_others(source: pyarrow.parquet.ParquetFile, documents: pa.StringArray, target: Location) -> None:
    """Write the rows of all other documents, a batch at a time."""
    with (
        target.filesystem.open_output_stream(target.path) as stream,
        pyarrow.parquet.ParquetWriter(stream, source.schema_arrow) as writer,
    ):
        for batch in source.iter_batches():
            is_other = pyarrow.compute.invert(pyarrow.compute.is_in(batch["document"], value_set=documents))
            writer.write_batch(batch.filter(is_other))

"""Protects: erasing a document from Parquet files removes its rows, and changes no other file or row."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.tables.erasure import erase_rows
from triptych.tables.files import Location

_COLUMNS: list[tuple[str, pa.DataType]] = [
    ("document", pa.string()),
    ("revision", pa.int32()),
    ("labels", pa.list_(pa.struct([("by", pa.string())]))),
]
SCHEMA = pa.schema(_COLUMNS)
"""Columns with the types of a row of Analytics=events."""


def write(path: Path, documents: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"document": name, "revision": n, "labels": [{"by": "ada"}]} for n, name in enumerate(documents)]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), path, row_group_size=2)


def read(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pyarrow.parquet.ParquetFile(path).read().to_pylist()
    return rows


def test_only_files_with_the_document_are_written_again(tmp_path: Path) -> None:
    mixed, other = tmp_path / "arrived=2026-11-22" / "1.parquet", tmp_path / "arrived=2026-11-23" / "2.parquet"
    only, text = tmp_path / "arrived=2026-11-23" / "3.parquet", tmp_path / "notes.txt"
    write(mixed, ["inbox/a", "inbox/b", "inbox/a", "inbox/a.old"])
    write(other, ["inbox/b"])
    write(only, ["inbox/a"])
    text.write_text("inbox/a")
    unchanged = other.read_bytes()
    assert erase_rows(Location.parse(str(tmp_path), None), ["inbox/a"]) == 2
    assert [(row["document"], row["revision"]) for row in read(mixed)] == [("inbox/b", 1), ("inbox/a.old", 3)]
    assert other.read_bytes() == unchanged
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {mixed, other, text}


def test_missing_folder_contains_nothing(tmp_path: Path) -> None:
    assert erase_rows(Location.parse(str(tmp_path / "none"), None), ["inbox/a"]) == 0


def test_interruption_keeps_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "1.parquet", ["inbox/a", "inbox/b"])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Location, "move_to", interrupt)
        with pytest.raises(KeyboardInterrupt):
            erase_rows(Location.parse(str(tmp_path), None), ["inbox/a"])
    assert len(read(tmp_path / "1.parquet")) == 2
    assert erase_rows(Location.parse(str(tmp_path), None), ["inbox/a"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["1.parquet"]


@settings(max_examples=25)
@given(documents=st.lists(st.sampled_from("abcd"), max_size=8), erased=st.sets(st.sampled_from("abcd"), min_size=1))
def test_exactly_the_rows_of_the_documents_are_removed(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], erased: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    write(folder / "1.parquet", documents)
    others = [name for name in documents if name not in erased]
    changed = erase_rows(Location.parse(str(folder), None), sorted(erased))
    assert changed == (others != documents)
    if others or not documents:
        assert [row["document"] for row in read(folder / "1.parquet")] == others
    else:
        assert not list(folder.iterdir())

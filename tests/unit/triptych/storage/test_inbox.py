"""Protects: a person's files get the keys they expect, none silently lost or overwritten by another."""

from pathlib import Path

import pytest

from triptych.errors import TriptychError, UsageError
from triptych.storage.connection import StackConnection
from triptych.storage.inbox import FileUpload, plan_uploads, put_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("scan.pdf", "2026/november/Rechnung Zürich.pdf", ".DS_Store", ".cache/thumb.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def test_a_folder_s_files_keep_their_path_below_it_and_hidden_ones_stay(folder: Path) -> None:
    assert [what.key for what in plan_uploads([folder])] == ["2026/november/Rechnung Zürich.pdf", "scan.pdf"]


def test_a_file_gets_its_name_behind_the_prefix(folder: Path) -> None:
    assert plan_uploads([folder / "scan.pdf"], prefix="in/") == [FileUpload(folder / "scan.pdf", "in/scan.pdf")]


def test_two_files_for_one_key_are_refused_before_anything_is_stored(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"scan\.pdf"):
        plan_uploads([folder, folder / "scan.pdf"])


def test_a_path_that_is_not_there_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        plan_uploads([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="holds no file"):
        plan_uploads([tmp_path])


def test_a_dropped_file_is_in_the_bucket_with_its_version(stack: StackConnection, folder: Path) -> None:
    s3 = stack.s3
    done = put_file(s3, stack.bucket, FileUpload(folder / "scan.pdf", "in/scan.pdf"))
    stored = s3.get_object(Bucket="inbox", Key="in/scan.pdf", VersionId=str(done.version_id))
    assert stored["Body"].read() == b"x"
    assert stored["ContentType"] == "application/pdf"
    assert stored["ETag"].strip('"') == done.etag


def test_a_file_that_cannot_be_stored_is_named(stack: StackConnection, folder: Path) -> None:
    with pytest.raises(TriptychError, match=r"scan\.pdf could not be stored"):
        put_file(stack.s3, "no-such-bucket", FileUpload(folder / "scan.pdf", "scan.pdf"))
    with pytest.raises(TriptychError, match="cannot be read"):
        put_file(stack.s3, "inbox", FileUpload(folder / "gone.pdf", "gone.pdf"))

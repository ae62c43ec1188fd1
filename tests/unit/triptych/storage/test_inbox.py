"""Protects: files get the expected keys; none is silently lost or overwritten by another."""

import os
from pathlib import Path
from unittest.mock import Mock

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


def test_files_of_a_folder_keep_their_path_and_hidden_files_are_left_out(folder: Path) -> None:
    assert [upload.key for upload in plan_uploads([folder])] == ["2026/november/Rechnung Zürich.pdf", "scan.pdf"]


def test_a_file_gets_the_prefix_and_its_name(folder: Path) -> None:
    assert plan_uploads([folder / "scan.pdf"], prefix="in/") == [FileUpload(folder / "scan.pdf", "in/scan.pdf")]


def test_two_files_with_the_same_key_are_rejected(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"scan\.pdf"):
        plan_uploads([folder, folder / "scan.pdf"])


def test_a_missing_path_or_an_empty_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        plan_uploads([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="contains no files"):
        plan_uploads([tmp_path])


def test_put_file_stores_content_type_etag_and_version(stack: StackConnection, folder: Path) -> None:
    s3 = stack.s3
    done = put_file(s3, stack.bucket, FileUpload(folder / "scan.pdf", "in/scan.pdf"))
    stored = s3.get_object(Bucket="inbox", Key="in/scan.pdf", VersionId=str(done.version_id))
    assert stored["Body"].read() == b"x"
    assert stored["ContentType"] == "application/pdf"
    assert stored["ETag"].strip('"') == done.etag


def test_put_file_names_a_file_that_cannot_be_stored(stack: StackConnection, folder: Path) -> None:
    with pytest.raises(TriptychError, match=r"scan\.pdf could not be stored"):
        put_file(stack.s3, "no-such-bucket", FileUpload(folder / "scan.pdf", "scan.pdf"))
    with pytest.raises(TriptychError, match="cannot be read"):
        put_file(stack.s3, "inbox", FileUpload(folder / "gone.pdf", "gone.pdf"))


def test_put_file_rejects_a_file_name_that_is_not_utf8(stack: StackConnection, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"Pr\xfcfung.pdf")
    path.write_bytes(b"x")
    [upload] = plan_uploads([tmp_path])
    with pytest.raises(TriptychError, match="its name is not UTF-8"):
        put_file(stack.s3, stack.bucket, upload)


def test_the_version_id_null_is_stored_as_none(folder: Path) -> None:
    """S3 reports the version ID `null` where versioning is suspended."""
    response = {"ETag": '"abc"', "VersionId": "null", "ResponseMetadata": {"HTTPHeaders": {}}}
    s3 = Mock(put_object=Mock(return_value=response))
    assert put_file(s3, "inbox", FileUpload(folder / "scan.pdf", "scan.pdf")).version_id is None

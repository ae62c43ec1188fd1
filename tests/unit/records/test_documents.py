"""Protects: exactly the announced upload is read, and each way of not reading it has its own name."""

import io
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from records.documents import DocumentStore
from records.errors import DocumentRejected, DocumentUnavailable
from tests.support.uploads import upload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def put(s3: "S3Client", body: bytes, key: str = "scan.pdf") -> Any:
    return s3.put_object(Bucket="documents", Key=key, Body=body)


def test_the_bytes_of_the_object_are_read(s3: "S3Client") -> None:
    put(s3, b"%PDF-")
    assert DocumentStore(s3, max_bytes=10).read(upload("scan.pdf")) == b"%PDF-"


def test_a_version_is_read_even_after_another_upload_replaced_it(s3: "S3Client") -> None:
    s3.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
    first = put(s3, b"first")
    put(s3, b"second")
    assert DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", version_id=first["VersionId"])) == b"first"


def test_without_versions_a_replaced_upload_is_not_mistaken_for_its_successor(s3: "S3Client") -> None:
    etag = put(s3, b"first")["ETag"].strip('"')
    put(s3, b"second")
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", etag=etag))
    assert raised.value.reason.kind == "superseded"


def test_an_object_deleted_before_it_was_read_is_rejected_as_deleted(s3: "S3Client") -> None:
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("gone.pdf"))
    assert raised.value.reason.kind == "deleted"


@pytest.mark.parametrize(("announced", "kind"), [(0, "empty"), (11, "too-large")])
def test_the_size_in_the_event_is_checked_before_anything_is_read(announced: int, kind: str) -> None:
    silent = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(silent), pytest.raises(DocumentRejected) as raised:  # any call would fail: nothing is stubbed
        DocumentStore(silent, max_bytes=10).read(upload(size=announced))
    assert raised.value.reason.kind == kind


def test_an_object_larger_than_its_event_said_is_rejected_unread(s3: "S3Client") -> None:
    put(s3, b"x" * 11)
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", size=5))
    assert raised.value.reason.kind == "too-large"


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDenied", "access-denied"), ("KMS.DisabledException", "access-denied"), ("SlowDown", "storage-error")],
)
def test_what_may_pass_is_unavailable_and_not_rejected(code: str, kind: str) -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", service_error_code=code)
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == kind


def test_a_connection_that_breaks_while_reading_is_unavailable() -> None:
    class Breaks(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://s3.example")

    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_response("get_object", {"ContentLength": 5, "Body": StreamingBody(Breaks(), 5)})  # type: ignore[arg-type]
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == "storage-error"


def test_an_object_is_described_as_its_event_would_have_announced_it(s3: "S3Client") -> None:
    s3.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
    stored = put(s3, b"%PDF-")
    found = DocumentStore(s3, max_bytes=10).describe("documents", "scan.pdf", None)
    assert (found.size, found.version_id, found.backfilled) == (5, stored["VersionId"], True)
    assert found.etag == stored["ETag"].strip('"')
    assert DocumentStore(s3, max_bytes=10).describe("documents", "scan.pdf", stored["VersionId"]) == found


def test_an_object_that_is_gone_cannot_be_described(s3: "S3Client") -> None:
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).describe("documents", "gone.pdf", None)
    assert raised.value.reason.kind == "deleted"

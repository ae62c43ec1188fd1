"""Protects: exactly the announced upload is read, within its limits, and each failure has its own name."""

import io
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from records.documents import DocumentStore
from records.errors import DocumentRejected, DocumentUnavailable
from records.record import PERMANENT_REASONS
from records.uploads import synthetic_sequencer
from tests.support.slow_storage import slow_storage
from tests.support.uploads import NOON, upload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def put(s3: "S3Client", body: bytes, key: str = "scan.pdf") -> Any:
    return s3.put_object(Bucket="documents", Key=key, Body=body)


def test_content_of_the_object_is_read(s3: "S3Client") -> None:
    put(s3, b"%PDF-")
    assert DocumentStore(s3, max_bytes=10).read(upload("scan.pdf")) == b"%PDF-"


def test_version_is_read_although_a_later_upload_replaced_it(s3: "S3Client") -> None:
    s3.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
    first = put(s3, b"first")
    put(s3, b"second")
    assert DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", version_id=first["VersionId"])) == b"first"


def test_replaced_object_without_versions_is_superseded(s3: "S3Client") -> None:
    etag = put(s3, b"first")["ETag"].strip('"')
    put(s3, b"second")
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", etag=etag))
    assert raised.value.reason.kind == "superseded"


def test_deleted_object_is_rejected(s3: "S3Client") -> None:
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("gone.pdf"))
    assert raised.value.reason.kind == "deleted"


@pytest.mark.parametrize(("announced", "kind"), [(0, "empty"), (11, "too-large")])
def test_size_in_the_event_is_checked_before_the_read(announced: int, kind: str) -> None:
    unused = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(unused), pytest.raises(DocumentRejected) as raised:  # any call would fail: nothing is stubbed
        DocumentStore(unused, max_bytes=10).read(upload(size=announced))
    assert raised.value.reason.kind == kind


def test_object_larger_than_its_event_states_is_rejected(s3: "S3Client") -> None:
    put(s3, b"x" * 11)
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", size=5))
    assert raised.value.reason.kind == "too-large"


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDenied", "access-denied"), ("KMS.DisabledException", "access-denied"), ("SlowDown", "storage-error")],
)
def test_transient_failure_is_unavailable(code: str, kind: str) -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", service_error_code=code)
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == kind


def test_broken_connection_is_unavailable() -> None:
    class Breaks(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://s3.example")

    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stub.add_response("get_object", {"ContentLength": 5, "Body": StreamingBody(Breaks(), 5)})  # type: ignore[arg-type]
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == "storage-error"


def test_object_is_described_like_its_event(s3: "S3Client") -> None:
    s3.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
    stored = put(s3, b"%PDF-")
    found = DocumentStore(s3, max_bytes=10).describe("documents", "scan.pdf", None)
    assert (found.size, found.version_id, found.backfilled) == (5, stored["VersionId"], True)
    assert found.etag == stored["ETag"].strip('"')
    assert DocumentStore(s3, max_bytes=10).describe("documents", "scan.pdf", stored["VersionId"]) == found


def test_deleted_object_cannot_be_described(s3: "S3Client") -> None:
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).describe("documents", "gone.pdf", None)
    assert raised.value.reason.kind == "deleted"


def test_unknown_size_is_read_from_the_object(s3: "S3Client") -> None:
    put(s3, b"%PDF-")
    assert DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", size=None)) == b"%PDF-"


@pytest.mark.parametrize(("body", "kind"), [(b"", "empty"), (b"x" * 11, "too-large")])
def test_object_of_unknown_size_has_the_same_limits(s3: "S3Client", body: bytes, kind: str) -> None:
    put(s3, body)
    with pytest.raises(DocumentRejected) as raised:
        DocumentStore(s3, max_bytes=10).read(upload("scan.pdf", size=None))
    assert raised.value.reason.kind == kind


@pytest.mark.parametrize("version_id", [None, "null"])
def test_null_version_selects_the_newest_object(s3: "S3Client", version_id: str | None) -> None:
    stored = put(s3, b"%PDF-")
    store = DocumentStore(s3, max_bytes=10)
    described = store.describe("documents", "scan.pdf", version_id)
    assert (described.version_id, described.etag) == (None, stored["ETag"].strip('"'))
    assert store.read(upload("scan.pdf", version_id=version_id, etag=described.etag)) == b"%PDF-"


def test_object_with_suspended_versions_is_described_by_its_etag() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        head = {"ETag": '"abc"', "VersionId": "null", "LastModified": NOON, "ContentLength": 5}
        stub.add_response("head_object", head)
        described = DocumentStore(client, max_bytes=10).describe("documents", "scan.pdf", None)
    assert (described.version_id, described.sequencer) == (None, synthetic_sequencer(NOON, "abc"))


def test_read_of_a_trickling_body_ends_when_its_time_is_up() -> None:
    with slow_storage() as server:
        started = time.monotonic()
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(server.client(), max_bytes=200_000, max_seconds=0.3).read(upload(size=None))
        assert 0.3 <= time.monotonic() - started < 5
    assert raised.value.reason.kind == "storage-slow"


ENCRYPTED = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided."


def stubbed(stub: Stubber, operation: str, code: str, message: str, status: int) -> None:
    stub.add_client_error(operation, service_error_code=code, service_message=message, http_status_code=status)


@pytest.mark.parametrize(
    ("code", "message", "status", "kind", "advice"),
    [
        ("InvalidObjectState", "not valid for the object's storage class", 403, "archived", "restore it"),
        ("InvalidRequest", ENCRYPTED, 400, "customer-encrypted", "upload it again without SSE-C"),
        ("MethodNotAllowed", "not allowed against this resource", 405, "deleted", "was deleted"),
    ],
)
def test_object_that_no_retry_can_read_is_rejected_with_advice(
    code: str, message: str, status: int, kind: str, advice: str
) -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stubbed(stub, "get_object", code, message, status)
        with pytest.raises(DocumentRejected) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == kind
    assert advice in raised.value.reason.detail
    assert kind in PERMANENT_REASONS


def test_invalid_request_that_does_not_concern_encryption_is_unavailable() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stubbed(stub, "get_object", "InvalidRequest", "The request is not valid.", 400)
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).read(upload())
    assert raised.value.reason.kind == "storage-error"


def test_customer_encrypted_object_cannot_be_described() -> None:
    """The response to HEAD has no body, so that the cause of status 400 is in the response to GET."""
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stubbed(stub, "head_object", "400", "Bad Request", 400)
        stubbed(stub, "get_object", "InvalidRequest", ENCRYPTED, 400)
        with pytest.raises(DocumentRejected) as raised:
            DocumentStore(client, max_bytes=10).describe("documents", "scan.pdf", None)
        stub.assert_no_pending_responses()
    assert raised.value.reason.kind == "customer-encrypted"


def test_expired_token_is_not_taken_for_encryption() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        stubbed(stub, "head_object", "400", "Bad Request", 400)
        stubbed(stub, "get_object", "ExpiredToken", "The provided token has expired.", 400)
        with pytest.raises(DocumentUnavailable) as raised:
            DocumentStore(client, max_bytes=10).describe("documents", "scan.pdf", None)
    assert raised.value.reason.kind == "storage-error"


def test_archived_object_is_readable_once_restored(s3: "S3Client") -> None:
    s3.put_object(Bucket="documents", Key="old.pdf", Body=b"%PDF-", StorageClass="GLACIER")
    store = DocumentStore(s3, max_bytes=10)
    described = store.describe("documents", "old.pdf", None)
    with pytest.raises(DocumentRejected) as raised:
        store.read(described)
    assert raised.value.reason.kind == "archived"
    s3.restore_object(Bucket="documents", Key="old.pdf", RestoreRequest={"Days": 1})
    assert store.read(store.describe("documents", "old.pdf", None)) == b"%PDF-"

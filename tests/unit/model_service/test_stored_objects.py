"""Protects: a service reads exactly the object that a request names, from its buckets and within its limits."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from decoding.errors import DocumentTooLargeError, EmptyDocumentError
from model_service.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ObjectDeniedError,
    ObjectGoneError,
    ServiceError,
    UnavailableError,
)
from model_service.object_address import NoObjects, RequestedObject, SharedObjects, parse_address
from model_service.stored_objects import StoredObjects, s3_client

CONTENT = b"%PDF-1.7 " + bytes(600_000)
LIMIT = 1_000_000


def never_cancelled() -> None:
    """Let the read continue."""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in ("inbox", "private"):
            s3.create_bucket(Bucket=bucket)
        yield s3


@pytest.fixture
def objects(s3: Any) -> StoredObjects:
    return StoredObjects(s3_client(), ["inbox"], LIMIT)


def put(s3: Any, content: bytes = CONTENT, bucket: str = "inbox") -> RequestedObject:
    """Write an object and return its address."""
    written = s3.put_object(Bucket=bucket, Key="scan é.pdf", Body=content)
    return RequestedObject(
        bucket=bucket, key="scan é.pdf", version_id=written.get("VersionId"), etag=written["ETag"].strip('"')
    )


def test_object_is_read_by_its_etag(s3: Any, objects: StoredObjects) -> None:
    assert objects.read(put(s3), never_cancelled) == CONTENT


def test_object_is_read_by_its_version_after_it_was_replaced(s3: Any, objects: StoredObjects) -> None:
    s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
    address = put(s3)
    assert put(s3, b"another").version_id != address.version_id
    assert objects.read(address.model_copy(update={"etag": None}), never_cancelled) == CONTENT
    assert objects.read(address, never_cancelled) == CONTENT


def test_object_that_was_replaced_or_deleted_is_gone(s3: Any, objects: StoredObjects) -> None:
    address = put(s3)
    put(s3, b"another")
    with pytest.raises(ObjectGoneError):
        objects.read(address, never_cancelled)
    s3.delete_object(Bucket="inbox", Key=address.key)
    with pytest.raises(ObjectGoneError):
        objects.read(address, never_cancelled)


def test_object_of_another_bucket_is_denied_without_a_request(s3: Any) -> None:
    address = put(s3, bucket="private")
    objects = StoredObjects(s3, ["inbox"], LIMIT)
    with Stubber(s3), pytest.raises(ObjectDeniedError, match="this bucket"):  # the stub refuses any request
        objects.read(address, never_cancelled)


@pytest.mark.parametrize(("content", "error"), [(b"", EmptyDocumentError), (bytes(LIMIT + 1), DocumentTooLargeError)])
def test_size_is_limited(s3: Any, objects: StoredObjects, content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        objects.read(put(s3, content), never_cancelled)


def test_read_ends_when_it_is_cancelled(s3: Any, objects: StoredObjects) -> None:
    checks = []

    def cancel_later() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise DeadlineExceededError("too late")

    with pytest.raises(DeadlineExceededError):
        objects.read(put(s3), cancel_later)
    assert len(checks) == 3


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, ObjectDeniedError),
        ("KMS.DisabledException", 400, ObjectDeniedError),
        ("InvalidObjectState", 403, ObjectDeniedError),
        ("PreconditionFailed", 412, ObjectGoneError),
        ("NoSuchVersion", 404, ObjectGoneError),
        ("SlowDown", 503, UnavailableError),
        ("InternalError", 500, UnavailableError),
    ],
)
def test_errors_of_s3_are_translated(s3: Any, code: str, status: int, error: type[Exception]) -> None:
    client = s3_client()
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(error):
            StoredObjects(client, ["inbox"], LIMIT).read(put(s3), never_cancelled)


def test_client_keeps_a_connection_for_each_request_in_flight(s3: Any) -> None:
    config: Any = s3_client(48).meta.config
    assert (config.max_pool_connections, config.read_timeout) == (48, 1.0)


def test_s3_that_cannot_be_reached_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    address = RequestedObject(bucket="inbox", key="scan.pdf", etag="abc")
    with pytest.raises(UnavailableError):
        StoredObjects(s3_client(), ["inbox"], LIMIT).read(address, never_cancelled)


def test_no_object_is_read_by_default() -> None:
    with pytest.raises(ObjectDeniedError, match="OBJECT_BUCKETS"):
        NoObjects().read(RequestedObject(bucket="inbox", key="scan.pdf", etag="abc"), never_cancelled)


class Source:
    """Reads an object once another request waits for it, and counts the reads.

    Args:
        errors: What the first reads raise.
    """

    def __init__(self, *errors: Exception) -> None:
        self.reads = 0
        self.errors = list(errors)
        self.waiting = threading.Event()

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:
        assert self.waiting.wait(10)
        self.reads += 1
        if self.errors:
            raise self.errors.pop(0)
        return CONTENT


@pytest.mark.parametrize(
    ("errors", "reads", "results"),
    [
        ([], 1, [CONTENT, CONTENT]),
        ([UnavailableError("S3 does not respond")], 1, [UnavailableError, UnavailableError]),
        ([ObjectGoneError("replaced")], 1, [ObjectGoneError, ObjectGoneError]),
        ([DeadlineExceededError("late")], 2, [CONTENT, DeadlineExceededError]),
    ],
    ids=["read", "unavailable", "gone", "deadline"],
)
def test_requests_for_several_versions_read_an_object_once(
    errors: list[Exception], reads: int, results: list[Any]
) -> None:
    """A read that takes a second to fail would otherwise fail for one version after the other, beyond the deadline."""
    source = Source(*errors)
    objects = SharedObjects(source)
    address = RequestedObject(bucket="inbox", key="scan.pdf", etag="abc")

    def read(_: int) -> Any:
        try:
            return objects.read(address, source.waiting.set)  # called by the one that waits
        except ServiceError as error:
            return type(error)

    with ThreadPoolExecutor(2) as requests:
        assert sorted(requests.map(read, range(2)), key=str) == sorted(results, key=str)
    assert source.reads == reads


def test_address_is_parsed() -> None:
    fields = {"bucket": "inbox", "key": "a/b é.tif", "version_id": "7"}
    assert parse_address(json.dumps(fields).encode()) == RequestedObject(**fields)


ADDRESS = {"bucket": "inbox", "key": "scan.pdf", "etag": "abc"}


@pytest.mark.parametrize(
    "body",
    [
        ADDRESS | {"key": ""},
        ADDRESS | {"key": 7},
        ADDRESS | {"region": "us-east-1"},
        {"bucket": "inbox", "key": "scan.pdf"},  # the object may have been replaced since
        {"key": "scan.pdf", "etag": "abc"},
        [],
        ADDRESS | {"key": "x" * 20_000},
    ],
)
def test_invalid_address_is_an_invalid_request(body: Any) -> None:
    with pytest.raises(InvalidRequestError):
        parse_address(json.dumps(body).encode())

"""Read uploaded objects from S3, within limits of size and time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import DocumentRejected, DocumentUnavailable
from records.uploads import Upload, normalize_version_id, synthetic_sequencer

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client

_GONE_CODES = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"}
"""Error codes for deleted objects. Errors of HEAD have no body, so their code is the HTTP status. MethodNotAllowed, or
405, means a delete marker."""

_ARCHIVED = (
    "The object is archived (GLACIER or DEEP_ARCHIVE) and cannot be read: restore it with `aws s3api restore-object`, "
    "then run `triptych backfill` with its key."
)
_CUSTOMER_ENCRYPTED = (
    "The object is encrypted with a key that only its uploader has (SSE-C): upload it again without SSE-C, for example "
    "with SSE-S3 or SSE-KMS."
)

_STOP_TIMEOUT_S = 0.001
"""Socket timeout that ends a read whose time is up."""


class DocumentStore:
    """The objects of the inbox.

    Args:
        s3: Client of S3.
        max_bytes: Larger objects are rejected.
        max_seconds: Reading a body for longer ends with `storage-slow`; None for no limit.
    """

    def __init__(self, s3: "S3Client", *, max_bytes: int, max_seconds: float | None = None) -> None:
        self._s3 = s3
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds

    def accepts(self, size: int) -> bool:
        """Return whether an object of this size is read rather than rejected."""
        return 0 < size <= self._max_bytes

    def read(self, upload: Upload) -> bytes:
        """Return the content of exactly this upload.

        In a bucket with versions the version ID selects it. Elsewhere the request is conditional on the ETag, so that
        two uploads under one key in quick succession are not both classified as the second.

        Raises:
            DocumentRejected: `empty`, `too-large`, `deleted`, `superseded`, `archived` or `customer-encrypted`.
            DocumentUnavailable: `access-denied`, `storage-error` or `storage-slow`.
        """
        if upload.size is not None:
            self._check_size(upload.size)
        try:
            response = self._s3.get_object(Bucket=upload.bucket, Key=upload.key, **_conditions(upload))
            self._check_size(response["ContentLength"])
            with self._time_limit(response["Body"]):
                return response["Body"].read()
        except ClientError as error:
            raise _translate(error) from error
        except (BotoCoreError, OSError) as error:
            # urllib3 reads the body; its connection errors are instances of these.
            raise DocumentUnavailable("storage-error", f"The object could not be read: {error}") from error

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """Return an object as an upload with a synthetic sequencer.

        Args:
            bucket: Name of the bucket.
            key: Key of the object, decoded.
            version_id: The version to describe; None for the newest.

        Raises:
            DocumentRejected: `deleted` or `customer-encrypted`.
            DocumentUnavailable: `access-denied` or `storage-error`.
        """
        version = {"VersionId": wanted} if (wanted := normalize_version_id(version_id)) else {}
        try:
            response = self._s3.head_object(Bucket=bucket, Key=key, **version)  # type: ignore[arg-type]
        except ClientError as error:
            raise self._translate_head(error, {"Bucket": bucket, "Key": key, **version}) from error
        except (BotoCoreError, OSError) as error:
            raise DocumentUnavailable("storage-error", f"The object could not be looked up: {error}") from error
        etag, found = response["ETag"].strip('"'), normalize_version_id(response.get("VersionId"))
        return Upload(
            bucket=bucket,
            key=key,
            sequencer=synthetic_sequencer(response["LastModified"], found or etag),
            event_time=response["LastModified"],
            size=response["ContentLength"],
            etag=etag,
            version_id=found,
            backfilled=True,
        )

    def _translate_head(self, error: ClientError, request: dict[str, str]) -> DocumentRejected | DocumentUnavailable:
        """Return the error for a HEAD request that failed.

        A response to HEAD has no body, so a status of 400 may mean a missing encryption key or an expired token. The
        response to GET states which.
        """
        if _error_code(error) == "400":
            try:
                self._s3.get_object(**request, Range="bytes=0-0")["Body"].close()  # type: ignore[arg-type]
            except ClientError as explained:
                return _translate(explained)
            except (BotoCoreError, OSError):
                pass
        return _translate(error)

    def _check_size(self, size: int) -> None:
        if size == 0:
            raise DocumentRejected("empty", "The object has no bytes.")
        if size > self._max_bytes:
            detail = f"The object has {size:,} bytes; the limit is {self._max_bytes:,}."
            raise DocumentRejected("too-large", detail)

    @contextmanager
    def _time_limit(self, body: "StreamingBody") -> Iterator[None]:
        """Stop the read within the block when its time is up.

        A socket timeout limits each receive only, which a connection that delivers a byte now and then never exceeds.
        A timer therefore makes the next receive fail.
        """
        if self._max_seconds is None:
            yield
            return
        stopped = Event()

        def stop() -> None:
            stopped.set()
            with suppress(AttributeError):  # the body has just been read to its end, or has no socket
                body.set_socket_timeout(_STOP_TIMEOUT_S)

        timer = Timer(self._max_seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (BotoCoreError, OSError) as error:
            if not stopped.is_set():
                raise
            detail = f"Reading the object took longer than {self._max_seconds:g} s."
            raise DocumentUnavailable("storage-slow", detail) from error
        finally:
            timer.cancel()


def _conditions(upload: Upload) -> dict[str, Any]:
    if upload.version_id:
        return {"VersionId": upload.version_id}
    return {"IfMatch": upload.etag} if upload.etag else {}


def _error_code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _translate(error: ClientError) -> DocumentRejected | DocumentUnavailable:
    code = _error_code(error)
    if code in _GONE_CODES:
        return DocumentRejected("deleted", "The object was deleted before it could be read.")
    if code in ("PreconditionFailed", "412"):
        return DocumentRejected("superseded", "Another upload replaced the object before it could be read.")
    if code == "InvalidObjectState":
        return DocumentRejected("archived", _ARCHIVED)
    if code == "InvalidRequest" and "encryption" in error.response["Error"].get("Message", "").lower():
        return DocumentRejected("customer-encrypted", _CUSTOMER_ENCRYPTED)
    if code in ("AccessDenied", "403") or code.startswith("KMS."):
        return DocumentUnavailable("access-denied", f"The orchestrator may not read the object: {error}")
    return DocumentUnavailable("storage-error", f"S3 returned an error: {error}")

"""Read an uploaded object, once, and no more of it than is allowed."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import DocumentRejected, DocumentUnavailable
from records.uploads import Upload, synthetic_sequencer

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "405"}
"""HEAD has no body, so its errors are bare numbers; 405 is a version that marks a deletion."""


class DocumentStore:
    """The inbox bucket as the orchestrator sees it."""

    def __init__(self, s3: "S3Client", *, max_bytes: int) -> None:
        self._s3 = s3
        self._max_bytes = max_bytes

    def read(self, upload: Upload) -> bytes:
        """The bytes of exactly the upload that the event announced.

        The version id pins them in a versioned bucket, the ETag elsewhere: without either, two uploads of one name
        in quick succession would both be classified as the second.

        Raises:
            DocumentRejected: `empty`, `too-large`, `deleted` or `superseded`.
            DocumentUnavailable: `access-denied` or `storage-error`.
        """
        self._check_size(upload.size)
        try:
            answer = self._s3.get_object(Bucket=upload.bucket, Key=upload.key, **_pin(upload))
            self._check_size(answer["ContentLength"])
            return answer["Body"].read()
        except ClientError as error:
            raise _translate(error) from error
        except (BotoCoreError, OSError) as error:
            # The body is read through urllib3, whose broken connections arrive as one of these.
            raise DocumentUnavailable("storage-error", f"The object could not be read: {error}") from error

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        """An object as an event would have announced it; without a version, the newest.

        Raises:
            DocumentRejected: `deleted`.
            DocumentUnavailable: `access-denied` or `storage-error`.
        """
        try:
            version = {"VersionId": version_id} if version_id else {}
            answer = self._s3.head_object(Bucket=bucket, Key=key, **version)  # type: ignore[arg-type]
        except ClientError as error:
            raise _translate(error) from error
        except (BotoCoreError, OSError) as error:
            raise DocumentUnavailable("storage-error", f"The object could not be looked up: {error}") from error
        etag, found = answer["ETag"].strip('"'), answer.get("VersionId")
        at = answer["LastModified"]
        return Upload(
            bucket=bucket,
            key=key,
            sequencer=synthetic_sequencer(at, found or etag),
            event_time=at,
            size=answer["ContentLength"],
            etag=etag,
            version_id=found if found != "null" else None,
            backfilled=True,
        )

    def _check_size(self, size: int) -> None:
        if size == 0:
            raise DocumentRejected("empty", "The object has no bytes.")
        if size > self._max_bytes:
            detail = f"The object has {size:,} bytes; at most {self._max_bytes:,} are read."
            raise DocumentRejected("too-large", detail)


def _pin(upload: Upload) -> dict[str, Any]:
    if upload.version_id and upload.version_id != "null":
        return {"VersionId": upload.version_id}
    return {"IfMatch": upload.etag} if upload.etag else {}


def _translate(error: ClientError) -> DocumentRejected | DocumentUnavailable:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _GONE:
        return DocumentRejected("deleted", "The object was deleted before it could be read.")
    if code in ("PreconditionFailed", "412"):
        return DocumentRejected("superseded", "Another upload replaced the object before it could be read.")
    if code in ("AccessDenied", "403") or code.startswith("KMS."):
        return DocumentUnavailable("access-denied", f"S3 does not let the orchestrator read the object: {error}")
    return DocumentUnavailable("storage-error", f"S3 answered: {error}")

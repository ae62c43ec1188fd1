"""Read documents from S3 by their address. The only module of this package that uses boto3.

It is imported only if the setting OBJECT_BUCKETS names buckets, so that other services neither load boto3 nor can read
objects.
"""

from collections.abc import Callable, Collection
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from decoding.errors import DocumentTooLargeError, EmptyDocumentError
from model_service.errors import ObjectDeniedError, ObjectGoneError, UnavailableError
from model_service.object_address import RequestedObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CHUNK_BYTES: Final = 256 * 1024
_GONE: Final = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed", "PreconditionFailed", "404", "412"}
_DENIED: Final = {"AccessDenied", "403", "InvalidObjectState", "InvalidRequest", "InvalidArgument"}
_AWS: Final = Config(connect_timeout=0.5, read_timeout=1.0, retries={"mode": "standard", "total_max_attempts": 2})
"""A caller waits for less than three seconds in all."""


def s3_client(connections: int = 10) -> "S3Client":
    """Return a client whose timeouts fit the deadline of a request.

    Args:
        connections: Number of connections that are kept. Further concurrent reads open and close connections of their
            own, which costs a handshake each.
    """
    return boto3.client("s3", config=_AWS.merge(Config(max_pool_connections=connections)))


class StoredObjects:
    """The objects of some buckets.

    Args:
        s3: Client of S3.
        buckets: Names of the buckets that may be read.
        max_bytes: Larger objects are not read.
    """

    def __init__(self, s3: "S3Client", buckets: Collection[str], max_bytes: int) -> None:
        self._s3 = s3
        self._buckets = frozenset(buckets)
        self._max_bytes = max_bytes

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:
        """Return the content of exactly this version of an object.

        Args:
            address: The object.
            check_cancelled: Called between pieces. It raises to stop the read.

        Raises:
            ObjectDeniedError: The bucket is not one of those that may be read, or S3 denies access.
            ObjectGoneError: The object was deleted or replaced.
            DocumentTooLargeError: It is larger than the limit.
            EmptyDocumentError: It has no bytes.
            UnavailableError: S3 does not respond, or is overloaded.
        """
        if address.bucket not in self._buckets:
            raise ObjectDeniedError("This service does not read objects of this bucket.")
        check_cancelled()
        try:
            response = self._s3.get_object(Bucket=address.bucket, Key=address.key, **_conditions(address))
            with closing(response["Body"]) as body:
                self._check_size(response["ContentLength"])
                content = bytearray()
                for chunk in body.iter_chunks(_CHUNK_BYTES):
                    content += chunk
                    check_cancelled()
        except ClientError as error:
            raise _translate(error) from error
        except (BotoCoreError, OSError) as error:
            raise UnavailableError(f"The object could not be read: {error}") from error
        return bytes(content)

    def _check_size(self, size: int) -> None:
        if size == 0:
            raise EmptyDocumentError("The object has no bytes.")
        if size > self._max_bytes:
            raise DocumentTooLargeError(f"The object is above the limit of {self._max_bytes:,} bytes.")


def _conditions(address: RequestedObject) -> dict[str, Any]:
    conditions = {"VersionId": address.version_id, "IfMatch": f'"{address.etag}"' if address.etag else None}
    return {name: value for name, value in conditions.items() if value}


def _translate(error: ClientError) -> ObjectGoneError | ObjectDeniedError | UnavailableError:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _GONE:
        return ObjectGoneError("The object was deleted or replaced before it could be read.")
    if code in _DENIED or code.startswith("KMS."):
        return ObjectDeniedError(f"S3 does not let this service read the object: {code}.")
    return UnavailableError(f"The object could not be read: {code or error}.")

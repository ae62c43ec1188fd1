"""The address of an object in a request, for documents that are larger than a request may be.

Lambda accepts requests of 6 MB and SageMaker's serverless endpoints 4 MB. The service then reads the document from S3.
"""

from collections.abc import Callable
from typing import Annotated, Final, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from decoding.errors import DocumentError
from model_service.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    ObjectDeniedError,
    ObjectGoneError,
    UnavailableError,
)
from model_service.shared_work import Participant, SharedWork

OBJECT_TYPE: Final = "application/vnd.triptych.object+json"
"""Media type of an address."""

_MAX_BYTES: Final = 16 * 1024
_EXAMPLE: Final[dict[str, JsonValue]] = {"bucket": "inbox", "key": "scans/1.tif", "etag": "9b2cf535f27731c9"}


class RequestedObject(BaseModel):
    """The address of one version of an object in S3."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    version_id: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    etag: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    """Without quotes."""

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if self.version_id is None and self.etag is None:
            raise ValueError("version_id or etag is required")
        return self


class ObjectSource(Protocol):
    """Reads objects; see `model_service.stored_objects.StoredObjects`."""

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:
        """Return the content of an object."""


class NoObjects:
    """Reads no object: the service is not configured to."""

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:  # noqa: ARG002
        """Refuse to read an object.

        Raises:
            ObjectDeniedError: Always.
        """
        raise ObjectDeniedError("This service reads no objects: OBJECT_BUCKETS names no bucket.")


class SharedObjects:
    """Reads an object once for requests that need it at the same time, such as those for several versions.

    Args:
        source: Reads objects.
    """

    def __init__(self, source: ObjectSource) -> None:
        self._source: Final = source
        self._reads: Final[SharedWork[bytes]] = SharedWork()

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:
        """Return the content of an object. If a read is cancelled, another request reads the object.

        Raises:
            Exception: What the source raises.
        """
        with self._reads.join(address) as request:
            content = request.wait(check_cancelled)
            if content is None:
                content = self._read(address, check_cancelled, request)
            return content

    def _read(
        self, address: RequestedObject, check_cancelled: Callable[[], None], request: Participant[bytes]
    ) -> bytes:
        try:
            content = self._source.read(address, check_cancelled)
        except DeadlineExceededError:
            raise
        except (UnavailableError, ObjectDeniedError, ObjectGoneError, DocumentError) as error:
            request.fail(error)
            raise
        request.publish(content)
        return content


def parse_address(body: bytes) -> RequestedObject:
    """Return the address in a body.

    Raises:
        InvalidRequestError: The body is not an address.
    """
    if len(body) > _MAX_BYTES:
        raise InvalidRequestError(f"An address has at most {_MAX_BYTES:,} bytes.")
    try:
        return RequestedObject.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise InvalidRequestError(f"Expected the address of an object; {where}: {first['msg']}.") from None

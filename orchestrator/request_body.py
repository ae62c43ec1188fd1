"""The body of a request to a service: a document, or the address of an object that contains it.

Lambda accepts requests of 6 MB and SageMaker's serverless endpoints 4 MB. A service at such an endpoint reads larger
documents from S3 itself (docs/endpoints.md). Behind a load balancer, which bills what passes it, a service may read
every document itself.
"""

import json
from typing import NamedTuple, Protocol

from orchestrator.errors import CallFailed
from records.addresses import ObjectAddress
from records.assembly import ReadError

DOCUMENT_TYPE = "application/octet-stream"
OBJECT_TYPE = "application/vnd.triptych.object+json"
"""Media type of an address."""


class UnreadContent(Protocol):
    """Content that is read when it is needed; see `orchestrator.reading.Reading`."""

    def __len__(self) -> int:
        """Return the size of the content in bytes."""

    def result(self) -> bytes | ReadError:
        """Return the content, or why it could not be read."""


Content = bytes | UnreadContent


class Document(NamedTuple):
    """A document to classify.

    Attributes:
        content: Its content.
        address: An object with the same content; None if there is none.
    """

    content: Content
    address: ObjectAddress | None = None

    def read(self) -> bytes:
        """Return the content.

        Raises:
            CallFailed: `failed`: It could not be read.
        """
        content = self.content if isinstance(self.content, bytes) else self.content.result()
        if not isinstance(content, bytes):
            raise CallFailed("failed", str(content), problem=content.reason.kind)
        return content


class BodyFormat(NamedTuple):
    """How a service receives documents.

    Attributes:
        media_type: Media type of a document.
        max_bytes: Maximum size of a document in a request; None for no limit.
        reads_objects: Whether the service reads an object whose address it receives.
        by_address: Whether the address is sent whenever there is one, not only of documents above `max_bytes`.
    """

    media_type: str = DOCUMENT_TYPE
    max_bytes: int | None = None
    reads_objects: bool = True
    by_address: bool = False

    def accepts(self, size: int) -> bool:
        """Return whether a request may contain the content of a document of this size."""
        return self.max_bytes is None or size <= self.max_bytes

    def sends_address(self, address: ObjectAddress | None, size: int) -> bool:
        """Return whether a request contains the address of a document of this size instead of its content."""
        known = self.reads_objects and address is not None and address.is_pinned
        return known and (self.by_address or not self.accepts(size))

    def encode(self, document: Document) -> tuple[str, bytes]:
        """Return the media type and the body of a request.

        Raises:
            CallFailed: `rejected`: The document is too large for a request, and the service cannot read it. `failed`:
                Its content could not be read.
        """
        size = len(document.content)
        if document.address and self.sends_address(document.address, size):
            return OBJECT_TYPE, _address_as_json(document.address)
        if self.accepts(size):
            return self.media_type, document.read()
        detail = f"The document has {size:,} bytes; this endpoint accepts {self.max_bytes:,}."
        raise CallFailed("rejected", detail, 413, "document-too-large")


PLAIN_DOCUMENT = BodyFormat()
"""The document itself, of any size."""


def _address_as_json(address: ObjectAddress) -> bytes:
    fields = {
        "bucket": address.bucket,
        "key": address.key,
        "version_id": address.version_id,
        "etag": address.etag,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()

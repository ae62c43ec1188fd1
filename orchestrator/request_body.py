"""The body of a request to a service: a document, or the address of an object that contains it.

Lambda accepts requests of 6 MB and SageMaker's serverless endpoints 4 MB. A service at such an endpoint reads larger
documents from S3 itself (docs/endpoints.md). Behind a load balancer, which bills what passes it, a service may read
every document itself.
"""

import json
from typing import NamedTuple

from orchestrator.errors import CallFailed
from records.addresses import ObjectAddress

DOCUMENT_TYPE = "application/octet-stream"
OBJECT_TYPE = "application/vnd.triptych.object+json"
"""Media type of an address."""


class Document(NamedTuple):
    """A document to classify.

    Attributes:
        content: Its content.
        address: An object with the same content; None if there is none.
    """

    content: bytes
    address: ObjectAddress | None = None


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

    def accepts(self, content: bytes) -> bool:
        """Return whether a request may contain the content of a document."""
        return self.max_bytes is None or len(content) <= self.max_bytes

    def sends_address(self, document: Document) -> bool:
        """Return whether a request contains the address of a document instead of its content."""
        known = self.reads_objects and document.address is not None and document.address.is_pinned
        return known and (self.by_address or not self.accepts(document.content))

    def encode(self, document: Document) -> tuple[str, bytes]:
        """Return the media type and the body of a request.

        Raises:
            CallFailed: `rejected`: The document is too large for a request, and the service cannot read it.
        """
        if document.address and self.sends_address(document):
            return OBJECT_TYPE, _address_as_json(document.address)
        if self.accepts(document.content):
            return self.media_type, document.content
        detail = f"The document has {len(document.content):,} bytes; this endpoint accepts {self.max_bytes:,}."
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

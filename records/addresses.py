"""The address of one version of an object, so that another service reads exactly its content."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ObjectAddress:
    """Where the content of a document is in S3.

    Attributes:
        bucket: Name of the bucket.
        key: Key of the object, decoded.
        version_id: Version of the object; None if the bucket has no versions.
        etag: ETag of the content without quotes; None if it is unknown.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the address names one content, not the later content of the key."""
        return bool(self.version_id or self.etag)

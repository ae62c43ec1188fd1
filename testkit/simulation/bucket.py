"""S3 in memory: versions, delete markers, archived objects, conditional reads and writes.

It has the interface of boto3's S3 client, as far as the project uses it. A differential test compares it with moto.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from testkit.simulation.aws import Client, error_response
from testkit.simulation.scheduler import Scheduler


@dataclass(frozen=True)
class StoredVersion:
    """One version of an object, or a delete marker, which has no content."""

    version_id: str
    content: bytes | None
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The ETag, without quotes."""
        return hashlib.md5(self.content or b"", usedforsecurity=False).hexdigest()


class SimulatedBucket:
    """The objects of a bucket.

    Attributes:
        archived: Whether all objects are archived, so that they cannot be read.
    """

    def __init__(self, scheduler: Scheduler, *, versioned: bool) -> None:
        self.versioned = versioned
        self.archived = False
        self._scheduler = scheduler
        self._objects: dict[str, list[StoredVersion]] = {}
        self._numbers = 0

    def put(self, key: str, content: bytes, metadata: Mapping[str, str] | None = None) -> StoredVersion:
        """Store a new version of an object."""
        return self._add(key, content, metadata or {})

    def delete(self, key: str) -> None:
        """Delete an object: with versions, hide it behind a delete marker."""
        if self.versioned:
            self._add(key, None, {})
        else:
            self._objects.pop(key, None)

    def _add(self, key: str, content: bytes | None, metadata: Mapping[str, str]) -> StoredVersion:
        self._numbers += 1
        name = f"version-{self._numbers}" if self.versioned else "null"
        modified = self._scheduler.wall_clock().replace(microsecond=0)  # S3 states whole seconds
        version = StoredVersion(name, content, modified, metadata)
        self._objects[key] = [*(self._objects.get(key, []) if self.versioned else []), version]
        return version

    def find(self, key: str, version_id: str | None = None) -> StoredVersion | None:
        """Return a version of an object, the newest if no version is given; None if it does not exist."""
        versions = self._objects.get(key, [])
        if version_id is None:
            return versions[-1] if versions else None
        return next((version for version in versions if version.version_id == version_id), None)

    def listed(self) -> Iterator[str]:
        """Yield the keys of all objects that are not deleted, sorted."""
        return (key for key in sorted(self._objects) if self._objects[key][-1].content is not None)


class BucketClient:
    """A client of the bucket, with the interface of boto3's S3 client."""

    def __init__(self, bucket: SimulatedBucket, client: Client) -> None:
        self._bucket, self._client = bucket, client

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: N803, ARG002 -- there is one bucket
        Key: str,  # noqa: N803
        VersionId: str | None = None,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Read an object."""

        def read() -> dict[str, Any]:
            version = self._existing(Key, VersionId)
            if IfMatch is not None and IfMatch.strip('"') != version.etag:
                raise error_response("PreconditionFailed")
            if self._bucket.archived:
                raise error_response("InvalidObjectState")
            content = version.content or b""
            return {**self._description(version), "ContentLength": len(content), "Body": io.BytesIO(content)}

        return self._client.call(read)

    def head_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803, ARG002
        """Describe an object."""

        def read() -> dict[str, Any]:
            version = self._existing(Key, VersionId, head=True)
            return {**self._description(version), "ContentLength": len(version.content or b"")}

        return self._client.call(read)

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803, ARG002
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        Metadata: Mapping[str, str] | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Write an object."""

        def write() -> dict[str, Any]:
            current = self._bucket.find(Key)
            if IfNoneMatch == "*" and current and current.content is not None:
                raise error_response("PreconditionFailed")
            return self._description(self._bucket.put(Key, Body, Metadata))

        return self._client.call(write)

    def get_paginator(self, _operation: str) -> "BucketClient":
        """Return the paginator of `list_objects_v2`."""
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "", StartAfter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803, ARG002
        """List the objects, on one page."""

        def read() -> list[dict[str, Any]]:
            keys = [key for key in self._bucket.listed() if key.startswith(Prefix) and key > StartAfter]
            versions = [(key, self._existing(key, None)) for key in keys]
            return [
                {"Key": key, "Size": len(each.content or b""), "LastModified": each.modified} for key, each in versions
            ]

        yield {"Contents": self._client.call(read)}

    def _existing(self, key: str, version_id: str | None, *, head: bool = False) -> StoredVersion:
        version = self._bucket.find(key, version_id)
        if version is None:
            raise error_response("404" if head else "NoSuchKey" if version_id is None else "NoSuchVersion")
        if version.content is None:
            raise error_response(
                ("405" if version_id else "404") if head else "MethodNotAllowed" if version_id else "NoSuchKey"
            )
        return version

    def _description(self, version: StoredVersion) -> dict[str, Any]:
        described: dict[str, Any] = {"ETag": f'"{version.etag}"', "LastModified": version.modified}
        if self._bucket.versioned:
            described["VersionId"] = version.version_id
        return described | {"Metadata": dict(version.metadata)}

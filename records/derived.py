"""Objects that are derived from uploads: the members of a document, and the pages that it was converted to.

They are in the inbox, under a reserved prefix. Members are documents: their events are processed like those of other
uploads. Pages are read by the console, by exports and by further attempts; their events are ignored.

    _triptych/members/3f2a…/001-scan.pdf
    _triptych/pages/3f2a…

The third part identifies the upload that the object is derived from, so that a repeated event or another attempt writes
the same keys, and finds what exists already.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from records.addresses import ObjectAddress
from records.conversions import Parent
from records.errors import DocumentUnavailable
from records.uploads import DERIVED_PREFIX, PAGES_PREFIX, Upload, normalize_version_id

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MEMBERS = f"{DERIVED_PREFIX}members/"

_MAX_NAME_BYTES = 150
"""Maximum length of a member's name in its key. The record contains the keys of up to 1,000 members."""
_UNSAFE = re.compile(r"[^\w.() -]")
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


def derived_id(upload: Upload) -> str:
    """Return the part of derived keys that identifies an upload. It is the same for every event of the upload."""
    identity = upload.version_id or upload.etag or upload.sort_key
    return hashlib.sha256(f"{upload.document}\0{identity}".encode()).hexdigest()[:32]


def member_key(upload: Upload, number: int, name: str) -> str:
    """Return the key of a member of an upload: `number` counts from 1, `name` is its name within the document."""
    base = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(". ") or "unnamed"
    short = base.encode()[-_MAX_NAME_BYTES:].decode(errors="ignore")
    return f"{_MEMBERS}{derived_id(upload)}/{number:03}-{short}"


def pages_key(upload: Upload) -> str:
    """Return the key of the pages that an upload was converted to."""
    return PAGES_PREFIX + derived_id(upload)


def is_member_key(key: str) -> bool:
    """Return whether an object is a member of another upload."""
    return key.startswith(_MEMBERS)


class DerivedObjects:
    """Writes and describes derived objects.

    Args:
        s3: Client of S3.
    """

    def __init__(self, s3: "S3Client") -> None:
        self._s3 = s3

    def find_parent(self, upload: Upload) -> Parent | None:
        """Return the parent of a member; None if the upload is none.

        Raises:
            DocumentUnavailable: `storage-error`: the object cannot be looked up now.
        """
        if not is_member_key(upload.key):
            return None
        version: dict[str, Any] = {"VersionId": upload.version_id} if upload.version_id else {}
        try:
            response = self._s3.head_object(Bucket=upload.bucket, Key=upload.key, **version)
        except (BotoCoreError, ClientError, OSError) as error:
            raise DocumentUnavailable("storage-error", f"The object could not be looked up: {error}") from error
        return Parent.from_metadata(response.get("Metadata", {}))

    def write_member(self, bucket: str, key: str, content: bytes, parent: Parent) -> None:
        """Write a member, unless it exists already.

        Raises:
            DocumentUnavailable: `storage-error`: the object cannot be written now.
        """
        self._write(bucket, key, content, parent.to_metadata())

    def read_pages(self, upload: Upload) -> tuple[bytes, ObjectAddress] | None:
        """Return the pages that an earlier attempt wrote, and their address.

        Returns:
            None if they do not exist or cannot be read now.
        """
        key = pages_key(upload)
        try:
            response = self._s3.get_object(Bucket=upload.bucket, Key=key)
            return response["Body"].read(), _address(upload.bucket, key, response)
        except (BotoCoreError, ClientError, OSError):
            return None

    def write_pages(self, upload: Upload, content: bytes) -> ObjectAddress | None:
        """Write the pages that an upload was converted to, unless they exist already.

        Returns:
            Their address; None if they exist already, possibly with other content.

        Raises:
            DocumentUnavailable: `storage-error`: the object cannot be written now.
        """
        return self._write(upload.bucket, pages_key(upload), content, {})

    def _write(self, bucket: str, key: str, content: bytes, metadata: dict[str, str]) -> ObjectAddress | None:
        try:
            response = self._s3.put_object(Bucket=bucket, Key=key, Body=content, Metadata=metadata, IfNoneMatch="*")
            return _address(bucket, key, response)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _EXISTS:
                raise DocumentUnavailable("storage-error", f"The object could not be written: {error}") from error
            return None
        except (BotoCoreError, OSError) as error:
            raise DocumentUnavailable("storage-error", f"The object could not be written: {error}") from error


def _address(bucket: str, key: str, response: Mapping[str, Any]) -> ObjectAddress:
    """Return the address of what a response of S3 is about."""
    version_id = normalize_version_id(response.get("VersionId"))
    return ObjectAddress(bucket, key, version_id, response.get("ETag", "").strip('"') or None)

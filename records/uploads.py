"""Uploads: objects as S3 announced them, or as they were found in the bucket."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from records.addresses import ObjectAddress

SEQUENCER_WIDTH = 32
"""Number of digits to which sequencers are padded. S3 sends 16 to 18 digits and documents that receivers pad the
shorter of two with zeros to compare them."""

DERIVED_PREFIX = "_triptych/"
"""Start of the keys of objects that are derived from uploads; see `records.derived`."""
PAGES_PREFIX = f"{DERIVED_PREFIX}pages/"
"""Start of the keys of pages that documents were converted to. These objects are not documents."""

LATE_AFTER = timedelta(minutes=10)
"""Age from which an event's upload may already have been backfilled. Backfills skip younger uploads."""


@dataclass(frozen=True)
class Upload:
    """One upload of an object to the inbox.

    Attributes:
        bucket: Name of the bucket.
        key: Key of the object, decoded.
        sequencer: S3's ordering key of the event, or a synthetic one (see `synthetic_sequencer`).
        event_time: When S3 stored the object, in UTC.
        size: Size in bytes; None if the event does not state it.
        etag: ETag without quotes; empty if unknown.
        version_id: Version of the object; None in a bucket without versions.
        backfilled: Whether the upload was found by listing the bucket, or its event arrived so late that a backfill
            may have found it first. The sequencer is then synthetic.
    """

    bucket: str
    key: str
    sequencer: str
    event_time: datetime
    size: int | None
    etag: str = ""
    version_id: str | None = None
    backfilled: bool = False

    def __post_init__(self) -> None:
        """Normalize the version ID, so that all sources of an upload describe it alike."""
        object.__setattr__(self, "version_id", normalize_version_id(self.version_id))

    @property
    def document(self) -> str:
        """Partition key of the upload's record."""
        return f"{self.bucket}/{self.key}"

    @property
    def address(self) -> ObjectAddress:
        """Address of the object, with its version or its ETag."""
        return ObjectAddress(self.bucket, self.key, self.version_id, self.etag or None)

    @property
    def sort_key(self) -> str:
        """Sort key of the upload's record: the padded sequencer."""
        return self.sequencer.upper().ljust(SEQUENCER_WIDTH, "0")

    @property
    def is_document(self) -> bool:
        """Whether the object is a document, rather than a folder marker or the pages of another document."""
        return is_document(self.key, self.size)

    def same_object(self, other: "Upload") -> bool:
        """Return whether both describe the same upload: the same version or, without versions, the same ETag."""
        if self.version_id or other.version_id:
            return self.version_id == other.version_id
        return bool(self.etag) and self.etag == other.etag


def normalize_version_id(version_id: str | None) -> str | None:
    """Return the version ID, or None for `null`, which S3 reports for objects without a version."""
    return None if version_id in (None, "", "null") else version_id


def is_document(key: str, size: int | None) -> bool:
    """Return whether an object is a document.

    Others are folder markers (empty objects whose keys end with a slash, as S3's console creates them for folders), and
    the pages that another document was converted to; see `records.derived`.
    """
    is_folder_marker = size == 0 and key.endswith("/")
    return not is_folder_marker and not key.startswith(PAGES_PREFIX)


def synthetic_sequencer(last_modified: datetime, identity: str) -> str:
    """Return a deterministic sequencer for an object whose event is unknown.

    S3's sequencers start with two zeros and the second of the upload in hexadecimal (observed, not documented). This
    one starts alike, so that backfilled records sort among the others. A hash of the identity fills the last digits,
    which S3's sequencers leave empty, so that two sequencers collide only by chance.

    Args:
        last_modified: When S3 stored the object.
        identity: Version ID of the object, or its ETag in a bucket without versions.
    """
    second = f"00{int(last_modified.timestamp()):08X}".ljust(18, "0")
    return second + hashlib.sha256(identity.encode()).hexdigest()[: SEQUENCER_WIDTH - 18].upper()


def audit_number(document: str, sequencer: str) -> float:
    """Return the upload's pseudorandom number in [0, 1), which every process computes alike.

    It decides which verdicts are audited, and in which order a review queue is worked through. The labels given so
    far are therefore a random sample of the queue.

    Args:
        document: Partition key of the record.
        sequencer: Sort key of the record.
    """
    digest = hashlib.sha256(f"{document}\0{sequencer}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # the 53 bits that a float represents exactly

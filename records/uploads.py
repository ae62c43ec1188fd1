"""An upload as S3 announced it, or as it was found in the bucket."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

SEQUENCER_WIDTH = 32
"""Digits that a sequencer is padded to. S3 sends 16 to 18 and tells receivers to pad the shorter with zeros."""

LATE_AFTER = timedelta(minutes=10)
"""An event older than this may find its upload backfilled. Backfills leave younger uploads to their own events."""


@dataclass(frozen=True)
class Upload:
    """One object as S3 announced it. `key` is decoded; `event_time` is UTC; `size` is in bytes."""

    bucket: str
    key: str
    sequencer: str
    event_time: datetime
    size: int
    etag: str = ""
    version_id: str | None = None
    backfilled: bool = False
    """Found by listing the bucket, or announced so late that it might have been: the sequencer is a stand-in (see
    `synthetic_sequencer`)."""

    @property
    def document(self) -> str:
        """The partition key."""
        return f"{self.bucket}/{self.key}"

    @property
    def sort_key(self) -> str:
        """The sequencer as the table sorts it."""
        return self.sequencer.upper().ljust(SEQUENCER_WIDTH, "0")

    @property
    def is_folder_marker(self) -> bool:
        """Whether this is no document: see `is_folder_marker`."""
        return is_folder_marker(self.key, self.size)

    def same_object(self, other: "Upload") -> bool:
        """Whether both are the same upload, met by different ways: by its version, or where there is none its ETag."""
        if self.version_id or other.version_id:
            return self.version_id == other.version_id
        return bool(self.etag) and self.etag == other.etag


def is_folder_marker(key: str, size: int) -> bool:
    """Zero bytes under a name that ends with a slash: what S3's console writes for "Create folder"."""
    return size == 0 and key.endswith("/")


def synthetic_sequencer(last_modified: datetime, identity: str) -> str:
    """A sequencer for an object that no event announced: the same one each time, and as good as unique.

    It begins as S3's do, with the second of the upload in hexadecimal behind two zeros (observed, nowhere promised),
    so that backfilled records sort among the others; `identity`, the version id or the ETag, fills the end, which
    S3's leave empty.
    """
    second = f"00{int(last_modified.timestamp()):08X}".ljust(18, "0")
    return second + hashlib.sha256(identity.encode()).hexdigest()[: SEQUENCER_WIDTH - 18].upper()


def audit_number(document: str, sequencer: str) -> float:
    """The upload's number in [0, 1): as good as random, and the same for everyone who asks.

    It decides which unquestioned verdicts are audited, and in which order a queue is worked through, so that what has
    been labelled so far is a fair sample of what waited. `sequencer` is `Upload.sort_key`.
    """
    digest = hashlib.sha256(f"{document}\0{sequencer}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # the 53 bits that a float holds exactly

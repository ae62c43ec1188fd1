"""Reviews: labels that reviewers assigned to documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from records.keys import timestamp
from records.labels import normalize_label

MAX_EARLIER_REVIEWS = 50
"""Maximum number of replaced reviews in a record, which bounds the size of the item."""

REVIEWED = "reviewed"
"""Key value of labelled records in the index of queues."""


class Queue(StrEnum):
    """Why a reviewer is shown a document."""

    REVIEW = "review"
    """The versions disagree or abstain."""
    AUDIT = "audit"
    """The verdict raised no doubt, but was drawn for the audit sample: such verdicts may be wrong as well."""
    OTHER = "other"
    """A reviewer selected the document, so it belongs to no random sample."""


@dataclass(frozen=True)
class Review:
    """A label that a reviewer assigned.

    Attributes:
        label: One of the versions' labels, or `records.labels.NONE_OF_THESE`.
        by: Name of the reviewer.
        at: When the label was assigned.
        queue: Queue that the record was in when it was first labelled.
        seconds: How long the reviewer looked at the document; None if that was not measured.
    """

    label: str
    by: str
    at: datetime
    queue: Queue
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the review as plain JSON values."""
        content = {"label": self.label, "by": self.by, "at": timestamp(self.at), "queue": str(self.queue)}
        return content if self.seconds is None else {**content, "seconds": round(self.seconds, 2)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Review":
        """Read what `as_dict` wrote.

        Raises:
            KeyError: A field is missing.
            ValueError: A field is invalid.
        """
        seconds = content.get("seconds")
        return cls(
            label=normalize_label(content["label"]),
            by=content["by"],
            at=datetime.fromisoformat(content["at"]),
            queue=Queue(content["queue"]),
            seconds=None if seconds is None else float(seconds),
        )

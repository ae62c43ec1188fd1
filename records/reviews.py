"""A person's label, and how a document came to be shown to that person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from records.keys import timestamp

NONE_OF_THESE = "none-of-these"
"""A person's label for a document that fits none of the versions' labels."""

REVIEWS_KEPT = 50
"""How many replaced labels a record keeps; an item must not grow without end."""

REVIEWED = "reviewed"
"""Where a record stands in the index of queues once it carries a label."""


class Queue(StrEnum):
    """Why a person is shown a document."""

    REVIEW = "review"
    """The versions disagree or doubt."""
    AUDIT = "audit"
    """Nothing speaks against the verdict; it was drawn by chance, for what nobody doubts may be wrong too."""
    OTHER = "other"
    """A person picked it: no random sample of anything."""


@dataclass(frozen=True)
class Review:
    """What a person says the document is.

    `queue` is where the record waited when it was first labelled, which tells how it came to be chosen; `seconds` is
    how long the person looked, where that was measured.
    """

    label: str
    by: str
    at: datetime
    queue: Queue
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        content = {"label": self.label, "by": self.by, "at": timestamp(self.at), "queue": str(self.queue)}
        return content if self.seconds is None else {**content, "seconds": round(self.seconds, 2)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Review":
        """Read what `as_dict` wrote.

        Raises:
            KeyError, ValueError: it is no review.
        """
        seconds = content.get("seconds")
        return cls(
            label=content["label"],
            by=content["by"],
            at=datetime.fromisoformat(content["at"]),
            queue=Queue(content["queue"]),
            seconds=None if seconds is None else float(seconds),
        )

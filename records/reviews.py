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
    """Doubt: the verdict may be wrong. In records of schema 1, also every document on which versions differ."""
    EVIDENCE = "evidence"
    """Versions differ on the document, so that its label shows which of them is right."""
    AUDIT = "audit"
    """The verdict raised no doubt, but was drawn for the audit sample: such verdicts may be wrong as well."""
    OTHER = "other"
    """A reviewer selected the document, so it belongs to no random sample."""


CANDIDATE_MARK = "@"
"""Character in the names of candidates, which names of versions cannot contain."""


def pair_name(first: str, second: str) -> str:
    """Return the name of a pair of versions in the phase of a draw, such as `v1:v2`."""
    return ":".join(sorted((first, second)))


def candidate_name(version: str, model_sha256: str) -> str:
    """Return the name of a version that is not deployed, such as `v3@9f86d08`: the same version may be deployed too."""
    return f"{version}{CANDIDATE_MARK}{model_sha256[:7]}"


@dataclass(frozen=True)
class Draw:
    """How a document was drawn from a queue.

    Documents are drawn in the order of their pseudorandom numbers (`records.uploads.audit_number`) among those of a
    period, so that the documents drawn so far are a random sample of them. Statistics depend on it.

    Attributes:
        queue: The queue. It may differ from the queue that the record was in, because a document may be in several.
        probability: Share of the queue's documents in the period that were drawn up to this one.
        since: Start of the period, by time of upload; None for no bound.
        phase: Pairs of versions, such as `v1:v2`, whose disagreements the evidence queue contained at that time. Empty
            for other queues.
        until: End of the period, by time of upload; None for the time of the label.
    """

    queue: Queue
    probability: float
    since: datetime | None = None
    phase: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def for_candidate(self) -> bool:
        """Whether the document was drawn because a version that is not deployed differs on it."""
        return any(CANDIDATE_MARK in pair for pair in self.phase)

    def as_dict(self) -> dict[str, Any]:
        """Return the draw as plain JSON values."""
        content = {
            "queue": str(self.queue),
            "probability": round(self.probability, 6),
            "since": timestamp(self.since) if self.since else None,
            "phase": list(self.phase) or None,
            "until": timestamp(self.until) if self.until else None,
        }
        return {name: value for name, value in content.items() if value is not None}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Draw":
        """Read what `as_dict` wrote.

        Raises:
            KeyError: A field is missing.
            ValueError: A field is invalid.
        """
        since, until = content.get("since"), content.get("until")
        return cls(
            queue=Queue(content["queue"]),
            probability=float(content["probability"]),
            since=datetime.fromisoformat(since) if since else None,
            phase=tuple(map(str, content.get("phase", ()))),
            until=datetime.fromisoformat(until) if until else None,
        )


@dataclass(frozen=True)
class Review:
    """A label that a reviewer assigned.

    Attributes:
        label: One of the versions' labels, or `records.labels.NONE_OF_THESE`.
        by: Name of the reviewer.
        at: When the label was assigned.
        queue: Queue that the record was in when it was first labelled.
        seconds: How long the reviewer looked at the document; None if that was not measured.
        draw: How the document was drawn; None if a reviewer selected it, and for labels of schema 1.
    """

    label: str
    by: str
    at: datetime
    queue: Queue
    seconds: float | None = None
    draw: Draw | None = None

    def same_act(self, other: "Review") -> bool:
        """Return whether both describe the same act of labelling, as one of them may have been stored and read."""
        return (self.label, self.by, timestamp(self.at)) == (other.label, other.by, timestamp(other.at))

    def as_dict(self) -> dict[str, Any]:
        """Return the review as plain JSON values."""
        content: dict[str, Any] = {
            "label": self.label,
            "by": self.by,
            "at": timestamp(self.at),
            "queue": str(self.queue),
        }
        if self.seconds is not None:
            content["seconds"] = round(self.seconds, 2)
        if self.draw is not None:
            content["draw"] = self.draw.as_dict()
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Review":
        """Read what `as_dict` wrote.

        Raises:
            KeyError: A field is missing.
            ValueError: A field is invalid.
        """
        seconds, draw = content.get("seconds"), content.get("draw")
        return cls(
            label=normalize_label(content["label"]),
            by=content["by"],
            at=datetime.fromisoformat(content["at"]),
            queue=Queue(content["queue"]),
            seconds=None if seconds is None else float(seconds),
            draw=Draw.from_dict(draw) if draw else None,
        )

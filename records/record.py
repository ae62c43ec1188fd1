"""The record: what the table holds of one upload, and the keys by which people find it.

One upload is one item. Its keys come from S3 alone, so every delivery of the same event meets the same item:

    document   bucket/key                        partition key
    sequencer  S3's, right-padded with zeros     sort key: later uploads of one name sort later

Four sparse-or-full indexes answer the other questions, each newest first (sort key `event_time`):

    by_time    every record                      time_shard    all#3
    by_label   records with a verdict            label_shard   invoice#3
    by_status  every record                      status_shard  PARTIAL#3
    by_review  what a person labels or has       review_shard  review#3, audit#3, reviewed#3

The `#3` is a shard of the document's name: one popular label would otherwise be one DynamoDB partition, and a
partition takes 1,000 write units a second (AWS, "Best practices for designing and using partition keys").

The same table holds the policies (`records.policy`), which stand in no index.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from records.keys import ALL, decimals, shard_key, shard_of, timestamp
from records.outcomes import Outcome, Prediction, outcome_as_dict, outcome_from_dict
from records.reviews import REVIEWED, REVIEWS_KEPT, Queue, Review
from records.uploads import Upload


class Status(StrEnum):
    """How far the classification of an upload has come."""

    COMPLETE = "COMPLETE"
    """Every version answered."""
    PARTIAL = "PARTIAL"
    """Some version is missing; a retry calls only the missing ones, as long as the object is there."""
    REJECTED = "REJECTED"
    """Not a document that can be read: final, never retried."""
    FAILED = "FAILED"
    """No version answered, or the object could not be read just now; a retry starts again."""


BEYOND_READING = frozenset({"empty", "too-large", "deleted", "superseded"})
"""Kinds of reasons for which an object can never be read (again): those of `orchestrator.errors.DocumentRejected`."""

GONE = frozenset({"deleted", "superseded"})
"""Those of them that no longer hold should the object be there, after all: the same bytes were uploaded once more."""


class Agreement(StrEnum):
    """How many of all versions (not only of those that answered) back the label most voted for."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    SPLIT = "split"


@dataclass(frozen=True)
class Reason:
    """Why a document was rejected or could not be classified: a stable `kind` and a sentence for a person."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What the versions say together."""

    label: str
    confidence: float
    agreement: Agreement
    review_reasons: tuple[str, ...]

    @property
    def needs_review(self) -> bool:
        """Whether a person should look."""
        return bool(self.review_reasons)


@dataclass(frozen=True)
class Record:
    """One item of the table. `latency_ms` runs from the handler's start to the moment before the write."""

    upload: Upload
    status: Status
    predictions: Mapping[str, Outcome]
    verdict: Verdict | None
    reason: Reason | None
    classified_at: datetime
    latency_ms: float
    trace_id: str = ""
    revision: int = 1
    """Counts the writes of this item; a write names the revision it saw, so that two writers cannot lose one."""
    policy: str = ""
    """Id of the policy under which the verdict was made; empty without a verdict."""
    audit: bool = False
    """Drawn by chance for a person's look, though nothing speaks against the verdict."""
    review: Review | None = None
    """The label that stands."""
    earlier_reviews: tuple[Review, ...] = ()
    """Labels that a later one replaced, oldest first."""

    @property
    def final(self) -> bool:
        """Whether no retry can improve it. So it is with a PARTIAL record, too, once the object is gone."""
        if self.status is Status.PARTIAL:
            return self.reason is not None and self.reason.kind in BEYOND_READING
        return self.status is not Status.FAILED

    @property
    def gone(self) -> bool:
        """Whether its object was gone when it was last looked for."""
        return self.reason is not None and self.reason.kind in GONE

    def answered(self) -> dict[str, Prediction]:
        """The predictions of the versions that answered."""
        return {name: said for name, said in self.predictions.items() if isinstance(said, Prediction)}

    def labels(self) -> list[str]:
        """Every label that a version which answered could have given."""
        return sorted({label for said in self.answered().values() for label in said.probabilities})

    @property
    def queue(self) -> Queue | None:
        """Where the record waits for a person; None where it does not, or no longer."""
        if self.review or not self.verdict:
            return None
        if self.verdict.needs_review:
            return Queue.REVIEW
        return Queue.AUDIT if self.audit else None

    def with_review(self, review: Review) -> "Record":
        """This record with a person's label, which replaces the one that stood; how it was chosen stays as it was."""
        if self.review is None:
            return replace(self, review=review)
        earlier = (*self.earlier_reviews, self.review)[-REVIEWS_KEPT:]
        return replace(self, review=replace(review, queue=self.review.queue), earlier_reviews=earlier)

    def without_review(self) -> "Record":
        """This record without the label that stands; the one before it, if any, stands again."""
        *earlier, last = self.earlier_reviews or (None,)
        return replace(self, review=last, earlier_reviews=tuple(earlier))

    def as_dict(self) -> dict[str, Any]:
        """The record as people read it: plain JSON values, the contract's field names, no index keys."""
        upload, verdict = self.upload, self.verdict
        content: dict[str, Any] = {
            "document": upload.document,
            "sequencer": upload.sort_key,
            "bucket": upload.bucket,
            "key": upload.key,
            "size": upload.size,
            "etag": upload.etag,
            "version_id": upload.version_id,
            "backfilled": upload.backfilled or None,
            "status": str(self.status),
            "label": verdict.label if verdict else None,
            "confidence": round(verdict.confidence, 6) if verdict else None,
            "agreement": str(verdict.agreement) if verdict else None,
            "needs_review": verdict.needs_review if verdict else False,
            "review_reasons": list(verdict.review_reasons) if verdict else [],
            "policy": self.policy or None,
            "audit": self.audit or None,
            "review": self.review.as_dict() if self.review else None,
            "earlier_reviews": [review.as_dict() for review in self.earlier_reviews] or None,
            "reason": {"kind": self.reason.kind, "detail": self.reason.detail} if self.reason else None,
            "predictions": {name: outcome_as_dict(said) for name, said in self.predictions.items()},
            "event_time": timestamp(upload.event_time),
            "classified_at": timestamp(self.classified_at),
            "latency_ms": round(self.latency_ms, 1),
            "trace_id": self.trace_id or None,
            "revision": self.revision,
        }
        return {name: value for name, value in content.items() if value is not None}

    def to_item(self) -> dict[str, Any]:
        """The record as DynamoDB stores it: numbers as Decimals, and the index keys."""
        item: dict[str, Any] = decimals(self.as_dict())
        shard = shard_of(self.upload.document)
        item["time_shard"] = shard_key(ALL, shard)
        item["status_shard"] = shard_key(self.status, shard)
        if self.verdict:
            item["label_shard"] = shard_key(self.verdict.label, shard)
        if stands := REVIEWED if self.review else self.queue:
            item["review_shard"] = shard_key(stands, shard)
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Record":
        """Read an item that `to_item` wrote.

        Raises:
            KeyError, ValueError: the item is not a record.
        """
        upload = Upload(
            bucket=item["bucket"],
            key=item["key"],
            sequencer=item["sequencer"],
            event_time=datetime.fromisoformat(item["event_time"]),
            size=int(item["size"]),
            etag=item["etag"],
            version_id=item.get("version_id"),
            backfilled=bool(item.get("backfilled", False)),
        )
        verdict = None
        if "label" in item:
            verdict = Verdict(
                label=item["label"],
                confidence=float(item["confidence"]),
                agreement=Agreement(item["agreement"]),
                review_reasons=tuple(item["review_reasons"]),
            )
        reason, review = item.get("reason"), item.get("review")
        return cls(
            upload=upload,
            status=Status(item["status"]),
            predictions={name: outcome_from_dict(said) for name, said in item["predictions"].items()},
            verdict=verdict,
            reason=Reason(reason["kind"], reason["detail"]) if reason else None,
            classified_at=datetime.fromisoformat(item["classified_at"]),
            latency_ms=float(item["latency_ms"]),
            trace_id=item.get("trace_id", ""),
            revision=int(item["revision"]),
            policy=item.get("policy", ""),
            audit=bool(item.get("audit", False)),
            review=Review.from_dict(review) if review else None,
            earlier_reviews=tuple(map(Review.from_dict, item.get("earlier_reviews", ()))),
        )

    def next_revision(self, seen: "Record | None") -> "Record":
        """This record as the successor of the one it replaces."""
        return replace(self, revision=(seen.revision if seen else 0) + 1)

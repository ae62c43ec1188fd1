"""Records: what the table stores about each upload, and the keys by which queries find it.

One upload is one item. Its keys come from S3 alone, so that every delivery of the same event finds the same item:

    document   bucket/key                        partition key
    sequencer  S3's, right-padded with zeros     sort key: later uploads under one key sort later

Four indexes answer the other queries, each newest first (sort key `event_time`):

    by_time    every record                      time_shard    all#3
    by_label   records with a verdict            label_shard   invoice#3
    by_status  every record                      status_shard  PARTIAL#3
    by_review  records in a queue or labelled    review_shard  review#3, evidence#3, audit#3, reviewed#3

The `#3` is a shard of the document's name. Without shards, all records of a popular label would share a DynamoDB
partition, which accepts 1,000 write units a second (AWS, "Best practices for designing and using partition keys").

The same table contains the policies (`records.policy`), which are in no index.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from records.conversions import ConversionSummary, Parent
from records.keys import ALL, decimals, shard_key, shard_of, timestamp
from records.labels import normalize_label
from records.outcomes import ModelFailure, Outcome, Prediction, outcome_as_dict, outcome_from_dict
from records.reviews import MAX_EARLIER_REVIEWS, REVIEWED, Queue, Review
from records.uploads import Upload

SCHEMA = 2
"""Version of the schema that records are written in. Records without a version have schema 1, in which every document
on which versions differ needs review, and labels do not state how documents were drawn."""


class Status(StrEnum):
    """How complete the classification of an upload is."""

    COMPLETE = "COMPLETE"
    """Every version returned a prediction."""
    PARTIAL = "PARTIAL"
    """At least one version returned no prediction. A retry calls only the missing ones, unless the record is final."""
    REJECTED = "REJECTED"
    """The object is not a readable document. Final: there is no retry."""
    FAILED = "FAILED"
    """No version returned a prediction, or the object could not be read. A retry starts again."""


INACCESSIBLE_REASONS = frozenset({"deleted", "superseded", "archived", "customer-encrypted"})
"""Kinds of permanent reasons that end if the same object becomes readable again."""

TOO_SLOW = "too-slow"
"""Kind of the reason why a document is final whose decoding takes longer than the services' limit."""

PERMANENT_REASONS = frozenset({"empty", "too-large", TOO_SLOW}) | INACCESSIBLE_REASONS
"""Kinds of reasons that no retry changes: those of `records.errors.DocumentRejected`, and `TOO_SLOW`."""


class Agreement(StrEnum):
    """Share of all versions, including those without a prediction, that predict the most frequent label."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    SPLIT = "split"


@dataclass(frozen=True)
class Reason:
    """Why a record is not COMPLETE: a stable `kind` for programs and a sentence for users."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """Label and confidence derived from all predictions."""

    label: str
    confidence: float
    agreement: Agreement
    review_reasons: tuple[str, ...]

    @property
    def needs_review(self) -> bool:
        """Whether a reviewer should check the verdict, because it may be wrong."""
        return bool(self.review_reasons)


@dataclass(frozen=True)
class Record:
    """One item of the table.

    Attributes:
        upload: The upload that the record describes.
        status: How complete the record is.
        predictions: Outcome of each version.
        verdict: What the policy derives from the predictions; None without a prediction.
        reason: Why the record is not COMPLETE.
        classified_at: When the record was last written.
        latency_ms: Duration from the handler's start to just before the write.
        trace_id: AWS trace of the invocation that wrote the record.
        revision: Number of writes. Each write is conditional on the revision that its writer read, so that concurrent
            writers do not overwrite each other.
        policy: ID of the policy that made the verdict; empty without a verdict.
        audit: Whether the verdict is part of the audit sample.
        review: The current label.
        earlier_reviews: Labels that were replaced, oldest first.
        schema: Version of the schema of the verdict and its reasons.
        conversion: How the document was converted; None if the versions read it as it is.
        parent: The upload that the document was extracted from; None if it was uploaded.
    """

    upload: Upload
    status: Status
    predictions: Mapping[str, Outcome]
    verdict: Verdict | None
    reason: Reason | None
    classified_at: datetime
    latency_ms: float
    trace_id: str = ""
    revision: int = 1
    policy: str = ""
    audit: bool = False
    review: Review | None = None
    earlier_reviews: tuple[Review, ...] = ()
    schema: int = SCHEMA
    conversion: ConversionSummary | None = None
    parent: Parent | None = None

    @property
    def final(self) -> bool:
        """Whether no retry can improve the record. A PARTIAL record is final if its reason is permanent."""
        if self.status is Status.PARTIAL:
            return self.reason is not None and self.reason.kind in PERMANENT_REASONS
        return self.status is not Status.FAILED

    @property
    def inaccessible(self) -> bool:
        """Whether the last attempt could not read the object for a reason that may end; see `INACCESSIBLE_REASONS`."""
        return self.reason is not None and self.reason.kind in INACCESSIBLE_REASONS

    @property
    def queue(self) -> Queue | None:
        """Queue that the record is in; None if it needs no label or has one.

        A record is in one queue of the index. The evidence queue also deals documents of the other two, because it
        contains all documents on which certain versions differ.
        """
        if self.review or not self.verdict:
            return None
        if self.verdict.needs_review:
            return Queue.REVIEW
        if self.audit:
            return Queue.AUDIT
        return Queue.EVIDENCE if self.differing else None

    @property
    def differing(self) -> bool:
        """Whether versions predict different labels."""
        return len({prediction.label for prediction in self.answered().values()}) > 1

    @property
    def overruled_label(self) -> str | None:
        """The label that most versions predict, if the verdict has another one; see `records.verdict.soft_vote`."""
        votes = Counter(prediction.label for prediction in self.answered().values())
        label = max(votes, key=votes.__getitem__, default=None)
        if self.verdict is None or self.verdict.agreement is not Agreement.MAJORITY or label == self.verdict.label:
            return None
        return label

    @property
    def classified_object(self) -> Upload:
        """The object that the versions read: the converted pages, or the upload itself if it was not converted."""
        if self.conversion is None or self.conversion.pages_key is None:
            return self.upload
        return replace(self.upload, key=self.conversion.pages_key, size=None, etag="", version_id=None)

    @property
    def reviews(self) -> tuple[Review, ...]:
        """All labels, oldest first."""
        return self.earlier_reviews if self.review is None else (*self.earlier_reviews, self.review)

    def answered(self) -> dict[str, Prediction]:
        """Return the predictions by version, without the versions that failed."""
        return {version: outcome for version, outcome in self.predictions.items() if isinstance(outcome, Prediction)}

    def rotations(self) -> tuple[int, ...]:
        """Return by how many degrees clockwise most versions turned each page; empty if they turned none."""
        counts = Counter(prediction.rotated for prediction in self.answered().values())
        return max(counts, key=counts.__getitem__, default=())

    def crops(self) -> tuple[bool, ...]:
        """Return whether most versions cropped each page; empty if they cropped none."""
        counts = Counter(prediction.cropped for prediction in self.answered().values())
        return max(counts, key=counts.__getitem__, default=())

    def failures(self) -> dict[str, ModelFailure]:
        """Return the failures by version, without the versions that returned a prediction."""
        return {version: outcome for version, outcome in self.predictions.items() if isinstance(outcome, ModelFailure)}

    def labels(self) -> list[str]:
        """Return every label that a version with a prediction can predict, sorted."""
        return sorted({label for prediction in self.answered().values() for label in prediction.probabilities})

    def next_revision(self, replaced: "Record | None") -> "Record":
        """Return this record numbered as the successor of the one that it replaces."""
        return replace(self, revision=(replaced.revision if replaced else 0) + 1)

    def with_review(self, review: Review) -> "Record":
        """Return this record with a new label. The queue and the draw of its first label stay."""
        if self.review is None:
            return replace(self, review=review)
        earlier = (*self.earlier_reviews, self.review)[-MAX_EARLIER_REVIEWS:]
        drawn = replace(review, queue=self.review.queue, draw=self.review.draw)
        return replace(self, review=drawn, earlier_reviews=earlier)

    def without_review(self) -> "Record":
        """Return this record without its current label. The label before it, if any, becomes current."""
        *earlier, last = self.earlier_reviews or (None,)
        return replace(self, review=last, earlier_reviews=tuple(earlier))

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values, under the contract's field names and without index keys."""
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
            "conversion": self.conversion.as_dict() if self.conversion else None,
            "parent": self.parent.as_dict() if self.parent else None,
            "reason": {"kind": self.reason.kind, "detail": self.reason.detail} if self.reason else None,
            "predictions": {version: outcome_as_dict(outcome) for version, outcome in self.predictions.items()},
            "event_time": timestamp(upload.event_time),
            "classified_at": timestamp(self.classified_at),
            "latency_ms": round(self.latency_ms, 1),
            "trace_id": self.trace_id or None,
            "revision": self.revision,
            "schema": self.schema if self.schema > 1 else None,
        }
        return {name: value for name, value in content.items() if value is not None}

    def to_item(self) -> dict[str, Any]:
        """Return the record as an item of the table: with Decimals for numbers, and with the index keys."""
        item: dict[str, Any] = decimals(self.as_dict())
        shard = shard_of(self.upload.document)
        item["time_shard"] = shard_key(ALL, shard)
        item["status_shard"] = shard_key(self.status, shard)
        if self.verdict:
            item["label_shard"] = shard_key(self.verdict.label, shard)
        if queue := REVIEWED if self.review else self.queue:
            item["review_shard"] = shard_key(queue, shard)
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Record":
        """Read an item of the table.

        Raises:
            KeyError: A field is missing: the item is not a record.
            ValueError: A field is invalid.
        """
        reason, review = item.get("reason"), item.get("review")
        conversion, parent = item.get("conversion"), item.get("parent")  # absent in records before 0.3
        return cls(
            upload=_upload_from_item(item),
            status=Status(item["status"]),
            predictions={version: outcome_from_dict(content) for version, content in item["predictions"].items()},
            verdict=_verdict_from_item(item) if "label" in item else None,
            reason=Reason(reason["kind"], reason["detail"]) if reason else None,
            classified_at=datetime.fromisoformat(item["classified_at"]),
            latency_ms=float(item["latency_ms"]),
            trace_id=item.get("trace_id", ""),
            revision=int(item["revision"]),
            policy=item.get("policy", ""),
            audit=bool(item.get("audit", False)),
            review=Review.from_dict(review) if review else None,
            earlier_reviews=tuple(map(Review.from_dict, item.get("earlier_reviews", ()))),
            conversion=ConversionSummary.from_dict(conversion) if conversion else None,
            parent=Parent.from_dict(parent) if parent else None,
            schema=int(item.get("schema", 1)),
        )


def _upload_from_item(item: Mapping[str, Any]) -> Upload:
    return Upload(
        bucket=item["bucket"],
        key=item["key"],
        sequencer=item["sequencer"],
        event_time=datetime.fromisoformat(item["event_time"]),
        size=int(item["size"]) if "size" in item else None,
        etag=item["etag"],
        version_id=item.get("version_id"),
        backfilled=bool(item.get("backfilled", False)),
    )


def _verdict_from_item(item: Mapping[str, Any]) -> Verdict:
    return Verdict(
        label=normalize_label(item["label"]),
        confidence=float(item["confidence"]),
        agreement=Agreement(item["agreement"]),
        review_reasons=tuple(item["review_reasons"]),
    )

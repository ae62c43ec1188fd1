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

The same table holds the policies (`orchestrator.policy`), which stand in no index.
"""

import hashlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

SHARDS = 8
"""Write shards of an index key. Changing it hides older records from queries until they are written again."""

SEQUENCER_WIDTH = 32
"""Digits that a sequencer is padded to. S3 sends 16 to 18 and tells receivers to pad the shorter with zeros."""


NONE_OF_THEM = "none-of-these"
"""A person's label for a document that fits none of the versions' labels."""

REVIEWS_KEPT = 50
"""How many replaced labels a record keeps; an item must not grow without end."""

LATE = timedelta(minutes=10)
"""An event older than this may find its upload backfilled. Backfills leave younger uploads to their own events."""


class Status(StrEnum):
    """How far the classification of an upload has come."""

    COMPLETE = "COMPLETE"
    """Every version answered."""
    PARTIAL = "PARTIAL"
    """Some version is missing; a retry calls only the missing ones."""
    REJECTED = "REJECTED"
    """Not a document that can be read: final, never retried."""
    FAILED = "FAILED"
    """No version answered, or the object could not be read just now; a retry starts again."""

    @property
    def final(self) -> bool:
        """Whether no retry can improve the record."""
        return self in (Status.COMPLETE, Status.REJECTED)


class Agreement(StrEnum):
    """How many of all versions (not only of those that answered) back the label most voted for."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    SPLIT = "split"


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
    """Found by listing the bucket, not announced: the sequencer is a stand-in (see `stand_in_sequencer`)."""

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


def stand_in_sequencer(last_modified: datetime, identity: str) -> str:
    """A sequencer for an object that no event announced: the same one each time, and as good as unique.

    It begins as S3's do, with the second of the upload in hexadecimal behind two zeros (observed, nowhere promised),
    so that backfilled records sort among the others; `identity`, the version id or the ETag, fills the end, which
    S3's leave empty.
    """
    second = f"00{int(last_modified.timestamp()):08X}".ljust(18, "0")
    return second + hashlib.sha256(identity.encode()).hexdigest()[: SEQUENCER_WIDTH - 18].upper()


@dataclass(frozen=True)
class Prediction:
    """What one version said. `probabilities` are calibrated and sum to 1; times are milliseconds."""

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    abstained: bool
    pages: int
    model_sha256: str
    latency_ms: float
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelError:
    """Why one version said nothing.

    `kind` is one of `timeout`, `unreachable`, `overloaded`, `rejected` (the service cannot read the document),
    `failed` and `invalid_answer`. Where the service answered at all, `status` is its HTTP status; where that answer
    was a problem (RFC 9457), `problem` is the last part of its type, such as `encrypted-document`.
    """

    kind: str
    detail: str
    latency_ms: float
    status: int | None = None
    problem: str | None = None


Outcome = Prediction | ModelError


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

    def answered(self) -> dict[str, Prediction]:
        """The predictions of the versions that answered."""
        return {name: said for name, said in self.predictions.items() if isinstance(said, Prediction)}

    def labels(self) -> list[str]:
        """Every label that a version which answered could have given."""
        return sorted({label for said in self.answered().values() for label in said.probabilities})

    @property
    def waits_in(self) -> Queue | None:
        """Where the record waits for a person; None where it does not, or no longer."""
        if self.review or not self.verdict:
            return None
        if self.verdict.needs_review:
            return Queue.REVIEW
        return Queue.AUDIT if self.audit else None

    def reviewed(self, review: Review) -> "Record":
        """This record with a person's label, which replaces the one that stood; how it was chosen stays as it was."""
        if self.review is None:
            return replace(self, review=review)
        earlier = (*self.earlier_reviews, self.review)[-REVIEWS_KEPT:]
        return replace(self, review=replace(review, queue=self.review.queue), earlier_reviews=earlier)

    def unreviewed(self) -> "Record":
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
            "predictions": {name: _outcome_dict(said) for name, said in self.predictions.items()},
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
        if stands := REVIEWED if self.review else self.waits_in:
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
            predictions={name: _outcome(said) for name, said in item["predictions"].items()},
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


ALL = "all"
REVIEWED = "reviewed"


def draw(document: str, sequencer: str) -> float:
    """The upload's number in [0, 1): as good as random, and the same for everyone who asks.

    It decides which unquestioned verdicts are audited, and in which order a queue is worked through, so that what has
    been labelled so far is a fair sample of what waited. `sequencer` is `Upload.sort_key`.
    """
    digest = hashlib.sha256(f"{document}\0{sequencer}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # the 53 bits that a float holds exactly


def shard_of(document: str) -> int:
    """The shard of a document's name: the same on every machine and in every Python (so no `hash`)."""
    return zlib.crc32(document.encode()) % SHARDS


def shard_key(value: str, shard: int) -> str:
    """An index's partition key, such as `invoice#3`."""
    return f"{value}#{shard}"


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a Z, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _outcome_dict(said: Outcome) -> dict[str, Any]:
    if isinstance(said, ModelError):
        error: dict[str, Any] = {"kind": said.kind, "detail": said.detail}
        if said.status is not None:
            error["status"] = said.status
        if said.problem is not None:
            error["problem"] = said.problem
        return {"error": error, "latency_ms": round(said.latency_ms, 1)}
    return {
        "label": said.label,
        "confidence": round(said.confidence, 6),
        "probabilities": {label: round(p, 6) for label, p in said.probabilities.items()},
        "abstained": said.abstained,
        "pages": said.pages,
        "model_sha256": said.model_sha256,
        "latency_ms": round(said.latency_ms, 1),
        "timings_ms": {name: round(ms, 2) for name, ms in said.timings_ms.items()},
    }


def _outcome(said: Mapping[str, Any]) -> Outcome:
    if "error" in said:
        error = said["error"]
        status = error.get("status")
        return ModelError(
            kind=error["kind"],
            detail=error["detail"],
            latency_ms=float(said["latency_ms"]),
            status=None if status is None else int(status),
            problem=error.get("problem"),
        )
    return Prediction(
        label=said["label"],
        confidence=float(said["confidence"]),
        probabilities={label: float(p) for label, p in said["probabilities"].items()},
        abstained=bool(said["abstained"]),
        pages=int(said["pages"]),
        model_sha256=said["model_sha256"],
        latency_ms=float(said["latency_ms"]),
        timings_ms={name: float(ms) for name, ms in said["timings_ms"].items()},
    )


def decimals(value: Any) -> Any:
    """Plain JSON values with floats as Decimals, for boto3 takes no float. Through `repr`, so that 0.1 stays 0.1."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that a record can hold")
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {name: decimals(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [decimals(inner) for inner in value]
    return value

"""Examples: records reduced to what the statistics use, without predictions of earlier weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.outcomes import ModelFailure, Prediction
from records.policy import Policy
from records.record import Record
from records.reviews import Draw, Queue
from records.uploads import audit_number
from records.verdict import DOUBTFUL, combine

STRATA = (Queue.REVIEW, Queue.EVIDENCE, Queue.AUDIT)
"""Strata of the documents: doubtful; not doubtful, but versions differ; neither. Each has its own labelling rate."""

VOTE = "vote"
"""Name of the soft vote wherever it is listed next to the versions."""


class Exclusion(StrEnum):
    """Why a labelled example is not part of the random sample."""

    SELECTED = "selected"
    """A reviewer selected the document."""
    LATE_PREDICTION = "late-prediction"
    """A version classified the document after it was labelled, possibly after training on that label."""
    CANDIDATE = "candidate"
    """The document was in no queue, but a version that is not deployed differs on it."""


@dataclass(frozen=True)
class ScoredLabel:
    """The label that a version or the soft vote assigns to a document, with its confidence."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Example:
    """One document.

    Attributes:
        id: Unique identifier, by which examples are sorted.
        uploaded_at: Time of the upload.
        stratum: `REVIEW` if the verdict needed review, else `EVIDENCE` if versions differ, else `AUDIT`.
        predictions: Predictions by version, of current weights only.
        outdated: Versions that have a prediction of earlier weights only.
        failures: Kind of failure by version, for versions without a prediction.
        latency_ms: Latency of each version in `predictions`; under `VOTE`, of the whole record.
        vote: The soft vote under the current policy; None if it would include a prediction of earlier weights.
        true_label: The reviewer's label; None if unlabelled.
        exclusion: Why a labelled example is not part of the random sample; None if it is.
        labelled_at: Time of the first label; None if unlabelled.
        rank: The pseudorandom number in [0, 1) by which queues are ordered.
        draw: How the document was drawn for its first label; None if that is not known.
        queue: Queue that the document was in when it was first labelled; None if unlabelled.
        policy: Id of the policy that made the verdict.
        other_doubt: Whether the verdict needs review for another reason than its confidence.
        second_opinions: Labels that other reviewers gave before.
        legacy: Whether the label was given under schema 1, when labels were drawn evenly from all documents on which
            versions differ.
    """

    id: str
    uploaded_at: datetime
    stratum: Queue
    predictions: Mapping[str, ScoredLabel]
    outdated: frozenset[str]
    failures: Mapping[str, str]
    latency_ms: Mapping[str, float]
    vote: ScoredLabel | None
    true_label: str | None = None
    exclusion: Exclusion | None = None
    labelled_at: datetime | None = None
    rank: float = 0.0
    draw: Draw | None = None
    queue: Queue | None = None
    policy: str = ""
    other_doubt: bool = False
    second_opinions: tuple[str, ...] = ()
    legacy: bool = True

    @property
    def pattern(self) -> tuple[tuple[str, int], ...]:
        """Versions with numbers that are equal for equal labels: who agrees with whom."""
        numbers: dict[str, int] = {}
        return tuple(
            (name, numbers.setdefault(self.predictions[name].label, len(numbers))) for name in sorted(self.predictions)
        )

    def prediction(self, name: str) -> ScoredLabel | None:
        """Return the prediction of a version or, for `VOTE`, the soft vote; None if it does not count or is missing."""
        return self.vote if name == VOTE else self.predictions.get(name)

    def differs(self, first: str, second: str) -> bool:
        """Return whether both versions have a prediction, with different labels."""
        one, two = self.predictions.get(first), self.predictions.get(second)
        return one is not None and two is not None and one.label != two.label

    def is_correct(self, name: str) -> bool:
        """Return whether the prediction equals the true label. "None of these" is wrong for every version."""
        prediction = self.prediction(name)
        return prediction is not None and prediction.label == self.true_label


def current_weights(records: Iterable[Record]) -> dict[str, str]:
    """Return the `model_sha256` of each version's current weights, sorted by version.

    Current are the weights that classified the newest upload. The time of the write does not matter: a retry for one
    version writes the earlier predictions of the others again.
    """
    newest: dict[str, tuple[datetime, str]] = {}
    for record in records:
        for version, prediction in record.answered().items():
            candidate = (record.upload.event_time, prediction.model_sha256)
            newest[version] = max(newest.get(version, candidate), candidate)
    return {version: newest[version][1] for version in sorted(newest)}


def examples_from(records: Iterable[Record], weights: Mapping[str, str], policy: Policy) -> list[Example]:
    """Return one example for each upload that has a verdict, sorted by `Example.id`."""
    by_key = {(r.upload.document, r.upload.sort_key): r for r in records if r.verdict}
    return [_to_example(by_key[key], weights, policy) for key in sorted(by_key)]


def _to_example(record: Record, weights: Mapping[str, str], policy: Policy) -> Example:
    predictions = record.answered()
    current = {name: each for name, each in predictions.items() if each.model_sha256 == weights[name]}
    stratum = _stratum(record)
    first = next(iter(record.earlier_reviews), record.review)
    return Example(
        id=f"{record.upload.document} {record.upload.sort_key}",
        uploaded_at=record.upload.event_time,
        stratum=stratum,
        predictions={name: ScoredLabel(each.label, each.confidence) for name, each in current.items()},
        outdated=frozenset(predictions) - frozenset(current),
        failures={name: each.kind for name, each in record.predictions.items() if isinstance(each, ModelFailure)},
        latency_ms={VOTE: record.latency_ms, **{name: each.latency_ms for name, each in current.items()}},
        vote=_soft_vote(record, current, policy) if len(current) == len(predictions) else None,
        true_label=record.review.label if record.review else None,
        exclusion=_exclusion(record, stratum),
        labelled_at=first.at if first else None,
        rank=audit_number(record.upload.document, record.upload.sort_key),
        draw=record.review.draw if record.review else None,
        queue=record.review.queue if record.review else None,
        policy=record.policy,
        other_doubt=bool(record.verdict and set(record.verdict.review_reasons) - {DOUBTFUL}),
        second_opinions=tuple(
            each.label for each in record.earlier_reviews if record.review and each.by != record.review.by
        ),
        legacy=record.schema == 1,
    )


def _stratum(record: Record) -> Queue:
    if record.verdict and record.verdict.needs_review:
        return Queue.REVIEW
    return Queue.EVIDENCE if record.differing else Queue.AUDIT


def _exclusion(record: Record, stratum: Queue) -> Exclusion | None:
    """Return why a labelled record is not part of the random sample.

    Only a prediction made after the first label can make a verdict doubtful, or end its doubt, after it was labelled.
    """
    if record.review is None:
        return None
    if record.review.queue is Queue.OTHER:
        drawn = record.review.draw is not None and record.review.draw.for_candidate
        return Exclusion.CANDIDATE if drawn else Exclusion.SELECTED
    first = next(iter(record.earlier_reviews), record.review)
    late = record.classified_at > first.at or (record.review.queue is Queue.REVIEW) != (stratum is Queue.REVIEW)
    return Exclusion.LATE_PREDICTION if late else None


def _soft_vote(record: Record, current: Mapping[str, Prediction], policy: Policy) -> ScoredLabel | None:
    """Return the vote under the given policy, which may differ from the policy of the record's verdict."""
    verdict = combine({**record.predictions, **current}, policy)
    return ScoredLabel(verdict.label, verdict.confidence) if verdict else None

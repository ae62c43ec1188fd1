"""Cases: of a record, what matters as evidence, and nothing that earlier weights have said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from records.outcomes import ModelFailure, Prediction
from records.policy import Policy
from records.record import Record
from records.reviews import Queue
from records.verdict import combine

STRATA = (Queue.REVIEW, Queue.AUDIT)
"""Every document is in one: flagged for review, or unflagged and perhaps audited. Each is labelled at its own rate."""

VOTE = "vote"
"""The name under which the versions' common answer stands beside them."""


@dataclass(frozen=True)
class Answer:
    """What one version, or the vote, said of a document."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Case:
    """One document.

    Attributes:
        name: What tells it from all others, and orders cases.
        at: When it was uploaded.
        stratum: `REVIEW` where it was flagged, else `AUDIT`.
        answers: Of each version whose current weights answered.
        outdated: Versions of which only earlier weights answered.
        errors: The kind of failure of each version that did not answer.
        latency_ms: Of each version in `answers`, and of the whole record for the vote.
        vote: What those versions say together under the current policy; None where an outdated one had a say.
        truth: A person's label, where there is one.
        by_chance: Whether the document was labelled because its stratum's draw chose it, not because somebody did.
    """

    name: str
    at: datetime
    stratum: Queue
    answers: Mapping[str, Answer]
    outdated: frozenset[str]
    errors: Mapping[str, str]
    latency_ms: Mapping[str, float]
    vote: Answer | None
    truth: str | None = None
    by_chance: bool = False

    def answer(self, name: str) -> Answer | None:
        """What a version, or the vote, said; None where it does not count or there is none."""
        return self.vote if name == VOTE else self.answers.get(name)

    def right(self, name: str) -> bool:
        """Whether it said what the person says. "None of these" is nobody's answer: all are wrong then."""
        said = self.answer(name)
        return said is not None and said.label == self.truth


def current_weights(records: Iterable[Record]) -> dict[str, str]:
    """The `model_sha256` of each version's answer to the newest upload that it answered, versions in order.

    The time of the write would mislead: a retry for the sake of one version writes the earlier answers of the others
    once more.
    """
    newest: dict[str, tuple[datetime, str]] = {}
    for record in records:
        for version, said in record.answered().items():
            found = (record.upload.event_time, said.model_sha256)
            newest[version] = max(newest.get(version, found), found)
    return {version: newest[version][1] for version in sorted(newest)}


def cases(records: Iterable[Record], weights: Mapping[str, str], policy: Policy) -> list[Case]:
    """The records that have a verdict, as cases in the order of their names, each document's upload once."""
    found = {(r.upload.document, r.upload.sort_key): r for r in records if r.verdict}
    return [_case(found[key], weights, policy) for key in sorted(found)]


def _case(record: Record, weights: Mapping[str, str], policy: Policy) -> Case:
    answered = record.answered()
    current = {version: said for version, said in answered.items() if said.model_sha256 == weights[version]}
    stratum = Queue.REVIEW if record.verdict and record.verdict.needs_review else Queue.AUDIT
    return Case(
        name=f"{record.upload.document} {record.upload.sort_key}",
        at=record.upload.event_time,
        stratum=stratum,
        answers={version: Answer(said.label, said.confidence) for version, said in current.items()},
        outdated=frozenset(answered) - frozenset(current),
        errors={name: said.kind for name, said in record.predictions.items() if isinstance(said, ModelFailure)},
        latency_ms={VOTE: record.latency_ms, **{version: said.latency_ms for version, said in current.items()}},
        vote=_vote(record, current, policy) if len(current) == len(answered) else None,
        truth=record.review.label if record.review else None,
        by_chance=record.review is not None and record.review.queue is stratum and _before_labels(record),
    )


def _before_labels(record: Record) -> bool:
    """Whether all answers are older than the first label: a version that a retry asked later may have learnt it."""
    first = next(iter(record.earlier_reviews), record.review)
    return first is None or record.classified_at <= first.at


def _vote(record: Record, current: Mapping[str, Prediction], policy: Policy) -> Answer | None:
    """The vote under today's policy, whichever policy made the record's own verdict."""
    verdict = combine({**record.predictions, **current}, policy)
    return Answer(verdict.label, verdict.confidence) if verdict else None

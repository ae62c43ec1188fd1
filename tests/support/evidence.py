"""Cases and whole worlds of records with known truth, for the statistics' tests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from evidence.cases import Answer, Case
from records.record import Record
from records.reviews import Queue, Review
from records.uploads import audit_number
from tests.support.uploads import NOON, prediction, record, upload

LABELS = ("invoice", "letter", "memo", "receipt", "form")


def case(
    name: str = "a",
    said: Mapping[str, str] | None = None,
    truth: str | None = None,
    *,
    at: datetime = NOON,
    stratum: Queue | None = None,
    confidence: float = 0.9,
) -> Case:
    """A case of which the versions said something; flagged where they disagree, unless told."""
    answers = {version: Answer(label, confidence) for version, label in (said or {}).items()}
    flagged = Queue.REVIEW if len({answer.label for answer in answers.values()}) > 1 else Queue.AUDIT
    return Case(
        name=name,
        at=at,
        stratum=stratum or flagged,
        answers=answers,
        outdated=frozenset(),
        errors={},
        latency_ms=dict.fromkeys(answers, 20.0),
        vote=None,
        truth=truth,
        by_chance=truth is not None,
    )


@dataclass(frozen=True)
class World:
    """Records as they would be after some weeks, and what was true."""

    records: Sequence[Record]
    truths: Mapping[str, str]

    def accuracy(self, version: str) -> float:
        """How often the version really was right, unlabelled documents included."""
        rights = [
            record.answered()[version].label == self.truths[record.upload.document]
            for record in self.records
            if version in record.answered()
        ]
        return sum(rights) / len(rights)

    def labelled(self, reviewed: float = 0.7, by: str = "ann") -> list[Record]:
        """What a person would have labelled: a share of the flagged, in the order of the draw, and all audits."""
        found = []
        for made in self.records:
            drawn = audit_number(made.upload.document, made.upload.sort_key)
            queue = made.queue
            if queue is Queue.AUDIT or (queue is Queue.REVIEW and drawn < reviewed):
                found.append(replace(made, review=Review(self.truths[made.upload.document], by, NOON, queue)))
        return found


def world(
    documents: int,
    accuracy: Mapping[str, float],
    *,
    seed: int = 1,
    audit_share: float = 0.1,
    per_day: int = 144,
    labels: Sequence[str] = LABELS,
    likely: Iterable[float] | None = None,
) -> World:
    """Documents that some versions read, with `accuracy`; hard ones are hard for all, and make them less sure."""
    chance = np.random.default_rng(seed)
    records, truths = [], {}
    shares = None if likely is None else list(likely)
    for number in range(documents):
        truth = str(chance.choice(labels, p=shares))
        hardness = chance.random()
        said = {}
        for version, share in accuracy.items():
            right = 0.8 * hardness + 0.2 * chance.random() < share
            label = truth if right else str(chance.choice([other for other in labels if other != truth]))
            sure = float(np.clip(chance.beta(12, 1.5) if right else chance.beta(5, 3), 0.3, 0.99))
            rest = {other: (1 - sure) / (len(labels) - 1) for other in labels}
            said[version] = prediction(
                label,
                sure,
                probabilities={**rest, label: sure},
                abstained=sure < 0.5,
                model_sha256=version * 8,
                latency_ms=float(chance.gamma(4, 6)),
            )
        of = upload(f"{number:06}.pdf", event_time=NOON - timedelta(days=1) * (number / per_day))
        audit = audit_number(of.document, of.sort_key) < audit_share
        records.append(record(said, of=of, classified_at=of.event_time, audit=audit))
        truths[of.document] = truth
    return World(records, truths)

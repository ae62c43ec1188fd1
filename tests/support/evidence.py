"""Examples and simulated records with known true labels, for the tests of the statistics."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np

from evidence.examples import Example, ScoredLabel
from records.record import Record
from records.reviews import Draw, Queue, Review
from records.uploads import audit_number
from tests.support.uploads import NOON, prediction, record, upload

LABELS = ("invoice", "letter", "memo", "receipt", "form")


def example(
    id: str = "a",  # noqa: A002 -- the name of the attribute
    predictions: Mapping[str, str] | None = None,
    true_label: str | None = None,
    *,
    at: datetime = NOON,
    stratum: Queue | None = None,
    confidence: float = 0.9,
) -> Example:
    """Return an example with these predicted labels by version. It is flagged if they differ, unless given."""
    scored = {version: ScoredLabel(label, confidence) for version, label in (predictions or {}).items()}
    flagged = Queue.REVIEW if len({each.label for each in scored.values()}) > 1 else Queue.AUDIT
    return Example(
        id=id,
        uploaded_at=at,
        stratum=stratum or flagged,
        predictions=scored,
        outdated=frozenset(),
        failures={},
        latency_ms=dict.fromkeys(scored, 20.0),
        vote=None,
        true_label=true_label,
    )


@dataclass(frozen=True)
class SimulatedRecords:
    """Records of some weeks and their true labels."""

    records: Sequence[Record]
    true_labels: Mapping[str, str]

    def accuracy(self, version: str) -> float:
        """Return the accuracy of a version over all records, labelled or not."""
        correct = [
            record.answered()[version].label == self.true_labels[record.upload.document]
            for record in self.records
            if version in record.answered()
        ]
        return sum(correct) / len(correct)

    def labelled(self, reviewed: float = 0.7, by: str = "ann") -> list[Record]:
        """Return labelled records: a random share of doubtful verdicts and of disagreements, and all audits."""
        versions = sorted({version for made in self.records for version in made.predictions})
        phase = tuple(":".join(pair) for pair in combinations(versions, 2))
        labelled = []
        for made in self.records:
            in_share = audit_number(made.upload.document, made.upload.sort_key) < reviewed
            if made.differing and in_share:
                draw = Draw(Queue.EVIDENCE, reviewed, phase=phase)
            elif made.queue is Queue.AUDIT or (made.queue is Queue.REVIEW and in_share):
                draw = Draw(made.queue, 1.0 if made.queue is Queue.AUDIT else reviewed)
            else:
                continue
            review = Review(self.true_labels[made.upload.document], by, NOON, made.queue or Queue.OTHER, draw=draw)
            labelled.append(replace(made, review=review))
        return labelled


def simulate_records(
    documents: int,
    accuracy: Mapping[str, float],
    *,
    seed: int = 1,
    audit_share: float = 0.1,
    per_day: int = 144,
    labels: Sequence[str] = LABELS,
    label_shares: Iterable[float] | None = None,
) -> SimulatedRecords:
    """Simulate documents that versions of given accuracy classify; hard documents are hard for all versions."""
    rng = np.random.default_rng(seed)
    records, true_labels = [], {}
    shares = None if label_shares is None else list(label_shares)
    for number in range(documents):
        true_label = str(rng.choice(labels, p=shares))
        hardness = rng.random()
        predictions = {}
        for version, share in accuracy.items():
            correct = 0.8 * hardness + 0.2 * rng.random() < share
            label = true_label if correct else str(rng.choice([other for other in labels if other != true_label]))
            confidence = float(np.clip(rng.beta(12, 1.5) if correct else rng.beta(5, 3), 0.3, 0.99))
            rest = {other: (1 - confidence) / (len(labels) - 1) for other in labels}
            predictions[version] = prediction(
                label,
                confidence,
                probabilities={**rest, label: confidence},
                abstained=confidence < 0.5,
                model_sha256=version * 8,
                latency_ms=float(rng.gamma(4, 6)),
            )
        of = upload(f"{number:06}.pdf", event_time=NOON - timedelta(days=1) * (number / per_day))
        audit = audit_number(of.document, of.sort_key) < audit_share
        records.append(record(predictions, of=of, classified_at=of.event_time, audit=audit))
        true_labels[of.document] = true_label
    return SimulatedRecords(records, true_labels)

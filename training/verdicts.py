"""Verdicts of several versions on the same pages, combined by the code that the orchestrator runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from records.outcomes import Prediction
from records.policy import DEFAULT_POLICY
from records.verdict import UNCORROBORATED, combine, soft_vote
from training.metrics import Booleans, Floats


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on pages or documents.

    Attributes:
        probabilities: Probabilities of the soft vote, shape (documents, labels).
        needs_review: Whether the orchestrator would flag each verdict for review, shape (documents,). The verdict of a
            single version is not flagged because nothing corroborates it.
    """

    probabilities: Floats
    needs_review: Booleans


def combine_versions(
    probabilities: Floats, abstained: Booleans, labels: Sequence[str], weights: Sequence[float] | None = None
) -> Verdicts:
    """Combine the predictions of several versions as `records.verdict` does.

    Args:
        probabilities: Calibrated probabilities of each version, shape (versions, documents, labels).
        abstained: Whether each version abstains, shape (versions, documents).
        labels: Names of the labels, in the order of the last axis.
        weights: Weight of each version in the soft vote; all weigh the same if None.
    """
    policy = replace(DEFAULT_POLICY, weights={str(number): weight for number, weight in enumerate(weights or ())})
    votes = np.zeros(probabilities.shape[1:])
    needs_review = np.zeros(probabilities.shape[1], dtype=np.bool_)
    for document in range(probabilities.shape[1]):
        predictions = [
            _prediction(dict(zip(labels, row.tolist(), strict=True)), bool(abstains))
            for row, abstains in zip(probabilities[:, document], abstained[:, document], strict=True)
        ]
        by_version = {str(number): prediction for number, prediction in enumerate(predictions)}
        vote = soft_vote([(policy.weight(version), each.probabilities) for version, each in by_version.items()])
        verdict = combine(by_version, policy)
        votes[document] = [vote[label] for label in labels]
        needs_review[document] = verdict is not None and bool(set(verdict.review_reasons) - {UNCORROBORATED})
    return Verdicts(votes, needs_review)


def _prediction(probabilities: dict[str, float], abstained: bool) -> Prediction:
    label = max(probabilities, key=probabilities.__getitem__)
    return Prediction(label, probabilities[label], probabilities, abstained, pages=1, model_sha256="", latency_ms=0.0)

"""Figures of one version or of the soft vote: accuracy, recall, confusion matrix, calibration and latency."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evidence.calibration import Calibration, assess_calibration
from evidence.examples import STRATA, VOTE, Example
from evidence.intervals import Booleans, Estimate, Floats, Stratum, simple_share, stratified_share, weighted_share
from records.labels import NONE_OF_THESE
from records.reviews import Queue

QUANTILES = (0.5, 0.9, 0.95, 0.99)
"""Reported quantiles of latency."""


@dataclass(frozen=True)
class StratumEvidence:
    """One stratum of the documents: its share of all documents and the accuracy within it."""

    name: Queue
    share: float
    accuracy: Estimate


@dataclass(frozen=True)
class ConfusionMatrix:
    """Unweighted counts of labelled documents: one row for each true label, one column for each predicted label."""

    true_labels: tuple[str, ...] = field(metadata={"json": "truths"})
    predicted_labels: tuple[str, ...] = field(metadata={"json": "answers"})
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class VersionEvidence:
    """Evidence on one version or on the soft vote. Only predictions of the current weights count.

    Attributes:
        name: Name of the version, such as `v2`, or `vote`.
        weights: `model_sha256` of the current weights; None for the vote.
        answered: Number of documents in the population sample with a prediction.
        outdated: Number of documents, labelled or in the sample, that only earlier weights classified.
        errors: Number of failures in the population sample, by kind.
        accuracy: Accuracy over all documents with a prediction, weighted for how documents were selected. Documents
            that fit no label count as wrong. Unknown if a stratum has no labels: see `missing`.
        strata: The same within each stratum.
        missing: Sentence that names the labels that `accuracy` lacks; None if it is known.
        recall: Recall of each true label, weighted.
        confusion: Confusion matrix.
        calibration: Calibration; None without labels.
        latency_ms: Quantiles (`p50` …) of the orchestrator's waiting time; None for a quantile that fewer than one
            document is expected to exceed.
    """

    name: str
    weights: str | None
    answered: int
    outdated: int
    errors: Mapping[str, int]
    accuracy: Estimate
    strata: tuple[StratumEvidence, ...]
    missing: str | None
    recall: Mapping[str, Estimate]
    confusion: ConfusionMatrix
    calibration: Calibration | None
    latency_ms: Mapping[str, float | None]


def assess_version(
    name: str, weights: str | None, population: Sequence[Example], labelled: Sequence[Example]
) -> VersionEvidence:
    """Return the evidence on a version.

    Args:
        name: Name of the version, or `VOTE`.
        weights: Its current weights.
        population: The population sample.
        labelled: Labelled examples of the random sample.
    """
    classified = [example for example in population if example.prediction(name)]
    reviewed = [example for example in labelled if example.prediction(name)]
    strata = stratify(classified, reviewed, lambda example: example.is_correct(name))
    accuracy = stratified_share(list(strata.values()))
    weighted = _with_sampling_weights(reviewed, strata) if accuracy.value is not None else []
    examples, sampling_weights = [example for example, _ in weighted], np.array([weight for _, weight in weighted])
    correct = np.array([example.is_correct(name) for example in examples], dtype=bool)
    confidence = np.array([each.confidence for example in examples if (each := example.prediction(name))])
    return VersionEvidence(
        name=name,
        weights=weights,
        answered=len(classified),
        outdated=len({example.id for example in (*population, *labelled) if _is_outdated(example, name)}),
        errors=dict(sorted(Counter(each.failures[name] for each in population if name in each.failures).items())),
        accuracy=accuracy,
        strata=tuple(
            StratumEvidence(queue, stratum.population / len(classified), simple_share(stratum.right, stratum.labelled))
            for queue, stratum in strata.items()
            if stratum.population
        ),
        missing=_missing_labels(strata) if accuracy.value is None else None,
        recall=_recall(examples, correct, sampling_weights),
        confusion=_confusion_matrix(name, reviewed),
        calibration=assess_calibration(confidence, correct, sampling_weights),
        latency_ms=_quantiles([example.latency_ms[name] for example in classified]),
    )


def stratify(
    population: Sequence[Example], labelled: Sequence[Example], right: Callable[[Example], bool]
) -> dict[Queue, Stratum]:
    """Return the size and labels of each stratum.

    Args:
        population: The population sample.
        labelled: Labelled examples.
        right: Predicate that is counted among the labelled examples.
    """
    strata = {}
    for queue in STRATA:
        members = [example for example in labelled if example.stratum is queue]
        strata[queue] = Stratum(
            population=sum(example.stratum is queue for example in population),
            labelled=len(members),
            right=sum(map(right, members)),
        )
    return strata


def _with_sampling_weights(labelled: Sequence[Example], strata: Mapping[Queue, Stratum]) -> list[tuple[Example, float]]:
    """Pair each labelled example with the number of documents that it represents; omit those that represent none."""
    weights = [strata[each.stratum].population / strata[each.stratum].labelled for each in labelled]
    return [(example, weight) for example, weight in zip(labelled, weights, strict=True) if weight]


def _recall(examples: Sequence[Example], correct: Booleans, weights: Floats) -> dict[str, Estimate]:
    true_labels = np.array([example.true_label for example in examples], dtype=object)
    return {
        label: weighted_share(correct[true_labels == label], weights[true_labels == label])
        for label in sorted({example.true_label for example in examples if example.true_label})
        if label != NONE_OF_THESE
    }


def _is_outdated(example: Example, name: str) -> bool:
    """Return whether earlier weights classified the document; for the vote, at least partly."""
    return bool(example.outdated) if name == VOTE else name in example.outdated


def _missing_labels(strata: Mapping[Queue, Stratum]) -> str:
    total = sum(stratum.population for stratum in strata.values())
    if not total:
        return "The current weights have not classified any document in the sample."
    descriptions = {Queue.REVIEW: "flagged for review", Queue.AUDIT: "not flagged (label the audit sample)"}
    gaps = [
        f"{stratum.population / total:.0%} of the documents are {descriptions[queue]}"
        for queue, stratum in strata.items()
        if stratum.population and not stratum.labelled
    ]
    return f"Accuracy is unknown: {' and '.join(gaps)}, and none of them is labelled yet."


def _confusion_matrix(name: str, labelled: Sequence[Example]) -> ConfusionMatrix:
    counts = Counter((each.true_label or "", found.label) for each in labelled if (found := each.prediction(name)))
    known = {label for label, _ in counts if label != NONE_OF_THESE}
    predicted = tuple(sorted({label for _, label in counts} | known))
    true = tuple(sorted({label for label, _ in counts}, key=lambda label: (label == NONE_OF_THESE, label)))
    return ConfusionMatrix(true, predicted, tuple(tuple(counts[row, column] for column in predicted) for row in true))


def _quantiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    n = len(milliseconds)
    return {
        f"p{quantile * 100:.0f}": float(np.quantile(milliseconds, quantile)) if n * (1 - quantile) >= 1 else None
        for quantile in QUANTILES
    }

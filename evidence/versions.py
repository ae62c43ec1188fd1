"""Figures of one version or of the soft vote: accuracy, recall, confusion matrix, calibration and latency."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evidence.calibration import Calibration, assess_calibration
from evidence.examples import STRATA, VOTE, Example
from evidence.intervals import Booleans, Estimate, Floats, Stratum, stratified_share, weighted_share
from evidence.risk import weighted_auroc
from records.labels import NONE_OF_THESE
from records.reviews import Queue

QUANTILES = (0.5, 0.9, 0.95, 0.99)
"""Reported quantiles of latency."""


Cell = tuple[Queue, tuple[tuple[str, int], ...]]
"""A stratum and a pattern of agreement."""


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
    cells = stratify(classified, reviewed, lambda example: example.is_correct(name))
    strata = list(cells.values())
    accuracy = stratified_share(strata)
    weighted = _with_sampling_weights(reviewed, cells) if accuracy.value is not None else []
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
        strata=tuple(_strata_evidence(cells, len(classified))),
        missing=_missing_labels(cells) if accuracy.value is None else None,
        recall=_recall(examples, correct, sampling_weights),
        confusion=_confusion_matrix(name, reviewed),
        calibration=assess_calibration(confidence, correct, sampling_weights),
        latency_ms=_quantiles([example.latency_ms[name] for example in classified]),
    )


def vote_auroc(population: Sequence[Example], labelled: Sequence[Example]) -> float | None:
    """Return the AUROC of the vote's confidence over all documents, weighted; None if it is unknown."""
    classified, reviewed = ([each for each in examples if each.vote] for examples in (population, labelled))
    weighted = _with_sampling_weights(reviewed, stratify(classified, reviewed, lambda each: each.is_correct(VOTE)))
    confidence = np.array([each.vote.confidence for each, _ in weighted if each.vote])
    correct = np.array([each.is_correct(VOTE) for each, _ in weighted], dtype=bool)
    return weighted_auroc(confidence, correct, np.array([weight for _, weight in weighted]))


def stratify(
    population: Sequence[Example], labelled: Sequence[Example], right: Callable[[Example], bool]
) -> dict[Cell, Stratum]:
    """Return the size and labels of each cell: each combination of a stratum and a pattern of agreement.

    Within a cell, every queue draws evenly, so the labels are a random sample of it. Within a stratum they are not: the
    evidence queue prefers the disagreements of certain pairs. Rare cells without a label join the cell of their stratum
    with the most labels.

    Args:
        population: The population sample.
        labelled: Labelled examples.
        right: Predicate that is counted among the labelled examples.
    """
    sizes = Counter(map(cell_of, population))
    labels = Counter(map(cell_of, labelled))
    hits = Counter(cell_of(example) for example in labelled if right(example))
    cells = {cell: Stratum(sizes[cell], labels[cell], hits[cell]) for cell in sorted(sizes | labels, key=str)}
    for empty in [cell for cell, stratum in cells.items() if not stratum.labelled]:
        same = [cell for cell, stratum in cells.items() if cell[0] is empty[0] and stratum.labelled]
        if same:
            host = max(same, key=lambda cell: cells[cell].labelled)
            cells[host] = replace(cells[host], population=cells[host].population + cells.pop(empty).population)
    return cells


def cell_of(example: Example) -> Cell:
    """Return the cell of an example: its stratum and who agrees with whom."""
    return example.stratum, example.pattern


def _strata_evidence(cells: Mapping[Cell, Stratum], documents: int) -> Iterator[StratumEvidence]:
    for queue in STRATA:
        parts = [stratum for (of, _), stratum in cells.items() if of is queue]
        if population := sum(part.population for part in parts):
            yield StratumEvidence(queue, population / documents, stratified_share(parts))


def _with_sampling_weights(labelled: Sequence[Example], cells: Mapping[Cell, Stratum]) -> list[tuple[Example, float]]:
    """Pair each labelled example with the number of documents that it represents; omit those that represent none."""
    weights = [cells[cell_of(each)].population / cells[cell_of(each)].labelled for each in labelled]
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


def _missing_labels(cells: Mapping[Cell, Stratum]) -> str:
    total = sum(stratum.population for stratum in cells.values())
    if not total:
        return "The current weights have not classified any document in the sample."
    descriptions = {
        Queue.REVIEW: "doubtful",
        Queue.EVIDENCE: "not doubtful, but versions differ",
        Queue.AUDIT: "not doubtful (label the audit sample)",
    }
    gaps: Counter[Queue] = Counter()
    for (queue, _), stratum in cells.items():
        if not stratum.labelled:
            gaps[queue] += stratum.population
    missing = [
        f"{count / total:.0%} of the documents are {descriptions[queue]}" for queue, count in gaps.items() if count
    ]
    return f"Accuracy is unknown: {' and '.join(missing)}, and none of them is labelled yet."


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

"""Weights of the versions in the soft vote, chosen on held-out predictions and compared with the best single version.

There are two candidates: equal weights, and the weights of a linear opinion pool, which maximise the likelihood of the
right labels, every source counting alike. Cross-validation over families shows what the fit is worth: weights are
fitted on some families and measured on others. The candidate with the higher accuracy over sources is chosen. If it is
not better than the best version, that version alone decides. The interval of the difference states how certain this is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.data import DataError
from training.metrics import Booleans, Floats, LabelIndices
from training.source_metrics import bootstrap_interval, source_metrics
from training.verdicts import combine_versions

Rule = Literal["equal", "fitted", "champion"]

VOTE_FILE = "vote.json"
"""File next to the versions' folders that contains the weights and the evidence for them."""
FOLDS = 5
MIN_FAMILIES = 10
"""Families below which a comparison of votes is not evidence."""
_ITERATIONS = 300
_SMALLEST = 0.02
"""Smaller weights are set to zero: they decide nothing."""


@dataclass(frozen=True)
class LearntVote:
    """Weights of the versions, and the evidence for them.

    Attributes:
        weights: Weight of each version.
        rule: `equal` weights, `fitted` weights, or the `champion` alone, because neither is better.
        champion: The version with the highest accuracy over sources.
        fitted: The weights that were fitted to all pages; they sum to 1.
        accuracy: Accuracy over sources of `equal` weights, of cross-validated `fitted` weights, and of each version.
        gain: Accuracy over sources of the better of the two votes minus that of the champion.
        interval: 95 % interval of `gain`, by bootstrap over families.
        sources: Number of sources.
        families: Number of families.
    """

    weights: dict[str, float]
    rule: Rule
    champion: str
    fitted: dict[str, float]
    accuracy: dict[str, float]
    gain: float
    interval: tuple[float, float]
    sources: int
    families: int


def save_vote(learnt: LearntVote, models: Path) -> None:
    """Write the weights and their evidence to `vote.json`, next to the folders of the versions."""
    (models / VOTE_FILE).write_text(json.dumps(asdict(learnt), indent=2) + "\n", "utf-8")


def load_weights(models: Path, versions: Sequence[str]) -> list[float] | None:
    """Return the learnt weights of versions.

    Returns:
        The weights; None, which stands for equal weights, if none were learnt for all of these versions or if all of
        these versions have the weight 0.

    Raises:
        DataError: `vote.json` is invalid.
    """
    file = models / VOTE_FILE
    if not file.exists():
        return None
    try:
        weights = {
            str(version): float(weight) for version, weight in json.loads(file.read_text("utf-8"))["weights"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file} contains no weights of versions: {error!r}") from error
    if not set(versions) <= set(weights) or not any(weights[version] for version in versions):
        return None
    return [weights[version] for version in versions]


def learn_vote(
    probabilities: Mapping[str, Floats], truth: LabelIndices, sources: Sequence[str], families: Sequence[str]
) -> LearntVote:
    """Choose the weights of the soft vote.

    Args:
        probabilities: Calibrated held-out probabilities of each version, shape (pages, labels).
        truth: True labels, shape (pages,).
        sources: Source of each page.
        families: Family of each page's source.
    """
    versions = list(probabilities)
    stacked = np.stack([probabilities[version] for version in versions])
    correct = {version: probabilities[version].argmax(axis=1) == truth for version in versions}
    correct["equal"] = _labels_of_vote(stacked) == truth
    correct["fitted"] = _cross_validated(stacked, truth, sources, families)
    metrics = {name: source_metrics(right, sources, families) for name, right in correct.items()}
    champion = max(versions, key=lambda version: metrics[version].macro)
    better: Rule = "fitted" if metrics["fitted"].macro > metrics["equal"].macro else "equal"
    gain, interval = _difference(correct[better], correct[champion], sources, families)
    rule: Rule = better if gain > 0 and len(set(families)) >= MIN_FAMILIES else "champion"
    fitted = dict(zip(versions, _rounded(fit_pool(stacked, truth, sources)), strict=True))
    weights: dict[Rule, dict[str, float]] = {
        "equal": dict.fromkeys(versions, 1.0),
        "fitted": fitted,
        "champion": {version: float(version == champion) for version in versions},
    }
    return LearntVote(
        weights=weights[rule],
        rule=rule,
        champion=champion,
        fitted=fitted,
        accuracy={name: each.macro for name, each in metrics.items()},
        gain=gain,
        interval=interval,
        sources=len(set(sources)),
        families=len(set(families)),
    )


def fit_pool(stacked: Floats, truth: LabelIndices, sources: Sequence[str]) -> Floats:
    """Return the weights of the linear pool with the highest likelihood, by expectation maximisation.

    Args:
        stacked: Probabilities of each version, shape (versions, pages, labels).
        truth: True labels, shape (pages,).
        sources: Source of each page; every source counts alike.
    """
    index = np.unique(np.asarray(sources), return_inverse=True)[1]
    shares = 1 / np.bincount(index)[index]
    shares /= shares.sum()
    likelihood = np.maximum(stacked[:, np.arange(len(truth)), truth], 1e-12)
    weights: Floats = np.full(len(stacked), 1 / len(stacked))
    for _ in range(_ITERATIONS):
        responsibility = weights[:, None] * likelihood
        weights = (responsibility / responsibility.sum(axis=0) * shares).sum(axis=1)
    return weights


def _cross_validated(stacked: Floats, truth: LabelIndices, sources: Sequence[str], families: Sequence[str]) -> Booleans:
    """Return whether the vote is right on each page, with weights that were fitted to the other folds of families."""
    names, fold = np.unique(np.asarray(families), return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(names))[fold] % min(FOLDS, len(names))
    correct = np.zeros(len(truth), dtype=np.bool_)
    for number in np.unique(fold):
        fit, rest = fold != number, fold == number
        if not fit.any():  # a single family: there is nothing to fit
            fit = rest
        weights = fit_pool(stacked[:, fit], truth[fit], list(np.asarray(sources)[fit]))
        correct[rest] = _labels_of_vote(stacked[:, rest], weights) == truth[rest]
    return correct


def _labels_of_vote(stacked: Floats, weights: Floats | None = None) -> LabelIndices:
    """Return the labels of the soft vote; all versions weigh the same if no weights are given."""
    versions, pages, classes = stacked.shape
    abstained = np.zeros((versions, pages), dtype=np.bool_)
    names = [f"{label:03}" for label in range(classes)]
    shares = None if weights is None else weights.tolist()
    labels: LabelIndices = combine_versions(stacked, abstained, names, shares).probabilities.argmax(axis=1)
    return labels


def _difference(
    one: Booleans, other: Booleans, sources: Sequence[str], families: Sequence[str]
) -> tuple[float, tuple[float, float]]:
    """Return the difference of two accuracies over sources, and its interval by bootstrap over families."""
    first, index = np.unique(np.asarray(sources), return_index=True, return_inverse=True)[1:]
    by_source = np.bincount(index, weights=one.astype(float) - other) / np.bincount(index)
    return float(by_source.mean()), bootstrap_interval(by_source, list(np.asarray(families)[first]))


def _rounded(weights: Floats) -> list[float]:
    """Return weights with two decimals that sum to 1, without negligible ones."""
    kept: NDArray[np.float64] = np.where(weights < _SMALLEST, 0.0, weights)
    rounded = np.round(kept / kept.sum(), 2)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    return [round(float(weight), 2) for weight in rounded]

"""Documents on which versions were evaluated: recorded predictions of real models, or simulated versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator


@dataclass(frozen=True)
class World:
    """Predictions of all documents.

    Attributes:
        predictions: Predicted labels, shape (documents, versions).
        truth: True labels, shape (documents,).
    """

    predictions: NDArray[np.int64]
    truth: NDArray[np.int64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Accuracy of each version."""
        return np.asarray((self.predictions == self.truth[:, None]).mean(axis=0))

    def select(self, versions: Sequence[int]) -> "World":
        """Return the same documents with only these versions, in this order."""
        return World(self.predictions[:, list(versions)], self.truth)

    def disagreements(self, rng: Generator) -> "World":
        """Return the documents on which versions differ, in random order: the order of a queue."""
        differing = np.flatnonzero((self.predictions != self.predictions[:, :1]).any(axis=1))
        order = rng.permutation(differing)
        return World(self.predictions[order], self.truth[order])

    def equalized(self, rng: Generator) -> "World":
        """Return a world of equally accurate versions: each document's predictions are exchanged at random."""
        return World(rng.permuted(self.predictions, axis=1), self.truth)


def load_world(folder: Path) -> World:
    """Read `predictions.npy`, shape (documents, models), and `oracle.npy`, shape (documents,).

    Raises:
        ValueError: A file is missing or has another shape.
    """
    try:
        predictions, truth = (np.load(folder / f"{name}.npy") for name in ("predictions", "oracle"))
    except OSError as error:
        raise ValueError(f"{folder} cannot be read: {error}") from error
    if predictions.ndim != 2 or truth.shape != predictions.shape[:1] or predictions.shape[1] < 3:
        raise ValueError(f"{folder}: predictions.npy needs the shape (documents, models), oracle.npy (documents,)")
    return World(predictions.astype(np.int64), truth.astype(np.int64))


def triples(world: World, gap: tuple[float, float], *, least: float) -> list[tuple[int, ...]]:
    """Return all triples of models with at least this accuracy whose best is ahead of the second by a gap."""
    accuracy = world.accuracy
    found: list[tuple[int, ...]] = []
    for triple in combinations(np.flatnonzero(accuracy >= least).tolist(), 3):
        _, second, best = np.sort(accuracy[list(triple)])
        if gap[0] <= best - second < gap[1]:
            found.append(triple)
    return found


def simulate_world(accuracy: Sequence[float], documents: int, rng: Generator) -> World:
    """Simulate versions of given accuracy on documents of five labels.

    Hard documents are hard for all versions, and errors are spread over the other labels.
    """
    hardness = rng.random(documents)
    predictions = []
    for share in accuracy:
        right = 0.8 * hardness + 0.2 * rng.random(documents) < _hardness_quantile(share)
        predictions.append(np.where(right, 0, rng.integers(1, 5, documents)))
    return World(np.stack(predictions, axis=1), np.zeros(documents, dtype=np.int64))


@cache
def _hardness_quantile(share: float) -> float:
    """Return the quantile of 0.8 U + 0.2 V for uniform U and V."""
    grid = (np.arange(2000) + 0.5) / 2000
    return float(np.quantile(0.8 * grid[:, None] + 0.2 * grid[None, :], share))

"""Held-out predictions of a version as a file, matched by page with those of other versions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data import DataError, LabelledDocument, Page
from training.metrics import Floats, LabelIndices

PREDICTIONS_FILE = "held-out.npz"
"""Name of the file in a version's folder of checkpoints."""


@dataclass(frozen=True)
class SavedPredictions:
    """Calibrated predictions of one version for held-out pages.

    Attributes:
        names: Name of each page: the index of its label, the name of its file, and `#2`, `#3` … for further pages.
        probabilities: Calibrated probabilities, shape (pages, labels).
        truth: True labels, shape (pages,).
        sources: Source of each page; empty strings if unknown.
        families: Family of each page's source, or the source itself.
    """

    names: tuple[str, ...]
    probabilities: Floats
    truth: LabelIndices
    sources: tuple[str, ...]
    families: tuple[str, ...]

    def select(self, rows: Sequence[int]) -> "SavedPredictions":
        """Return the predictions for some of the pages, in the given order."""
        return SavedPredictions(
            tuple(self.names[row] for row in rows),
            self.probabilities[rows],
            self.truth[rows],
            tuple(self.sources[row] for row in rows),
            tuple(self.families[row] for row in rows),
        )


def save_predictions(file: Path, pages: Sequence[Page], probabilities: Floats) -> None:
    """Write calibrated predictions for held-out pages to a `.npz` file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    names, seen = [], Counter[LabelledDocument]()
    for page in pages:
        seen[page.document] += 1
        number = f"#{seen[page.document]}" if seen[page.document] > 1 else ""
        names.append(f"{page.document.label}/{page.document.file.name}{number}")
    truth = np.array([page.document.label for page in pages], dtype=np.int64)
    np.savez_compressed(
        file.with_suffix(".npz"),
        names=np.array(names),
        probabilities=probabilities,
        truth=truth,
        sources=np.array([page.document.source for page in pages]),
        families=np.array([page.document.group for page in pages]),
    )


def load_predictions(file: Path) -> SavedPredictions:
    """Read a file that `save_predictions` wrote. Files of version 0.2 and earlier name no sources.

    Raises:
        DataError: The file does not exist.
    """
    if not file.exists():
        raise DataError(f"{file} is missing: train that version first")
    with np.load(file) as arrays:
        names = tuple(map(str, arrays["names"]))
        sources, families = (
            tuple(map(str, arrays[key])) if key in arrays else ("",) * len(names) for key in ("sources", "families")
        )
        return SavedPredictions(names, arrays["probabilities"], arrays["truth"], sources, families)


def match_pages(predictions: Mapping[str, SavedPredictions]) -> dict[str, SavedPredictions]:
    """Return the predictions for the pages that all versions have in common, in the same order.

    Pages whose name occurs more than once cannot be matched and are left out.

    Raises:
        DataError: The versions have no page in common.
    """
    unique = [{name for name, count in Counter(saved.names).items() if count == 1} for saved in predictions.values()]
    shared = sorted(set.intersection(*unique))
    if not shared:
        raise DataError("the versions have no held-out page in common: train them on one folder, with folds")
    matched = {}
    for version, saved in predictions.items():
        index = {name: row for row, name in enumerate(saved.names)}
        matched[version] = saved.select([index[name] for name in shared])
    return matched

"""Versions that are already trained, as teachers of another one."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from torch import Tensor
from torch.nn import functional

from model_service.manifest import load
from training import soup
from training.checkpoint import averaged, fingerprint_of
from training.data import DataError, Page
from training.export import as_served, export_openvino
from training.network import make_graph
from training.recipe import read_recipe
from training.views import Size, resized


class Teachers:
    """The averaged opinion of other networks about the very views that the student learns from.

    Teacher and student see the same varied page, which teaches more than one opinion a page does (Beyer et al. 2022,
    arXiv:2106.05237), each at the size that it is made for: a view is as large as the largest of them wants, and in the
    student's colours.

    Args:
        models: Compiled, with the size of page that each wants.

    Attributes:
        size: Of the views that they should be shown.
    """

    size: Size

    def __init__(self, models: Sequence[tuple[openvino.CompiledModel, Size]]) -> None:
        self._models = tuple(models)
        heights, widths = zip(*(size for _, size in models), strict=True)
        self.size = max(heights), max(widths)

    @classmethod
    def released(cls, folders: Sequence[Path], labels: Sequence[str], threads: int = 1) -> "Teachers":
        """Versions as they are served.

        Args:
            folders: Version folders, such as `models/v2`.
            labels: Must be those of every teacher.
            threads: Of each.

        Raises:
            DataError: A teacher knows other labels.
            ManifestError: A folder holds no version.
        """
        models = []
        for folder in folders:
            manifest = load(folder)
            if tuple(manifest.labels) != tuple(labels):
                known = ", ".join(manifest.labels)
                raise DataError(
                    f"the teacher {folder} knows other labels ({known}): train both on this folder, in one command"
                )
            models.append((_compiled(folder, threads), (manifest.input.height, manifest.input.width)))
        return cls(models)

    @classmethod
    def of_fold(
        cls,
        folders: Sequence[Path],
        labels: Sequence[str],
        runs: Path,
        name: str,
        learn: Sequence[Page],
        threads: int = 1,
    ) -> "Teachers":
        """The networks that learnt from the very pages which the student is to learn from, and from no other.

        A teacher that has seen a page which the student's fold must not know would tell of it.

        Args:
            folders: Version folders, whose recipes are read.
            labels: Those of the student.
            runs: Where trainings keep their checkpoints, a folder a version.
            name: Of the fit, such as "fold-1".
            learn: What the student learns from.
            threads: Of each.

        Raises:
            DataError: A teacher has no such network.
        """
        models = []
        for folder in folders:
            recipe = read_recipe(folder / "recipe.toml")
            weights = []
            for number in range(recipe.schedule.ingredients):
                file = soup.file_of(runs / recipe.version / f"{name}.pt", number)
                fingerprint = fingerprint_of(soup.ingredient(recipe, number), labels, learn)
                weights.append(averaged(file, fingerprint, recipe.schedule.epochs))
            whole = [each for each in weights if each is not None]
            if len(whole) < len(weights):
                raise DataError(
                    f"the teacher {recipe.version} has not learnt from the pages of {name} and from these alone: train "
                    "both on this folder, in one command, with as many folds and drawn pages"
                )
            graph = make_graph(recipe, len(labels))
            graph.load_state_dict(soup.mean(whole))
            with tempfile.TemporaryDirectory() as scratch:
                export_openvino(as_served(graph.eval()), recipe.input.width, recipe.input.height, Path(scratch))
                models.append((_compiled(Path(scratch), threads), (recipe.input.height, recipe.input.width)))
        return cls(models)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        opinions = []
        for model, size in self._models:
            logits = torch.from_numpy(np.array(model(resized(pages, size).numpy())[0]))
            opinions.append(functional.softmax(logits / temperature, dim=1))
        return torch.stack(opinions).mean(dim=0)


def _compiled(folder: Path, threads: int) -> openvino.CompiledModel:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino.Core().compile_model(folder / "model.xml", "CPU", settings)

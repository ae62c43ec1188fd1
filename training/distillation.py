"""Trained versions as teachers of another version."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from torch import Tensor
from torch.nn import functional

from model_service.inference import openvino_core
from model_service.manifest import load
from training import soup
from training.augmented_pages import resize_pages
from training.checkpoint import fingerprint_of, load_averaged_weights
from training.data import DataError, Page
from training.export import as_served, export_openvino
from training.network import build_model
from training.recipe import Recipe, read_recipe
from training.schedule import PageSize


class TeacherEnsemble:
    """The mean probabilities of one or more trained networks for the student's augmented pages.

    Teacher and student see the same augmented page (Beyer et al. 2022, arXiv:2106.05237), each at its own input size
    and all in the student's colours.

    Args:
        models: Compiled models, with the input size of each.

    Attributes:
        size: Largest input height and width of the teachers.
    """

    size: PageSize

    def __init__(self, models: Sequence[tuple[openvino.CompiledModel, PageSize]]) -> None:
        self._models = tuple(models)
        heights, widths = zip(*(size for _, size in models), strict=True)
        self.size = max(heights), max(widths)

    @classmethod
    def released(cls, folders: Sequence[Path], labels: Sequence[str], threads: int = 1) -> "TeacherEnsemble":
        """Return released versions as teachers.

        Args:
            folders: Version folders, such as `models/v2`.
            labels: Labels of the student, which every teacher must share.
            threads: Threads of each teacher.

        Raises:
            DataError: A teacher has other labels.
            ManifestError: A folder contains no version.
        """
        models = []
        for folder in folders:
            manifest = load(folder)
            if tuple(manifest.labels) != tuple(labels):
                known = ", ".join(manifest.labels)
                raise DataError(
                    f"the teacher {folder} has other labels ({known}): train both on this folder, in one command"
                )
            models.append((_compile(folder, threads), (manifest.input.height, manifest.input.width)))
        return cls(models)

    @classmethod
    def of_fold(
        cls,
        folders: Sequence[Path],
        labels: Sequence[str],
        runs: Path,
        name: str,
        train: Sequence[Page],
        threads: int = 1,
    ) -> "TeacherEnsemble":
        """Return the networks that were trained on exactly the student's training set.

        A teacher that was trained on pages that the student's fold holds out would pass on what it learned from them.

        Args:
            folders: Version folders, whose recipes are read.
            labels: Labels of the student.
            runs: Folder of checkpoints, which contains one folder per version.
            name: Name of the fit, such as "fold-1".
            train: Training set of the student.
            threads: Threads of each teacher.

        Raises:
            DataError: A teacher has no network with this training set.
        """
        models = []
        for folder in folders:
            recipe = read_recipe(folder / "recipe.toml")
            model = build_model(recipe, len(labels))
            model.load_state_dict(_weights_of_fold(recipe, labels, runs, name, train))
            with tempfile.TemporaryDirectory() as scratch:
                export_openvino(as_served(model.eval()), recipe.input.width, recipe.input.height, Path(scratch))
                models.append((_compile(Path(scratch), threads), (recipe.input.height, recipe.input.width)))
        return cls(models)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        probabilities = []
        for model, size in self._models:
            logits = torch.from_numpy(np.array(model(resize_pages(pages, size).numpy())[0]))
            probabilities.append(functional.softmax(logits / temperature, dim=1))
        return torch.stack(probabilities).mean(dim=0)


def _weights_of_fold(
    recipe: Recipe, labels: Sequence[str], runs: Path, name: str, train: Sequence[Page]
) -> dict[str, Tensor]:
    """Return the averaged weights of a teacher's fit, or raise `DataError` if a checkpoint is missing or different."""
    members = []
    for number in range(recipe.schedule.soup_size):
        file = soup.member_checkpoint(runs / recipe.version / f"{name}.pt", number)
        fingerprint = fingerprint_of(soup.member_recipe(recipe, number), labels, train)
        weights = load_averaged_weights(file, fingerprint, recipe.schedule.epochs)
        if weights is None:
            raise DataError(
                f"the teacher {recipe.version} was not trained on exactly the pages of {name}: train both on this "
                "folder, in one command, with the same folds and synthetic pages"
            )
        members.append(weights)
    return soup.average_weights(members)


def _compile(folder: Path, threads: int) -> openvino.CompiledModel:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    return openvino_core().compile_model(folder / "model.xml", "CPU", settings)

"""Versions that are already trained, as teachers of another one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from torch import Tensor
from torch.nn import functional

from model_service.manifest import load
from training.data import DataError


class Teachers:
    """The averaged opinion of exported versions about the very views that the student learns from.

    Teacher and student see the same varied page, which teaches more than one opinion a page does (Beyer et al. 2022,
    arXiv:2106.05237). A teacher with another input size sees the view resized.

    Args:
        folders: Version folders, such as `models/v2`.
        labels: Must be those of every teacher.

    Raises:
        DataError: A teacher knows other labels.
        ManifestError: A folder holds no version.
    """

    def __init__(self, folders: Sequence[Path], labels: Sequence[str], threads: int = 1) -> None:
        core = openvino.Core()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        self._models: list[tuple[openvino.CompiledModel, tuple[int, int]]] = []
        for folder in folders:
            manifest = load(folder)
            if tuple(manifest.labels) != tuple(labels):
                raise DataError(f"the teacher {folder} knows other labels: {', '.join(manifest.labels)}")
            model = core.compile_model(folder / "model.xml", "CPU", settings)
            self._models.append((model, (manifest.input.height, manifest.input.width)))

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        opinions = []
        for model, size in self._models:
            seen = pages if tuple(pages.shape[1:3]) == size else _resized(pages, size)
            logits = torch.from_numpy(np.array(model(seen.contiguous().numpy())[0]))
            opinions.append(functional.softmax(logits / temperature, dim=1))
        return torch.stack(opinions).mean(dim=0)


def _resized(pages: Tensor, size: tuple[int, int]) -> Tensor:
    planes = pages.permute(0, 3, 1, 2).float()
    resized = functional.interpolate(planes, size=size, mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

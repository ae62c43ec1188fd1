"""The varied pages of one epoch, the same whoever prepares them."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from decoding.preprocessing import Preprocessing
from training.augmentation import augment
from training.data import Page
from training.recipe import Recipe

Batch = tuple[Tensor, Tensor]
"""Pages, uint8 of shape (batch, height, width, 3), and their labels."""

Size = tuple[int, int]
"""Height and width."""


class Views(Dataset[tuple[NDArray[np.uint8], int]]):
    """One epoch's varied pages, in the order and with the chances that the seed and the epoch decide.

    Args:
        pages: To vary.
        recipe: Says how.
        epoch: From 0.
        size: Of the views. It is the recipe's input, unless a teacher wants to see more.
    """

    def __init__(self, pages: Sequence[Page], recipe: Recipe, epoch: int, size: Size) -> None:
        self.pages, self.recipe, self.epoch = pages, recipe, epoch
        self.preprocessing = Preprocessing(size[1], size[0], recipe.input.color)
        labels = np.array([page.document.label for page in pages])
        _, kind, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(sizes)[kind]
        rng = np.random.default_rng((recipe.seed, epoch))
        self.order = rng.choice(len(pages), size=len(pages), p=weights / weights.sum())

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> tuple[NDArray[np.uint8], int]:
        page = self.pages[self.order[place]]
        rng = np.random.default_rng((self.recipe.seed, self.epoch, place))
        pixels = augment(page.image(), self.preprocessing, self.recipe.augmentation, rng)
        return pixels, page.document.label


def _ignore_interrupt(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def batches(views: Views, recipe: Recipe, workers: int) -> Iterator[Batch]:
    """Prepare the views batch by batch, in processes of their own where `workers` is more than 0."""
    batch = min(recipe.schedule.batch, len(views))
    loader: DataLoader[Any] = DataLoader(
        views, batch_size=batch, num_workers=workers, drop_last=True, worker_init_fn=_ignore_interrupt
    )
    yield from loader


def resized(pages: Tensor, size: Size) -> Tensor:
    """Return pages of another size: shrunk as serving shrinks them, by a bilinear kernel that is widened."""
    if tuple(pages.shape[1:3]) == size:
        return pages
    planes = pages.permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, size=size, mode="bilinear", antialias=True)
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

"""The varied pages of one epoch, the same whoever prepares them."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.augmentation import augment
from training.data import Page
from training.network import preprocessing_of
from training.recipe import Recipe

Batch = tuple[Tensor, Tensor]
"""Pages, uint8 of shape (batch, height, width, 3), and their labels."""


class Views(Dataset[tuple[NDArray[np.uint8], int]]):
    """One epoch's varied pages, in the order and with the chances that the seed and the epoch decide."""

    def __init__(self, pages: Sequence[Page], recipe: Recipe, epoch: int) -> None:
        self.pages, self.recipe, self.epoch = pages, recipe, epoch
        self.preprocessing = preprocessing_of(recipe)
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

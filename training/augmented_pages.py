"""The augmented pages of one epoch, which do not depend on the number of worker processes."""

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

LabelledBatch = tuple[Tensor, Tensor]
"""Pages, uint8 of shape (batch, height, width, 3), and their labels."""

PageSize = tuple[int, int]
"""Height and width."""


class AugmentedPages(Dataset[tuple[NDArray[np.uint8], int]]):
    """A dataset of one epoch's augmented pages; seed, epoch and index determine each of them.

    Pages are sampled with replacement. The chance of a label is proportional to the square root of its number of pages.

    Args:
        pages: Pages to augment.
        recipe: Recipe with the seed and the augmentation.
        epoch: Number of the epoch, from 0.
        size: Size of the augmented pages: the recipe's input, or the largest input of its teachers.
    """

    def __init__(self, pages: Sequence[Page], recipe: Recipe, epoch: int, size: PageSize) -> None:
        self.pages, self.recipe, self.epoch = pages, recipe, epoch
        self.preprocessing = Preprocessing(size[1], size[0], recipe.input.color)
        labels = np.array([page.document.label for page in pages])
        _, label_index, counts = np.unique(labels, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(counts)[label_index]
        rng = np.random.default_rng((recipe.seed, epoch))
        self.order = rng.choice(len(pages), size=len(pages), p=weights / weights.sum())

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        page = self.pages[self.order[index]]
        rng = np.random.default_rng((self.recipe.seed, self.epoch, index))
        pixels = augment(page.image(), self.preprocessing, self.recipe.augmentation, rng)
        return pixels, page.document.label


def load_batches(pages: AugmentedPages, recipe: Recipe, workers: int) -> Iterator[LabelledBatch]:
    """Yield batches of augmented pages, prepared in worker processes if `workers` is more than 0."""
    loader: DataLoader[Any] = DataLoader(
        pages,
        batch_size=min(recipe.schedule.batch, len(pages)),
        num_workers=workers,
        drop_last=True,
        worker_init_fn=_ignore_interrupt,
    )
    yield from loader


def _ignore_interrupt(_worker: int) -> None:
    """Leave Ctrl-C to the main process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def resize_pages(pages: Tensor, size: PageSize) -> Tensor:
    """Resize a batch of pages with an antialiased bilinear filter, as the model service does."""
    if tuple(pages.shape[1:3]) == size:
        return pages
    planes = pages.permute(0, 3, 1, 2).float()
    planes = functional.interpolate(planes, size=size, mode="bilinear", antialias=True)
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

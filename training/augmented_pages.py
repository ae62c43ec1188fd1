"""The augmented pages of one epoch, which do not depend on the number of worker processes."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from decoding.preprocessing import Preprocessing
from training.augmentation import augment
from training.data import OOD_LABEL, SYNTHETIC_SOURCE, Page
from training.recipe import Recipe
from training.schedule import PageSize, pages_per_epoch


class LabelledBatch(NamedTuple):
    """Augmented pages of one step.

    Attributes:
        pages: uint8, shape (batch, height, width, 3).
        labels: Labels, shape (batch,).
        teacher_probabilities: Shape (batch, classes); None without teachers, or if they have not seen the pages yet.
    """

    pages: Tensor
    labels: Tensor
    teacher_probabilities: Tensor | None = None


class Teacher(Protocol):
    """A model that returns probabilities to imitate.

    Attributes:
        size: Height and width of the pages that the teacher is made for.
    """

    size: PageSize

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, classes), of uint8 pages, shape (batch, height, width, 3)."""
        ...


def common_size(size: PageSize, teacher: Teacher | None) -> PageSize:
    """Return the size of augmented pages that both the student, at a size, and its teacher are given."""
    return (max(size[0], teacher.size[0]), max(size[1], teacher.size[1])) if teacher else size


class AugmentedPages(Dataset[tuple[NDArray[np.uint8], int]]):
    """A dataset of one epoch's augmented pages; seed, epoch and index determine each of them.

    Pages are sampled with replacement, by `sampling_weights`.

    Args:
        pages: Pages to augment.
        recipe: Recipe with the seed and the augmentation.
        epoch: Number of the epoch, from 0.
        size: Size of the augmented pages: the recipe's input, or the largest input of its teachers.
        count: Number of augmented pages; that of an epoch if None.
    """

    def __init__(
        self, pages: Sequence[Page], recipe: Recipe, epoch: int, size: PageSize, count: int | None = None
    ) -> None:
        self.pages, self.recipe, self.epoch = pages, recipe, epoch
        self.preprocessing = Preprocessing(size[1], size[0], recipe.input.color)
        rng = np.random.default_rng((recipe.seed, epoch))
        weights = sampling_weights(pages, recipe.schedule.balance_sources)
        self.order = rng.choice(len(pages), size=count or pages_per_epoch(recipe, len(pages)), p=weights)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        page = self.pages[self.order[index]]
        rng = np.random.default_rng((self.recipe.seed, self.epoch, index))
        pixels = augment(page.image(), self.preprocessing, self.recipe.augmentation, rng)
        return pixels, page.document.label


def pages_and_variants(recipe: Recipe, pages: Sequence[Page], variants: int) -> Iterator[NDArray[np.uint8]]:
    """Yield every page as it is, then a number of random variations of every page, preprocessed.

    It is for models that are fitted to all pages at once. Seed, number of the variation and index determine each page.
    """
    preprocessing = Preprocessing(recipe.input.width, recipe.input.height, recipe.input.color)
    for page in pages:
        yield preprocessing.apply(page.image())
    for variant in range(variants):
        for index, page in enumerate(pages):
            rng = np.random.default_rng((recipe.seed, variant, index))
            yield augment(page.image(), preprocessing, recipe.augmentation, rng)


def sampling_weights(pages: Sequence[Page], balance_sources: bool = False) -> NDArray[np.float64]:
    """Return the probability of sampling each page.

    The probability of a label is proportional to the square root of its number of pages. Within a label, synthetic
    pages have the share that their number gives them. Pages of named sources share the rest alike or, if sources are
    balanced, by the square root of the number of pages of each source. Balanced real out-of-distribution pages, which
    are few, have the same share as the synthetic ones.

    Args:
        pages: The training set.
        balance_sources: Whether to balance the sources of each label.
    """
    labels = np.array([page.document.label for page in pages])
    sources = np.array([page.document.source for page in pages])
    weights = np.ones(len(pages))
    for label in np.unique(labels):
        of_label = labels == label
        if balance_sources:
            weights[of_label] = _balanced(sources[of_label], is_ood=label == OOD_LABEL)
        weights[of_label] /= np.sqrt(weights[of_label].sum())
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def _balanced(sources: NDArray[np.str_], *, is_ood: bool) -> NDArray[np.float64]:
    """Return the weights of the pages of one label, by their sources."""
    weights = np.ones(len(sources))
    real = sources != SYNTHETIC_SOURCE
    if real.any():
        by_source = weights_by_source(sources[real])
        total = (~real).sum() if is_ood and not real.all() else real.sum()
        weights[real] = by_source * total / by_source.sum()
    return weights


def weights_by_source(sources: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the weight of each page: together, those of a source weigh the square root of their number."""
    _, source_index, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / np.sqrt(counts)[source_index]
    return weights


def load_batches(
    pages: AugmentedPages, recipe: Recipe, workers: int, *, drop_last: bool = True
) -> Iterator[LabelledBatch]:
    """Yield batches of augmented pages, prepared in worker processes if `workers` is more than 0.

    Args:
        pages: Augmented pages.
        recipe: Recipe with the size of a batch.
        workers: Number of worker processes.
        drop_last: Leave out the last batch if it is incomplete.
    """
    loader: DataLoader[Any] = DataLoader(
        pages,
        batch_size=min(recipe.schedule.batch, len(pages)),
        num_workers=workers,
        drop_last=drop_last,
        worker_init_fn=_ignore_interrupt,
    )
    for images, labels in loader:
        yield LabelledBatch(images, labels)


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

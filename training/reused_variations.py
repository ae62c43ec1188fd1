"""Variations of pages that are made once, together with the teachers' probabilities, and reused in every epoch.

Most of the time of a step is spent on augmentation and on the teachers. Reused variations need neither, so that a
network sees several times as many pages in the same time. Cheap random changes of position, light and noise make each
use different. They are too small to change what a teacher would predict, except at the edge of its knowledge.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.augmented_pages import AugmentedPages, LabelledBatch, Teacher, common_size, load_batches, resize_pages
from training.data import Page
from training.recipe import Recipe
from training.schedule import PageSize, input_size, pages_per_epoch, steps_per_epoch

_ORDER, _CHANGES = 1, 2
"""Last numbers of the seeds of the two random sequences, after the recipe's seed, a pass or an epoch, and 0. They
differ from the seeds of augmented pages, which end with an index or with 0."""


@dataclass(frozen=True)
class ReusedVariations:
    """The variations of a training; seed and index determine each of them.

    Attributes:
        recipe: Recipe of the training.
        pixels: uint8, shape (variations, height, width, channels): one channel for grey inputs, else three.
        labels: Labels, shape (variations,).
        teacher_probabilities: Shape (variations, classes); None without teachers.
    """

    recipe: Recipe
    pixels: Tensor
    labels: Tensor
    teacher_probabilities: Tensor | None

    def batches(self, epoch: int) -> Iterator[LabelledBatch]:
        """Yield the batches of an epoch at the size of each step, with random changes.

        Seed and epoch determine the order and the changes.
        """
        order, batch = self.order(epoch), self.recipe.schedule.batch
        steps = steps_per_epoch(self.recipe, len(self.pixels))
        rng = np.random.default_rng((self.recipe.seed, epoch, 0, _CHANGES))
        for step in range(steps):
            chosen = torch.from_numpy(order[step * batch : (step + 1) * batch])
            pages = change_slightly(self.pixels[chosen], input_size(self.recipe, epoch + step / steps), rng)
            taught = self.teacher_probabilities
            yield LabelledBatch(pages, self.labels[chosen], None if taught is None else taught[chosen])

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the indices of an epoch's variations.

        Epochs continue one after another through passes over all variations, each in a random order, so that every
        variation is used equally often.
        """
        total, count = len(self.pixels), pages_per_epoch(self.recipe, len(self.pixels))
        first = epoch * count
        passes = range(first // total, (first + count - 1) // total + 1)
        seeds = ((self.recipe.seed, number, 0, _ORDER) for number in passes)
        indices = np.concatenate([np.random.default_rng(seed).permutation(total) for seed in seeds])
        return indices[first % total :][:count]


def make_variations(
    recipe: Recipe, train: Sequence[Page], teacher: Teacher | None, workers: int, report: Callable[[int], None]
) -> ReusedVariations:
    """Make the recipe's variations: the pages of one long epoch, larger than the input, in one channel if grey.

    Args:
        recipe: Recipe with the number of variations.
        train: Training set, sampled as for an epoch.
        teacher: Teacher, which sees each variation once.
        workers: Processes that augment pages.
        report: Called with the number of further variations that are made.
    """
    count, (height, width) = recipe.schedule.variations, recipe.variation_size()
    augmented = AugmentedPages(train, recipe, 0, common_size((height, width), teacher), count)
    pixels = torch.empty((count, height, width, 1 if recipe.input.color == "grey" else 3), dtype=torch.uint8)
    labels, taught, done = torch.empty(count, dtype=torch.int64), [], 0
    for batch in load_batches(augmented, recipe, workers, drop_last=False):
        made = slice(done, done + len(batch.labels))
        pixels[made] = resize_pages(batch.pages, (height, width))[..., : pixels.shape[3]]
        labels[made] = batch.labels
        if teacher:
            taught.append(teacher(batch.pages, recipe.distillation.temperature))
        done = made.stop
        report(len(batch.labels))
    return ReusedVariations(recipe, pixels, labels, torch.cat(taught) if taught else None)


def change_slightly(pages: Tensor, size: PageSize, rng: np.random.Generator) -> Tensor:
    """Return pages at a size, with random zoom, aspect ratio, position, contrast and brightness, and sometimes noise.

    Args:
        pages: uint8, shape (batch, height, width, channels).
        size: Height and width of the result.
        rng: Random generator.

    Returns:
        uint8, shape (batch, *size, 3).
    """
    planes = _zoom_and_move(pages.permute(0, 3, 1, 2).float(), size, rng)
    mean = planes.mean((1, 2, 3), keepdim=True)
    gain, shift = (_uniform(rng, low, high, len(pages)).view(-1, 1, 1, 1) for low, high in ((0.85, 1.15), (-15, 15)))
    planes = ((planes - mean) * gain + mean + shift).clamp(0, 255)
    if rng.random() < 0.3:
        grain = rng.standard_normal((len(pages), 1, *size), dtype=np.float32)
        planes = planes + torch.from_numpy(grain) * rng.uniform(2, 12)
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, 3)


def _zoom_and_move(planes: Tensor, size: PageSize, rng: np.random.Generator) -> Tensor:
    """Return planes at a size, of which 86 to 102 % of the width and 81 to 108 % of the height are visible.

    An antialiased reduction to a size slightly above comes first, because the second step only interpolates.
    """
    above = (size[0] + max(8, size[0] // 8), size[1] + max(8, size[1] // 8))
    planes = functional.interpolate(planes, size=above, mode="bilinear", antialias=True)
    count = len(planes)
    width = _uniform(rng, 0.86, 1.02, count)
    height = width * _uniform(rng, 0.94, 1.06, count)
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0], affine[:, 0, 2] = width, _uniform(rng, -1, 1, count) * (1 - width).abs()
    affine[:, 1, 1], affine[:, 1, 2] = height, _uniform(rng, -1, 1, count) * (1 - height).abs()
    grid = functional.affine_grid(affine, [count, 1, *size], align_corners=False)
    return functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)


def _uniform(rng: np.random.Generator, low: float, high: float, count: int) -> Tensor:
    """Return uniformly distributed numbers, shape (count,)."""
    return torch.from_numpy(rng.uniform(low, high, count).astype(np.float32))

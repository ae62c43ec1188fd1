"""What changes in the course of a training: learning rate, frozen blocks and size of the pages.

Times are in epochs since the start of the training. A fraction is a step within an epoch.
"""

import numpy as np

from training.recipe import Recipe

PageSize = tuple[int, int]
"""Height and width."""

_SIZE_STAGES = ((0.35, 0.6), (0.7, 0.8))
"""Share of the training at which a stage ends, and sides of its pages relative to the input. The last stage is at full
size, so that the network is served at the size that it was last trained at."""
_SIZE_MULTIPLE = 16
"""Sides of smaller pages are multiples of this number of pixels, which most blocks halve without a remainder."""


def pages_per_epoch(recipe: Recipe, training_pages: int) -> int:
    """Return the number of augmented pages in an epoch, for a training set of a number of pages."""
    available = recipe.schedule.variations or training_pages
    return min(available, recipe.schedule.max_pages_per_epoch or available)


def steps_per_epoch(recipe: Recipe, training_pages: int) -> int:
    """Return the number of batches in an epoch, without an incomplete one, and at least 1."""
    return max(1, pages_per_epoch(recipe, training_pages) // recipe.schedule.batch)


def learning_rate(recipe: Recipe, epochs_done: float) -> float:
    """Return the learning rate: a linear rise over the recipe's `rise_epochs`, multiplied by a cosine to zero."""
    schedule = recipe.schedule
    rise = min(1.0, epochs_done / schedule.rise_epochs + 0.02)
    return schedule.learning_rate * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, epochs_done / schedule.epochs))))


def frozen_blocks(recipe: Recipe, blocks: int, epochs_done: float) -> int:
    """Return how many first blocks of a network with a number of blocks are frozen: all of them during the warm-up."""
    return blocks if epochs_done < recipe.schedule.warmup_epochs else recipe.schedule.freeze_blocks


def input_size(recipe: Recipe, epochs_done: float) -> PageSize:
    """Return the size of the pages that the network is trained on.

    With progressive sizes, most steps are at a fraction of the cost: 0.6 of the input's sides until 35 % of the
    training, 0.8 until 70 %, then the input itself.
    """
    done = epochs_done / recipe.schedule.epochs
    if recipe.schedule.progressive_sizes:
        for end, scale in _SIZE_STAGES:
            if done < end:
                return _scaled(recipe.input.height, scale), _scaled(recipe.input.width, scale)
    return recipe.input.height, recipe.input.width


def _scaled(side: int, scale: float) -> int:
    """Return a scaled side, rounded to a multiple of `_SIZE_MULTIPLE` pixels."""
    return max(1, round(side * scale / _SIZE_MULTIPLE)) * _SIZE_MULTIPLE


def relative_cost(recipe: Recipe, epochs_done: float) -> float:
    """Return the approximate cost of a step relative to one at full size: the ratio of the numbers of pixels."""
    height, width = input_size(recipe, epochs_done)
    return height * width / (recipe.input.height * recipe.input.width)

"""Model soups: the averaged weights of several trainings from the same initial weights.

The average costs as much to serve as one network and is more accurate on documents of unseen sources than each of its
members (Wortsman et al. 2022, "Model soups", arXiv:2203.05482). It requires pretrained initial weights: networks that
are trained from scratch end too far apart to be averaged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from training.recipe import Recipe
from training.train import FitResult

Weights = Mapping[str, Tensor]


def member_recipe(recipe: Recipe, number: int) -> Recipe:
    """Return the recipe of one member: a soup of size 1 whose seed differs, except for the first member."""
    single = recipe.schedule.model_copy(update={"soup_size": 1})
    return recipe.model_copy(update={"seed": recipe.seed + 1_000_003 * number, "schedule": single})


def member_checkpoint(checkpoint: Path, number: int) -> Path:
    """Return the checkpoint of one member: `final.pt`, `final-2.pt`, and so on."""
    return checkpoint.with_stem(f"{checkpoint.stem}-{number + 1}") if number else checkpoint


@torch.no_grad()
def average_weights(weights: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the mean of the networks' weights; integer tensors, such as counters, are taken from the first network."""
    return {
        name: torch.stack([member[name] for member in weights]).mean(dim=0) if value.is_floating_point() else value
        for name, value in weights[0].items()
    }


def average_fits(fits: Sequence[FitResult]) -> FitResult:
    """Average the models of several fits, without interrupted ones unless the first fit was interrupted."""
    complete = [fit for fit in fits if not fit.interrupted] or fits[:1]
    first, history = complete[0], [epoch for fit in fits for epoch in fit.history]
    first.model.load_state_dict(average_weights([fit.model.state_dict() for fit in complete]))
    return replace(first, history=history, interrupted=any(fit.interrupted for fit in fits))

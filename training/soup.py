"""Networks that set out from the same initial weights and saw other views, averaged into one.

Their mean costs no more to serve than one of them and does better on documents of somebody else than any, for what each
learnt by chance cancels out (Wortsman et al. 2022, "Model soups", arXiv:2203.05482). It needs initial weights that know
something: networks trained from scratch end too far apart for their mean to mean anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from training.recipe import Recipe
from training.train import Fit

Weights = Mapping[str, Tensor]


def ingredient(recipe: Recipe, number: int) -> Recipe:
    """Return the recipe of one network, as if it were alone; the second and so on have other chances."""
    alone = recipe.schedule.model_copy(update={"ingredients": 1})
    return recipe.model_copy(update={"seed": recipe.seed + 1_000_003 * number, "schedule": alone})


def file_of(checkpoint: Path, number: int) -> Path:
    """Return where the checkpoint of one network is kept: `final.pt`, then `final-2.pt`, and so on."""
    return checkpoint.with_stem(f"{checkpoint.stem}-{number + 1}") if number else checkpoint


@torch.no_grad()
def mean(weights: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the mean of some networks' weights; what is no fraction, such as a counter, is the first one's."""
    return {
        name: torch.stack([each[name] for each in weights]).mean(dim=0) if value.is_floating_point() else value
        for name, value in weights[0].items()
    }


def blend(fits: Sequence[Fit]) -> Fit:
    """Return one fit whose network is the mean of all. One that was broken off spoils nothing: it is left out."""
    whole = [fit for fit in fits if not fit.interrupted] or fits[:1]
    first, history = whole[0], [epoch for fit in fits for epoch in fit.history]
    first.graph.load_state_dict(mean([fit.graph.state_dict() for fit in whole]))
    return replace(first, history=history, interrupted=any(fit.interrupted for fit in fits))

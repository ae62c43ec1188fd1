"""Linear probes: logistic regression on statistics of a frozen network that was trained on the layouts of documents.

A probe takes minutes to train, because every page passes the network once. docs/experiments.md compares it with trained
networks on documents of unseen sources.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.architectures import IMAGENET_MEAN, IMAGENET_STD
from training.augmented_pages import pages_and_variants, sampling_weights
from training.data import OOD_LABEL, Page
from training.network import compile_frozen, normalise
from training.pp_lcnet import layout_detector
from training.recipe import Recipe

_POOLED = (2, 4, 5, 10, 13)
"""Blocks whose outputs are pooled: one or two of each resolution. Early ones describe print, strokes and paper, the
last ones the layout."""
_BATCH = 16


class LayoutFeatures(nn.Module):
    """The frozen network: uint8 pages in, shape (batch, height, width, 3), and 3264 statistics of each out."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*layout_detector()).eval()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("scale", (1 / torch.tensor(IMAGENET_STD)).view(1, 3, 1, 1))

    def forward(self, pages: Tensor) -> Tensor:
        """Return mean, maximum and standard deviation of the channels of several blocks, shape (batch, features)."""
        maps = normalise(pages, self.mean, self.scale)
        statistics: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            maps = block(maps)
            if index in _POOLED:
                statistics += [maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3)), maps.std(dim=(2, 3))]
        return torch.cat(statistics, dim=1)


class LinearProbe(nn.Module):
    """Frozen features and one linear layer: uint8 pages in, shape (batch, height, width, 3), and float32 logits out."""

    def __init__(self, features: LayoutFeatures, head: nn.Linear) -> None:
        super().__init__()
        self.features, self.head = features, head

    def forward(self, pages: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of pages, shape (batch, height, width, 3), values 0 to 255."""
        logits: Tensor = self.head(self.features(pages))
        return logits


def fit_probe(recipe: Recipe, classes: int, train: Sequence[Page], *, threads: int) -> LinearProbe:
    """Fit a linear probe.

    Pages are weighted as networks sample them. The target of an out-of-distribution page is the uniform distribution.

    Args:
        recipe: Recipe of the version.
        classes: Number of labels.
        train: Training set.
        threads: Number of CPU threads.

    Raises:
        WeightsError: The package with the weights of the network is missing.
    """
    features = LayoutFeatures()
    variants = 1 + recipe.probe.variants
    compiled = compile_frozen(features, recipe, threads)
    pages = pages_and_variants(recipe, train, recipe.probe.variants)
    values = np.concatenate([np.array(compiled(batch)[0]) for batch in _batches(pages)])
    weights = sampling_weights(train, recipe.schedule.balance_sources) / variants
    targets = _targets([page.document.label for page in train], classes, recipe.schedule.label_smoothing)
    head = _logistic_regression(
        torch.from_numpy(values),
        targets.repeat(variants, 1),
        torch.from_numpy(np.tile(weights, variants)).float(),
        recipe.probe.penalty,
    )
    return LinearProbe(features, head).eval()


def _targets(labels: Sequence[int], classes: int, smoothing: float) -> Tensor:
    """Return smoothed targets, shape (pages, classes)."""
    truth = torch.tensor(labels)
    targets = torch.full((len(labels), classes), 1 / classes)
    known = truth != OOD_LABEL
    targets[known] = functional.one_hot(truth[known], classes).float()
    return targets * (1 - smoothing) + smoothing / classes


def _logistic_regression(values: Tensor, targets: Tensor, weights: Tensor, penalty: float) -> nn.Linear:
    """Return the linear layer of the smallest weighted cross-entropy and squared weights, of standardised features.

    scikit-learn's logistic regression has no targets that are distributions.

    Args:
        values: Features, shape (pages, features).
        targets: Target distributions, shape (pages, classes).
        weights: Weight of each page, shape (pages,), with a sum of 1.
        penalty: Factor of the squared weights of the standardised features.
    """
    mean, std = values.mean(dim=0), values.std(dim=0) + 1e-3
    standardised = (values - mean) / std
    head = nn.Linear(values.shape[1], targets.shape[1])
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=80, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        losses = functional.cross_entropy(head(standardised), targets, reduction="none")
        total = (weights * losses).sum() + penalty * (head.weight**2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        head.weight.div_(std)
        head.bias.sub_(head.weight @ mean)
    return head


def _batches(pages: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Yield pages in batches, shape (batch, height, width, 3)."""
    while batch := list(islice(pages, _BATCH)):
        yield np.stack(batch)

"""Random forests: fitted by scikit-learn on page features, and exported as tensor operations.

OpenVINO has no operation for decision trees. A forest is therefore exported as tables of its nodes, through which a
page descends all trees at the same time, one level per step. The model service needs neither scikit-learn nor a
serialised Python object.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.augmented_pages import pages_and_variants, sampling_weights
from training.data import OOD_LABEL, Page
from training.page_features import PageFeatures
from training.recipe import Recipe

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

MIN_PROBABILITY = 1e-6
"""Lower bound of a probability before its logarithm, because a forest predicts 0 for a label that no tree finds."""
_NEVER = 1024.0
"""Threshold of a leaf, which no feature exceeds."""
_BATCH = 64


@dataclass(frozen=True)
class NodeTables:
    """The nodes of all trees of a forest. The children of a node follow each other, and a leaf is its own child.

    Attributes:
        feature: Feature that a node compares, shape (nodes,).
        threshold: A page whose feature exceeds it descends to the right child, shape (nodes,).
        left: Index of the left child, shape (nodes,). The right child is the next node.
        leaf: Row of a leaf in `shares`, shape (nodes,); 0 for other nodes.
        shares: Share of each label in each leaf, shape (leaves, classes).
        roots: Index of the first node of each tree, shape (trees,).
        depth: Depth of the deepest tree.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    leaf: NDArray[np.int32]
    shares: NDArray[np.float32]
    roots: NDArray[np.int32]
    depth: int

    @classmethod
    def of(cls, forest: "RandomForestClassifier", classes: int) -> "NodeTables":
        """Return the tables of a fitted forest.

        Args:
            forest: Forest of scikit-learn, fitted on whole numbers.
            classes: Number of labels. Those that the forest has not seen have a share of 0.
        """
        trees = [_breadth_first(estimator.tree_) for estimator in forest.estimators_]
        sizes = [len(tree.feature) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        leaf_counts = [len(tree.shares) for tree in trees]
        rows = np.cumsum([0, *leaf_counts[:-1]])
        shares = np.zeros((sum(leaf_counts), classes), np.float32)
        shares[:, forest.classes_] = np.concatenate([tree.shares for tree in trees])
        return cls(
            feature=np.concatenate([tree.feature for tree in trees]),
            threshold=np.concatenate([tree.threshold for tree in trees]),
            left=np.concatenate([tree.left + root for tree, root in zip(trees, roots, strict=True)]).astype(np.int32),
            leaf=np.concatenate([tree.leaf + row for tree, row in zip(trees, rows, strict=True)]).astype(np.int32),
            shares=shares,
            roots=roots.astype(np.int32),
            depth=max(tree.depth for tree in trees),
        )


def _breadth_first(tree: Any) -> NodeTables:
    """Return the tables of one tree of scikit-learn, whose nodes are in depth-first order."""
    order = [0]
    for node in order:  # grows while it is read
        if tree.children_left[node] >= 0:
            order += [int(tree.children_left[node]), int(tree.children_right[node])]
    position = np.empty(len(order), np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    is_leaf = tree.children_left[order] < 0
    return NodeTables(
        feature=np.where(is_leaf, 0, tree.feature[order]).astype(np.int32),
        threshold=np.where(is_leaf, _NEVER, tree.threshold[order]).astype(np.float32),
        left=np.where(is_leaf, np.arange(len(order)), position[tree.children_left[order]]).astype(np.int32),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, 0).astype(np.int32),
        shares=tree.value[order][is_leaf][:, 0].astype(np.float32),
        roots=np.zeros(1, np.int32),
        depth=int(tree.max_depth),
    )


class ForestModel(nn.Module):
    """A random forest with its features: uint8 pages in, shape (batch, height, width, 3), and float32 logits out.

    The logits are the logarithms of the forest's probabilities, so that the softmax returns these probabilities.

    Args:
        features: Features of a page.
        tables: Nodes of the forest.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    leaf: Tensor
    shares: Tensor
    roots: Tensor

    def __init__(self, features: PageFeatures, tables: NodeTables) -> None:
        super().__init__()
        self.features = features
        self.depth = tables.depth
        for name in ("feature", "threshold", "left", "leaf", "shares", "roots"):
            self.register_buffer(name, torch.from_numpy(getattr(tables, name)))

    def forward(self, pages: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of pages, shape (batch, height, width, 3), values 0 to 255."""
        features: Tensor = self.features(pages)
        node = self.roots.to(torch.int64).expand(features.shape[0], -1)
        for _ in range(self.depth):
            value = features.gather(1, self.feature[node].to(torch.int64))
            node = self.left[node].to(torch.int64) + (value > self.threshold[node]).to(torch.int64)
        probabilities = self.shares[self.leaf[node].to(torch.int64)].mean(dim=1)
        return probabilities.clamp(min=MIN_PROBABILITY).log()


def fit_forest(recipe: Recipe, classes: int, train: Sequence[Page], *, threads: int) -> ForestModel:
    """Fit a random forest.

    An out-of-distribution page counts as a page of every label, with a part of its weight each, so that the forest
    spreads its probabilities on such pages.

    Args:
        recipe: Recipe of the version.
        classes: Number of labels.
        train: Training set.
        threads: Number of CPU threads.
    """
    from sklearn.ensemble import RandomForestClassifier

    settings = recipe.forest
    features = PageFeatures(recipe.input.color)
    variants = 1 + settings.variants
    values = page_features(features, pages_and_variants(recipe, train, settings.variants))
    weights = np.tile(sampling_weights(train, recipe.schedule.balance_sources) * len(train), variants)
    truth = np.tile([page.document.label for page in train], variants)
    known, unknown = truth != OOD_LABEL, truth == OOD_LABEL
    forest = RandomForestClassifier(
        settings.trees,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_pages_per_leaf,
        max_features=settings.features_per_split,
        n_jobs=threads,
        random_state=recipe.seed,
    )
    forest.fit(
        np.concatenate([values[known], *[values[unknown]] * classes]),
        np.concatenate([truth[known], np.repeat(np.arange(classes), unknown.sum())]),
        np.concatenate([weights[known], *[weights[unknown] / classes] * classes]),
    )
    return ForestModel(features, NodeTables.of(forest, classes)).eval()


@torch.no_grad()
def page_features(features: PageFeatures, pages: Iterator[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the features of preprocessed pages, shape (pages, features), computed in batches."""
    rows: list[NDArray[np.uint8]] = []
    batch: list[NDArray[np.uint8]] = []
    for page in pages:
        batch.append(page)
        if len(batch) == _BATCH:
            rows.append(features(torch.from_numpy(np.stack(batch))).to(torch.uint8).numpy())
            batch.clear()
    if batch:
        rows.append(features(torch.from_numpy(np.stack(batch))).to(torch.uint8).numpy())
    return np.concatenate(rows)

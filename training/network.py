"""A network as it is served: normalisation folded in, frozen blocks computed by OpenVINO while the others learn."""

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import openvino  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from decoding.preprocessing import Preprocessing
from training.architectures import ARCHITECTURES, Network, build, fold_norms
from training.data import Page
from training.recipe import Recipe

Forward = Callable[[Tensor], Tensor]


class Served(nn.Module):
    """A network with its normalisation folded in: uint8 NHWC pages to float32 logits, which is what is exported."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: Network, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("scale", (1 / torch.tensor(std)).view(1, 3, 1, 1))

    def forward(self, pages: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of pages, shape (batch, height, width, 3), values 0..255."""
        images = (pages.to(torch.float32).permute(0, 3, 1, 2) - self.mean) * self.scale
        logits: Tensor = self.network(images)
        return logits.to(torch.float32)


def make_graph(recipe: Recipe, classes: int, head_seed: int | None = None) -> Served:
    """Build the recipe's network with its initial weights; the head depends on a seed only, usually the recipe's."""
    torch.manual_seed(recipe.seed if head_seed is None else head_seed)
    network = build(recipe.architecture, classes, recipe.weights, recipe.schedule.dropout)
    if recipe.schedule.batch_norm == "folded":
        fold_norms(network)
    architecture = ARCHITECTURES[recipe.architecture]
    return Served(network, architecture.mean, architecture.std).to(memory_format=torch.channels_last)


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Return the preprocessing that training and serving share."""
    return Preprocessing(recipe.input.width, recipe.input.height, recipe.input.color)


def behind_trunk(graph: Served, frozen: int, recipe: Recipe, threads: int) -> Forward:
    """Return a forward pass whose first, frozen blocks are computed by OpenVINO: three times as fast as torch.

    Those blocks get no gradient, so nothing is lost by leaving autograd there.
    """
    if not frozen:
        return graph
    head = _Trunk(copy.deepcopy(graph).eval(), frozen)
    example = torch.zeros((2, recipe.input.height, recipe.input.width, 3), dtype=torch.uint8)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, about the tracing by which OpenVINO reads a module
        model = openvino.convert_model(head, example_input=example)
    trunk = openvino.compile_model(model, "CPU", settings)
    network, tail = graph.network, graph.network.blocks[frozen:]

    def forward(pages: Tensor) -> Tensor:
        maps = torch.from_numpy(np.array(trunk(pages.numpy())[0])).contiguous(memory_format=torch.channels_last)
        return network.classify(tail(maps))

    return forward


class _Trunk(nn.Module):
    """The normalisation and the first blocks of a graph."""

    def __init__(self, graph: Served, blocks: int) -> None:
        super().__init__()
        self.mean, self.scale = graph.mean, graph.scale
        self.blocks = graph.network.blocks[:blocks]

    def forward(self, pages: Tensor) -> Tensor:
        return cast(Tensor, self.blocks((pages.float().permute(0, 3, 1, 2) - self.mean) * self.scale))


@torch.no_grad()
def logits_of(
    graph: Served, pages: Sequence[Page], preprocessing: Preprocessing, batch: int = 32
) -> NDArray[np.float32]:
    """Return logits, shape (pages, classes), of pages as they are, without augmentation."""
    graph.eval()
    parts = []
    for start in range(0, len(pages), batch):
        pixels = np.stack([preprocessing.apply(page.image()) for page in pages[start : start + batch]])
        parts.append(graph(torch.from_numpy(pixels)).numpy())
    classes = graph.network.head.out_features
    return np.concatenate(parts) if parts else np.zeros((0, classes), dtype=np.float32)

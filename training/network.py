"""Models as they are exported, with normalisation included, and faster training behind a frozen backbone."""

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
from model_service.inference import openvino_core
from training.architectures import ARCHITECTURES, ConvClassifier, build_classifier, fold_batch_norms
from training.data import Page
from training.recipe import Recipe

Forward = Callable[[Tensor], Tensor]
"""A forward pass from uint8 pages, shape (batch, height, width, 3), to logits, shape (batch, classes)."""


def normalise(pages: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return float32 images, shape (batch, 3, height, width), of pages, shape (batch, height, width, 3).

    Args:
        pages: Values of 0 to 255.
        mean: Mean of each channel, shape (1, 3, 1, 1).
        scale: Reciprocal of each channel's standard deviation, shape (1, 3, 1, 1).
    """
    return (pages.to(torch.float32).permute(0, 3, 1, 2) - mean) * scale


class ExportableModel(nn.Module):
    """A classifier with its normalisation: uint8 pages in, shape (batch, height, width, 3), and float32 logits out."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: ConvClassifier, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("scale", (1 / torch.tensor(std)).view(1, 3, 1, 1))

    def forward(self, pages: Tensor) -> Tensor:
        """Return logits, shape (batch, classes), of pages, shape (batch, height, width, 3), values 0 to 255."""
        logits: Tensor = self.network(normalise(pages, self.mean, self.scale))
        return logits.to(torch.float32)


def build_model(recipe: Recipe, classes: int, head_seed: int | None = None) -> ExportableModel:
    """Build the recipe's network with its initial weights.

    Args:
        recipe: Recipe of the version.
        classes: Number of labels.
        head_seed: Seed of the head and of blocks without pretrained weights; the recipe's seed if None.
    """
    torch.manual_seed(recipe.seed if head_seed is None else head_seed)
    network = build_classifier(recipe.architecture, classes, recipe.weights, recipe.schedule.dropout)
    if recipe.schedule.batch_norm == "folded":
        fold_batch_norms(network)
    architecture = ARCHITECTURES[recipe.architecture]
    return ExportableModel(network, architecture.mean, architecture.std).to(memory_format=torch.channels_last)


def preprocessing_of(recipe: Recipe) -> Preprocessing:
    """Return the preprocessing that training and the model service share."""
    given = recipe.input
    return Preprocessing(given.width, given.height, given.color, given.decode_side)


def with_frozen_backbone(model: ExportableModel, frozen: int, recipe: Recipe, threads: int) -> Forward:
    """Return a forward pass that runs the frozen blocks in OpenVINO, three times as fast as in torch.

    Frozen blocks need no gradient, so autograd only needs to see the blocks behind them.

    Args:
        model: Model to train.
        frozen: Number of first blocks that are frozen.
        recipe: Recipe with the size of the input.
        threads: Number of threads for OpenVINO.
    """
    if not frozen:
        return model
    backbone = _Backbone(copy.deepcopy(model).eval(), frozen)
    compiled = compile_frozen(backbone, recipe, threads)
    network, trainable_blocks = model.network, model.network.blocks[frozen:]

    def forward(pages: Tensor) -> Tensor:
        maps = torch.from_numpy(np.array(compiled(pages.numpy())[0])).contiguous(memory_format=torch.channels_last)
        return network.classify(trainable_blocks(maps))

    return forward


def compile_frozen(module: nn.Module, recipe: Recipe, threads: int) -> openvino.CompiledModel:
    """Compile a module whose input is uint8 pages, shape (batch, height, width, 3), for OpenVINO in f32.

    Args:
        module: A module in evaluation mode, with one output.
        recipe: Recipe with the size of the input.
        threads: Number of threads for OpenVINO.
    """
    example = torch.zeros((2, recipe.input.height, recipe.input.width, 3), dtype=torch.uint8)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's warnings about tracing, which OpenVINO uses to read a module
        converted = openvino.convert_model(module, example_input=example)
    return openvino_core().compile_model(converted, "CPU", settings)


class _Backbone(nn.Module):
    """The normalisation and the first blocks of a model."""

    def __init__(self, model: ExportableModel, blocks: int) -> None:
        super().__init__()
        self.mean, self.scale = model.mean, model.scale
        self.blocks = model.network.blocks[:blocks]

    def forward(self, pages: Tensor) -> Tensor:
        return cast(Tensor, self.blocks(normalise(pages, self.mean, self.scale)))


@torch.no_grad()
def predict_logits(
    model: ExportableModel, pages: Sequence[Page], preprocessing: Preprocessing, batch: int = 32
) -> NDArray[np.float32]:
    """Return logits, shape (pages, classes), of pages without augmentation."""
    model.eval()
    parts = []
    for start in range(0, len(pages), batch):
        pixels = np.stack([preprocessing.apply(page.image()) for page in pages[start : start + batch]])
        parts.append(model(torch.from_numpy(pixels)).numpy())
    classes = model.network.head.out_features
    return np.concatenate(parts) if parts else np.zeros((0, classes), dtype=np.float32)

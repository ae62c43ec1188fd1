"""The small network: its layers, its training, and its export to OpenVINO."""

import copy
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from decoding.orientation import VIEW_SIDE
from model_service.orientation import TURNS, orbit
from tools.upright.augmentation import vary
from tools.upright.pages import UprightPage
from training.architectures import fold_batch_norms
from training.augmented_pages import weights_by_source
from training.checkpoint import MovingAverage
from training.export import export_batches
from training.precision import CALIBRATION_PAGES, quantise

PAGES_OF_A_STEP: Final = 24
_LEARNING_RATE: Final = 4e-3
_WARM_UP: Final = 100
"""Steps in which the learning rate rises."""
_SMOOTHING: Final = 0.995
"""Share of the mean of the weights that a step keeps, after the first steps."""
_GREY, _SPREAD = 200, 64


class UprightNetwork(nn.Module):
    """From views, uint8 of shape (views, side, side), to probabilities of the turns, shape (views, 4).

    A view takes 24 million multiplications. The first layers reduce it with dense convolutions: each layer has a price
    of its own on a CPU, so that few dense ones cost less than many separable ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(1, 24, 6, stride=4, padding=1),
            *_convolution(24, 48, 3, stride=2, padding=1),
            *_convolution(48, 64, 3, stride=2, padding=1),
            *_separable(64, 96),
            *_separable(96, 96),
            *_separable(96, 96),
            *_separable(96, 160, stride=2),
            *_separable(160, 160),
        )
        self.head = nn.Linear(160, TURNS)

    def features(self, views: Tensor) -> Tensor:
        """Return the features of the views, from which `head` computes logits."""
        grey = ((views.float() - _GREY) / _SPREAD).unsqueeze(1)
        features: Tensor = self.layers(grey)
        return features.float().mean((2, 3))

    def forward(self, views: Tensor) -> Tensor:
        """Return the probabilities of the four turns."""
        logits: Tensor = self.head(self.features(views))
        return logits.softmax(1)


def _convolution(
    channels: int, out: int, size: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, out, size, stride, padding, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


def _separable(channels: int, out: int, *, stride: int = 1) -> list[nn.Module]:
    return [
        *_convolution(channels, channels, 3, stride=stride, padding=1, groups=channels),
        *_convolution(channels, out, 1),
    ]


def train(pages: Sequence[UprightPage], steps: int, report: Callable[[int, float], None]) -> UprightNetwork:
    """Train a network; each step sees pages in all four orientations.

    Args:
        pages: Pages to learn from.
        steps: Number of steps.
        report: Called after each step with its number and loss.

    Returns:
        The network with the running mean of its weights, ready to predict.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = UprightNetwork().to(memory_format=torch.channels_last)
    average = MovingAverage(network, _SMOOTHING, rise=20)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.03)
    weights = sampling_weights(pages)
    network.train()
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(step, steps)
        chosen = [pages[index] for index in rng.choice(len(pages), PAGES_OF_A_STEP, p=weights)]
        views = torch.from_numpy(np.concatenate([orbit(vary(page, rng)) for page in chosen]))
        targets = np.concatenate([[np.roll(page.target, turn) for turn in range(TURNS)] for page in chosen])
        with torch.autocast("cpu", torch.bfloat16):
            features = network.features(views)
        loss = nn.functional.cross_entropy(network.head(features), torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        average.update(network)
        report(step, loss.item())
    network.load_state_dict(average.state)
    return network.eval()


def sampling_weights(pages: Sequence[UprightPage]) -> NDArray[np.float64]:
    """Return the probability of sampling each page: that of a source grows with the square root of its pages."""
    sources = np.array([page.document.source for page in pages])
    weights = weights_by_source(sources)
    normalized: NDArray[np.float64] = weights / weights.sum()
    return normalized


def _learning_rate(step: int, steps: int) -> float:
    decay = max(0.005, (1 + math.cos(math.pi * step / steps)) / 2)
    return _LEARNING_RATE * min(1, step / _WARM_UP) * decay


def export(network: UprightNetwork, pages: Sequence[UprightPage], file: Path) -> None:
    """Write the network as OpenVINO IR in int8.

    Args:
        network: The trained network.
        pages: Pages whose views the scales are measured on.
        file: The graph, with the suffix .xml; its weights are written next to it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        exact, quantised = Path(scratch, "f32"), Path(scratch, "int8")
        exact.mkdir()
        quantised.mkdir()
        save_exact(network, exact)
        quantise(exact, calibration_views(pages), quantised, f32_layers=0)
        for suffix in (".xml", ".bin"):
            shutil.move(quantised / f"model{suffix}", file.with_suffix(suffix))


def calibration_views(pages: Sequence[UprightPage]) -> NDArray[np.uint8]:
    """Return views of pages in all orientations, at most as many as scales need."""
    count = min(len(pages), CALIBRATION_PAGES // TURNS)
    chosen = np.linspace(0, len(pages) - 1, count).astype(int)
    return np.concatenate([orbit(pages[index].view) for index in chosen])


def save_exact(network: UprightNetwork, folder: Path) -> None:
    """Write the network as `model.xml` and `model.bin`, computed in f32."""
    folded = copy.deepcopy(network).eval()
    fold_batch_norms(folded)
    views = torch.zeros((2, VIEW_SIDE, VIEW_SIDE), dtype=torch.uint8)
    export_batches(folded, views, folder, names=("views", "probabilities"))

"""Features of a page for a random forest: its edges, textures, brightness and colours, computed in the exported graph.

The features are tensor operations, so that training and the model service compute them by the same graph. They are
whole numbers from 0 to 255, so that a difference in the last bit between processors seldom changes one.
"""

import math
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

ORIENTATIONS: Final = 9
"""Number of orientations of the histograms of gradients, as in scikit-image's `hog`."""
CELL: Final = 16
"""Height and width of a cell of the histograms in pixels."""
GRID: Final = 4
"""Number of rows and columns of the grid on which textures are counted."""
PATTERNS: Final = 10
"""Number of rotation-invariant uniform patterns of eight neighbours; the last one collects all others."""
SHADES: Final = 8
"""Number of bins of the histogram of each colour channel."""

_NEIGHBOURS: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
"""Offsets of the eight neighbours, in order around the centre."""
_LUMINANCE: Final = (77 / 256, 150 / 256, 29 / 256)
"""Weights of R, G and B in grey: those of ITU-R BT.601 in 8 bits, so that the sum is exact in every order."""
_ROUNDING: Final = 0.4985
"""Added before a feature is cut off to a whole number: near one half, but multiples of a half, which are frequent, do
not depend on the last bit."""


class PageFeatures(nn.Module):
    """The features of preprocessed pages.

    Args:
        color: Colour mode of the input. The three channels of a grey page are equal, so that one is used.
    """

    luminance: Tensor

    def __init__(self, color: Literal["rgb", "grey"]) -> None:
        super().__init__()
        self.channels: Final = 3 if color == "rgb" else 1
        self.register_buffer("luminance", torch.tensor(_LUMINANCE).view(1, 3, 1, 1))

    def forward(self, pages: Tensor) -> Tensor:
        """Return features, shape (batch, features), of uint8 pages, shape (batch, height, width, 3)."""
        channels = pages.to(torch.float32).permute(0, 3, 1, 2)
        grey = (channels * self.luminance).sum(dim=1, keepdim=True).floor()
        channels = channels[:, : self.channels]
        parts = (
            gradient_histograms(grey),
            texture_histograms(grey),
            functional.avg_pool2d(channels, CELL).flatten(1) / 255,
            line_profiles(grey),
            shade_histograms(channels),
        )
        return (torch.cat(parts, dim=1) * 255 + _ROUNDING).floor()


def gradient_histograms(grey: Tensor) -> Tensor:
    """Return histograms of oriented gradients (Dalal and Triggs, CVPR 2005), as scikit-image's `hog` computes them.

    Args:
        grey: Pages, shape (batch, 1, height, width).

    Returns:
        Blocks of 2 by 2 cells, normalised by L2-Hys, shape (batch, features), values 0 to 1.
    """
    down = functional.pad(grey[:, :, 2:] - grey[:, :, :-2], (0, 0, 1, 1))
    right = functional.pad(grey[:, :, :, 2:] - grey[:, :, :, :-2], (1, 1))
    magnitude = torch.sqrt(down * down + right * right)
    angle = torch.atan2(down, right) / math.pi  # -1 to 1, of which opposite directions are one orientation
    angle = torch.where(angle < 0, angle + 1, angle)
    index = torch.floor(angle * ORIENTATIONS) % ORIENTATIONS
    cells = functional.avg_pool2d(magnitude * _one_hot(index, ORIENTATIONS), CELL)
    corners = [cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:]]
    blocks = _normalised(_normalised(torch.cat(corners, dim=1)).clamp(max=0.2))
    return blocks.flatten(1)


def _normalised(blocks: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Return blocks, shape (batch, features, rows, columns), divided by the norm of their features."""
    return blocks / torch.sqrt((blocks * blocks).sum(dim=1, keepdim=True) + epsilon**2)


def texture_histograms(grey: Tensor) -> Tensor:
    """Return histograms of rotation-invariant uniform binary patterns (Ojala et al., PAMI 2002) on a grid.

    A pattern states which of the eight neighbours are at least as bright as the centre. It is uniform if there are at
    most two changes around the circle, and then counted by the number of bright neighbours.

    Args:
        grey: Pages, shape (batch, 1, height, width).

    Returns:
        Shares of the patterns in each cell of the grid, shape (batch, features).
    """
    height, width = grey.shape[2] - 2, grey.shape[3] - 2
    centre = grey[:, :, 1:-1, 1:-1]
    around = [grey[:, :, y : y + height, x : x + width] >= centre for y, x in _NEIGHBOURS]
    bits = torch.cat(around, dim=1).to(torch.float32)
    changes = (bits - torch.cat((bits[:, 1:], bits[:, :1]), dim=1)).abs().sum(dim=1, keepdim=True)
    pattern = torch.where(changes <= 2, bits.sum(dim=1, keepdim=True), float(PATTERNS - 1))
    return functional.avg_pool2d(_one_hot(pattern, PATTERNS), (height // GRID, width // GRID)).flatten(1)


def line_profiles(grey: Tensor) -> Tensor:
    """Return how much brightness varies along every second row and column: lines of text, rules and margins.

    Args:
        grey: Pages, shape (batch, 1, height, width).

    Returns:
        Mean absolute difference of neighbouring pixels, shape (batch, features), values 0 to 1.
    """
    across = (grey[:, :, :, 1:] - grey[:, :, :, :-1]).abs().mean(dim=3)
    along = (grey[:, :, 1:] - grey[:, :, :-1]).abs().mean(dim=2)
    return torch.cat([functional.avg_pool1d(profile, 2).flatten(1) for profile in (across, along)], dim=1) / 255


def shade_histograms(channels: Tensor) -> Tensor:
    """Return the histogram of each channel over the whole page.

    Args:
        channels: Pages, shape (batch, channels, height, width), values 0 to 255.

    Returns:
        Shares of the bins, shape (batch, features).
    """
    shade = torch.floor(channels * (SHADES / 256)).flatten(2)[:, None]
    return _one_hot(shade, SHADES).mean(dim=3).flatten(1)


def _one_hot(index: Tensor, size: int) -> Tensor:
    """Return 1.0 where an index, shape (batch, 1, …), is that of the channel, else 0.0, shape (batch, size, …)."""
    channels = torch.arange(size, dtype=torch.float32).view(1, size, *[1] * (index.ndim - 2))
    return (index == channels).to(torch.float32)

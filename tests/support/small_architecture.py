"""An architecture that trains and exports within a second, for tests of training."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from torch import nn

from training.architectures import ARCHITECTURES, IMAGENET_MEAN, IMAGENET_STD, Architecture

SMALL = "small"
"""Name of the architecture in a recipe."""
_CHANNELS = (3, 8, 16, 16, 32, 32, 64)


@contextmanager
def small_architecture() -> Iterator[None]:
    """Register the architecture `small` until the block ends. Blocks may be nested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, SMALL, Architecture(_blocks, _CHANNELS[-1], IMAGENET_MEAN, IMAGENET_STD))
        yield


def _blocks() -> list[nn.Module]:
    """Return six blocks of convolution, batch norm and ReLU; every other one halves the size."""
    return [
        nn.Sequential(
            nn.Conv2d(channels, _CHANNELS[index + 1], 3, stride=2 - index % 2, padding=1, bias=False),
            nn.BatchNorm2d(_CHANNELS[index + 1]),
            nn.ReLU(),
        )
        for index, channels in enumerate(_CHANNELS[:-1])
    ]

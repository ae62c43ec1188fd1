"""A small folder of labelled pictures that a network learns to distinguish within a few steps."""

from pathlib import Path

import numpy as np
from PIL import Image

RECIPE = """
architecture = "resnet18"
seed = 1

[input]
width = 32
height = 32
color = "rgb"

[schedule]
epochs = 3
batch = 6
learning_rate = 1e-3
warmup_epochs = 0
ema = 0.5
"""
"""A recipe that learns the flowers. The name of the version must be added in front."""

COLORS = {"daisy": (235, 235, 225), "rose": (190, 30, 60), "sunflower": (235, 190, 20)}


def write_flowers(folder: Path, each: int = 8, labels: tuple[str, ...] = ("daisy", "rose", "sunflower")) -> Path:
    """Write noisy pictures of a disc in the flower's colour on green.

    Args:
        folder: ImageFolder to write to.
        each: Number of pictures per label.
        labels: Labels, keys of `COLORS`.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:64, 0:48]
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            center = rng.uniform(18, 30, 2)
            disc = (rows - center[0] * 4 / 3) ** 2 + (columns - center[1]) ** 2 < 14**2
            pixels = np.where(disc[..., None], COLORS[label], (40, 120, 50)) + rng.normal(0, 8, (64, 48, 3))
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(folder / label / f"{label}-{number}.png")
    return folder

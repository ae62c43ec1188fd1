"""Pages whose brightness states their label, for models that are fitted to all pages at once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import OOD_LABEL, LabelledDocument, Page


class ShadedPages:
    """Pages of one size.

    Args:
        height: Height in pixels.
        width: Width in pixels.

    Attributes:
        known: Twelve pages of each of the labels 0 and 1.
        unknown: Twelve out-of-distribution pages.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = (height, width)
        self.known = [self.page(label, number) for label in (0, 1) for number in range(12)]
        self.unknown = [self.page(OOD_LABEL, number) for number in range(12)]

    def page(self, label: int, number: int) -> Page:
        """Return a page of the shade of its label, with noise that the number determines."""
        shade = 230 if label == OOD_LABEL else 40 + 80 * label
        noise = np.random.default_rng(number).integers(-8, 9, self._size)
        document = LabelledDocument(Path(f"{label}-{number}.png"), label)
        return Page(np.clip(shade + noise, 0, 255).astype(np.uint8), document)


def as_input(page: Page) -> NDArray[np.uint8]:
    """Return a grey page as a model takes it, shape (1, height, width, 3)."""
    return np.repeat(page.pixels[None, :, :, None], 3, axis=3)

"""Preprocessing of pages for a model, the same in training and serving."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from decoding.grey import to_grey, to_rgb

MAX_DECODE_SIDE: Final = 2048
"""Largest `decode_side`: a page of a scan at 200 dpi is decoded at its full size."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The input of a model version.

    A page is resized to the input's width and height without keeping its aspect ratio. On unseen sources, this was
    better than letterboxing by up to six points. Normalization is part of the model's graph.
    """

    width: int
    """Width of the model's input in pixels."""
    height: int
    """Height of the model's input in pixels."""
    color: Literal["rgb", "grey"]
    """`grey` removes the colour of paper and ink; the input then has three equal channels."""
    decode_side: int = 0
    """Minimum length of the shorter side of a decoded page, if it is more than the input needs. Versions with the same
    `min_side` get the same page, turned and cropped alike, and share its decoding in one process."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"input size {self.width} by {self.height} must be positive")
        if self.color not in ("rgb", "grey"):
            raise ValueError(f"input color {self.color!r} must be 'rgb' or 'grey'")
        if not 0 <= self.decode_side <= MAX_DECODE_SIDE:
            raise ValueError(f"decode_side {self.decode_side} must be from 0 to {MAX_DECODE_SIDE}")

    @property
    def min_side(self) -> int:
        """Minimum length of the shorter side of a decoded page: 1.5 times the longer side of the input, or more.

        Decoding at the input's size and resampling then would alias small print: on a 300-dpi page of text, the pixels
        differed from those of an unscaled decoding by 5 grey levels on average. At 1.5 times the size, they differ by
        1 level for 4 ms more, and JPEG, PNG and PDF files of one page yield similar pixels.
        """
        return max(max(self.width, self.height) * 3 // 2, self.decode_side)

    def apply(self, page: Image.Image) -> NDArray[np.uint8]:
        """Resize and convert a page to the model's input.

        Args:
            page: A page of any size, in RGB, YCbCr or grey.

        Returns:
            uint8 of shape (height, width, 3), values 0 to 255, channels in the order R, G, B.
        """
        if self.color == "grey":
            page = to_grey(page)
        # When reducing, Pillow widens the bilinear kernel, which antialiases like an area average.
        page = page.resize((self.width, self.height), Image.Resampling.BILINEAR)
        if page.mode == "L":
            return np.repeat(np.asarray(page)[:, :, np.newaxis], 3, axis=2)
        return np.asarray(to_rgb(page))

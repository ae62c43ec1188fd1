"""From a page to the pixels that a model takes. Training calls exactly this, too."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The input of a model version.

    The page is squashed into the model's frame, not letterboxed: on unseen sources that was better by
    up to six points. Means and deviations are folded into the model's graph, not applied here.
    """

    width: int
    """Columns of the model's input."""
    height: int
    """Rows of the model's input."""
    color: Literal["rgb", "grey"]
    """`grey` drops the colour of paper and ink; the input keeps three (equal) channels."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"input size {self.width} by {self.height} is not positive")
        if self.color not in ("rgb", "grey"):
            raise ValueError(f"input color {self.color!r} is neither 'rgb' nor 'grey'")

    @property
    def min_side(self) -> int:
        """What to ask of `decoding.decode`: half as many pixels again as the input, whichever way it lies.

        Shrinking to just the input's size first and resampling then aliases small print: on a 300-dpi
        page of text the pixels were 5 grey levels off those of an unscaled decoding on average. Half as
        many again leave 1 level for 4 ms more, and keep a JPEG, a PNG and a PDF of one page alike.
        """
        return max(self.width, self.height) * 3 // 2

    def apply(self, page: Image.Image) -> NDArray[np.uint8]:
        """Bring a page to the model's input.

        Args:
            page: An RGB page of any size.

        Returns:
            uint8 of shape (height, width, 3), values 0 to 255, channels in the order R, G, B.
        """
        if self.color == "grey":
            page = page.convert("L")
        # Pillow widens the bilinear kernel when it shrinks: antialiased, like an area average.
        pixels = np.asarray(page.resize((self.width, self.height), Image.Resampling.BILINEAR))
        if self.color == "grey":
            pixels = np.repeat(pixels[:, :, np.newaxis], 3, axis=2)
        return pixels

"""What the small network lets pass: upright pages, which it should, and turned ones, which it should not."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decoding.orientation import QUARTER
from model_service.orientation import CERTAINLY_UPRIGHT, TURNS, orbit
from tools.upright.pages import Scores, UprightPage

THRESHOLDS: Final = (0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


def passed(scores: Scores, pages: Sequence[UprightPage]) -> NDArray[np.float64]:
    """Return the probability that the network has for "upright" for each page and turn, shape (pages, 4)."""
    return np.stack([scores(orbit(page.view))[:, 0] for page in pages])


def table(upright: NDArray[np.float64]) -> list[str]:
    """Return the lines of a Markdown table: by threshold, the share of pages that pass, for each rotation.

    Args:
        upright: As `passed` returns it.
    """
    angles = [f"{turn * QUARTER}°" for turn in range(TURNS)]
    lines = [f"| threshold | {' | '.join(angles)} |", "|---" * (TURNS + 1) + "|"]
    for threshold in sorted({*THRESHOLDS, CERTAINLY_UPRIGHT}):
        shares = (upright > threshold).mean(axis=0)
        lines.append(f"| {threshold} | {' | '.join(f'{share:.2%}' for share in shares)} |")
    return lines

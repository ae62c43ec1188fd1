"""Recognition of pages that lie on their side or upside down.

    views of all pages ──► screen: one pass of the small network ──► certainly upright: the page stays as it is
                              │
                              └── unsure: one pass of the orientation network
                                     │
                                     ├──► upright, or too uncertain: the page stays as it is
                                     │
                                     └── turned: one pass for each of the other three orientations of the view;
                                         the page is turned if all four agree with enough confidence

So most upright pages, which are the usual case, cost one pass of the small network, and the others one of each. The
further passes prevent that a page is turned by mistake: orientation_network/README.md has the figures.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray

from decoding.batch import PageBatch
from decoding.orientation import QUARTER, VIEW_SIDE
from model_service.errors import ModelLoadError
from model_service.inference import Inference, compile_graph, openvino_core

_FOLDER: Final = Path(__file__).parent / "orientation_network"
GRAPH: Final = _FOLDER / "graph.xml"
"""The orientation network: from views, uint8 of shape (views, side, side), to probabilities of shape (views, 4). Class
k is the probability that the page is turned clockwise by k quarter turns."""
SCREEN_GRAPH: Final = _FOLDER / "upright.xml"
"""The small network that recognises upright pages, in int8, with the same input and output."""
CERTAINLY_UPRIGHT: Final = 0.93
"""Probability of the small network above which a page is upright without a look of the other one."""
MIN_CONFIDENCE: Final = 0.7
"""Mean probability of a turn over the four orientations of a view, from which on the page is turned."""
TURNS: Final = 4
"""Orientations of a page."""


class Orienter(Protocol):
    """A function like `OrientationNetwork.corrections`."""

    def __call__(self, views: NDArray[np.uint8], *, alone: bool = False) -> Sequence[int]:
        """Return by how many degrees clockwise each page must be turned to be upright."""
        ...


class Screen(Protocol):
    """A function like `UprightScreen.certainly_upright`."""

    def __call__(self, views: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.bool_]:
        """Return for each page whether it is certainly upright."""
        ...


def corrections_of(batch: PageBatch, orient: Orienter | None, *, alone: bool = False) -> list[int]:
    """Return by how many degrees clockwise each page of a document must be turned to be upright.

    Args:
        batch: The document, of whose pages some may be known to be upright.
        orient: Recognises the others; if None, they stay as they are.
        alone: Whether this is the only document at the moment.
    """
    return _corrections_of_rest(batch.views, batch.known_upright, orient, alone=alone)


def _corrections_of_rest(
    views: NDArray[np.uint8], upright: Sequence[bool], orient: Orienter | None, *, alone: bool
) -> list[int]:
    """Return the corrections of all pages: those that are upright have none, and only the others are shown."""
    corrections = [0] * len(views)
    rest = [index for index, known in enumerate(upright) if not known]
    if orient and rest:
        for index, degrees in zip(rest, orient(views[rest], alone=alone), strict=True):
            corrections[index] = degrees
    return corrections


class ScreenedOrienter:
    """Shows pages to an orienter only if they are not certainly upright.

    Args:
        screen: Recognises pages that are certainly upright.
        orient: Recognises how the other pages lie.
    """

    def __init__(self, screen: Screen, orient: Orienter) -> None:
        self._screen: Final = screen
        self._orient: Final = orient

    def corrections(self, views: NDArray[np.uint8], *, alone: bool = False) -> list[int]:
        """Return by how many degrees clockwise each page must be turned to be upright.

        Args:
            views: The views of the pages, as `orientation_view` makes them.
            alone: Whether this is the only call at the moment, so that it can use all CPUs. The result is the same.
        """
        return _corrections_of_rest(views, self._screen(views, alone=alone).tolist(), self._orient, alone=alone)


def load_orienter(*, concurrency: int = 1) -> Orienter:
    """Return the orienter of the service: both networks, compiled. It is safe to call from several threads at once.

    Args:
        concurrency: Calls that run at the same time, each on one CPU. Further calls wait. A call that is alone can use
            this many CPUs.

    Raises:
        ModelLoadError: If a network cannot be compiled.
    """
    screen = UprightScreen(concurrency=concurrency)
    network = OrientationNetwork(concurrency=concurrency)
    return ScreenedOrienter(screen.certainly_upright, network.corrections).corrections


class UprightScreen:
    """The small network, compiled; safe to call from several threads at once.

    Args:
        concurrency: As in `load_orienter`.

    Raises:
        ModelLoadError: If the network cannot be compiled.
    """

    def __init__(self, *, concurrency: int = 1) -> None:
        self._inference: Final = _compiled(SCREEN_GRAPH, concurrency)

    def certainly_upright(self, views: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.bool_]:
        """Return for each view whether its page is certainly upright; the arguments are those of `Orienter`."""
        certain: NDArray[np.bool_] = self.probabilities(views, alone=alone) > CERTAINLY_UPRIGHT
        return certain

    def probabilities(self, views: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.float64]:
        """Return the probability that the page of each view is upright, shape (views,)."""
        return self._inference.infer_all(views, alone=alone)[0][:, 0]


class OrientationNetwork:
    """The orientation network, compiled; safe to call from several threads at once.

    Args:
        concurrency: As in `load_orienter`.

    Raises:
        ModelLoadError: If the network cannot be compiled.
    """

    def __init__(self, *, concurrency: int = 1) -> None:
        self._inference: Final = _compiled(GRAPH, concurrency)

    def corrections(self, views: NDArray[np.uint8], *, alone: bool = False) -> list[int]:
        """Return by how many degrees clockwise each page must be turned to be upright.

        Args:
            views: The views of the pages, as `orientation_view` makes them.
            alone: Whether this is the only call at the moment, so that it can use all CPUs. The result is the same.
        """
        turns = self.probabilities(views, alone=alone).argmax(axis=1)
        return [
            self._correction(view, int(turn), alone=alone) if turn else 0
            for view, turn in zip(views, turns, strict=True)
        ]

    def _correction(self, view: NDArray[np.uint8], turn: int, *, alone: bool) -> int:
        """Return the correction of a page that seems to be turned, or 0 if its other orientations contradict."""
        confidence = agreement(self.probabilities(orbit(view), alone=alone))[turn]
        return (TURNS - turn) * QUARTER if confidence >= MIN_CONFIDENCE else 0

    def probabilities(self, views: NDArray[np.uint8], *, alone: bool = False) -> NDArray[np.float64]:
        """Return the probabilities that each view is turned clockwise by 0 to 3 quarter turns, shape (views, 4)."""
        return self._inference.infer_all(views, alone=alone)[0]


def orbit(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the views of a page that is turned clockwise by 0 to 3 quarter turns, shape (4, side, side)."""
    return np.stack([np.rot90(view, -turn) for turn in range(TURNS)])


def agreement(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean probability of each turn of a view over its four orientations, shape (4,).

    Args:
        probabilities: Those of the views in its `orbit`, shape (4, 4).
    """
    aligned = [np.roll(row, -turn) for turn, row in enumerate(probabilities)]
    mean: NDArray[np.float64] = np.mean(aligned, axis=0)
    return mean


def _compiled(graph: Path, concurrency: int) -> Inference:
    try:
        inference = Inference(partial(compile_graph, openvino_core().read_model(graph), ov.Type.f32), concurrency)
        inference.warm_up(np.full((1, VIEW_SIDE, VIEW_SIDE), 255, np.uint8))
    except RuntimeError as error:
        raise ModelLoadError(f"a network that recognises orientations cannot run: {error}") from error
    return inference

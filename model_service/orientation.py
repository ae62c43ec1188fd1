"""Recognition of pages that lie on their side or upside down.

    views of all pages ──► one pass ──► upright, or too uncertain: the page stays as it is
                              │
                              └── turned: one pass for each of the other three orientations of the view;
                                  the page is turned if all four agree with enough confidence

So an upright page, which is the usual case, costs one pass. The further passes prevent that it is turned by mistake:
orientation_network/README.md has the figures.
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

GRAPH: Final = Path(__file__).parent / "orientation_network" / "graph.xml"
"""The network: from views, uint8 of shape (views, side, side), to probabilities of shape (views, 4). Class k is the
probability that the page is turned clockwise by k quarter turns."""
MIN_CONFIDENCE: Final = 0.7
"""Mean probability of a turn over the four orientations of a view, from which on the page is turned."""
_TURNS: Final = 4


class Orienter(Protocol):
    """A function like `OrientationNetwork.corrections`."""

    def __call__(self, views: NDArray[np.uint8], *, alone: bool = False) -> Sequence[int]:
        """Return by how many degrees clockwise each page must be turned to be upright."""
        ...


def corrections_of(batch: PageBatch, orient: Orienter | None, *, alone: bool = False) -> list[int]:
    """Return by how many degrees clockwise each page of a document must be turned to be upright.

    Args:
        batch: The document, of whose pages some may be known to be upright.
        orient: Recognises the others; if None, they stay as they are.
        alone: Whether this is the only document at the moment.
    """
    corrections = [0] * len(batch.views)
    unknown = [index for index, upright in enumerate(batch.known_upright) if not upright]
    if orient and unknown:
        for index, degrees in zip(unknown, orient(batch.views[unknown], alone=alone), strict=True):
            corrections[index] = degrees
    return corrections


class OrientationNetwork:
    """The compiled network; safe to call from several threads at once.

    Args:
        concurrency: Calls that run at the same time, each on one CPU. Further calls wait. A call that is alone can use
            this many CPUs.

    Raises:
        ModelLoadError: If the network cannot be compiled.
    """

    def __init__(self, *, concurrency: int = 1) -> None:
        try:
            graph = openvino_core().read_model(GRAPH)
            self._inference: Final = Inference(partial(compile_graph, graph, ov.Type.f32), concurrency)
            self._inference.warm_up(np.full((1, VIEW_SIDE, VIEW_SIDE), 255, np.uint8))
        except RuntimeError as error:
            raise ModelLoadError(f"the network that recognises orientations cannot run: {error}") from error

    def corrections(self, views: NDArray[np.uint8], *, alone: bool = False) -> list[int]:
        """Return by how many degrees clockwise each page must be turned to be upright.

        Args:
            views: The views of the pages, as `orientation_view` makes them.
            alone: Whether this is the only call at the moment, so that it can use all CPUs. The result is the same.
        """
        turns = self._probabilities(views, alone=alone).argmax(axis=1)
        return [
            self._correction(view, int(turn), alone=alone) if turn else 0
            for view, turn in zip(views, turns, strict=True)
        ]

    def _correction(self, view: NDArray[np.uint8], turn: int, *, alone: bool) -> int:
        """Return the correction of a page that seems to be turned, or 0 if its other orientations contradict."""
        orbit = np.stack([np.rot90(view, -further) for further in range(_TURNS)])
        probabilities = self._probabilities(orbit, alone=alone)
        expected = (turn + np.arange(_TURNS)) % _TURNS
        confidence = probabilities[np.arange(_TURNS), expected].mean()
        return (_TURNS - turn) * QUARTER if confidence >= MIN_CONFIDENCE else 0

    def _probabilities(self, views: NDArray[np.uint8], *, alone: bool) -> NDArray[np.float64]:
        return self._inference.infer_all(views, alone=alone)[0]

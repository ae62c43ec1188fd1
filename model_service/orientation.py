"""Recognition of pages that lie on their side or upside down.

    views of all pages ──► one pass ──► upright, or too uncertain: the page stays as it is
                              │
                              └── turned: one pass for each of the other three orientations of the view;
                                  the page is turned if all four agree with enough confidence

So an upright page, which is the usual case, costs one pass. The further passes prevent that it is turned by mistake:
orientation_network/README.md has the figures.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov  # type: ignore[import-untyped]
from numpy.typing import NDArray

from decoding.orientation import QUARTER, VIEW_SIDE
from model_service.engine import RequestPool, compile_graph, openvino_core
from model_service.errors import ModelLoadError

GRAPH: Final = Path(__file__).parent / "orientation_network" / "graph.xml"
"""The network: from views, uint8 of shape (views, side, side), to probabilities of shape (views, 4). Class k is the
probability that the page is turned clockwise by k quarter turns."""
MIN_CONFIDENCE: Final = 0.7
"""Mean probability of a turn over the four orientations of a view, from which on the page is turned."""
_TURNS: Final = 4

Orienter = Callable[[NDArray[np.uint8]], Sequence[int]]
"""A function like `OrientationNetwork.corrections`."""


class OrientationNetwork:
    """The compiled network; safe to call from several threads at once.

    Args:
        concurrency: Calls that run at the same time, each on one CPU. Further calls wait.

    Raises:
        ModelLoadError: If the network cannot be compiled.
    """

    def __init__(self, *, concurrency: int = 1) -> None:
        try:
            graph = openvino_core().read_model(GRAPH)
            compiled = compile_graph(graph, ov.Type.f32, streams=concurrency, threads=concurrency)
            self._requests: Final = RequestPool(compiled.create_infer_request() for _ in range(concurrency))
            for _ in range(concurrency):  # the first run compiles kernels
                self._requests.infer(np.full((1, VIEW_SIDE, VIEW_SIDE), 255, np.uint8))
        except RuntimeError as error:
            raise ModelLoadError(f"the network that recognises orientations cannot run: {error}") from error

    def corrections(self, views: NDArray[np.uint8]) -> list[int]:
        """Return by how many degrees clockwise each page must be turned to be upright.

        Args:
            views: The views of the pages, as `orientation_view` makes them.
        """
        turns = self._requests.infer(views).argmax(axis=1)
        return [self._correction(view, int(turn)) if turn else 0 for view, turn in zip(views, turns, strict=True)]

    def _correction(self, view: NDArray[np.uint8], turn: int) -> int:
        """Return the correction of a page that seems to be turned, or 0 if its other orientations contradict."""
        orbit = np.stack([np.rot90(view, -further) for further in range(_TURNS)])
        probabilities = self._requests.infer(orbit)
        expected = (turn + np.arange(_TURNS)) % _TURNS
        confidence = probabilities[np.arange(_TURNS), expected].mean()
        return (_TURNS - turn) * QUARTER if confidence >= MIN_CONFIDENCE else 0

"""In which numbers a version is served: f32, bf16 or int8, compared on pages that it had not learnt from.

bf16 halves what is read of memory where the processor has instructions for it (AMX), and is emulated slowly elsewhere.
int8 is quantised once, after training, by NNCF: scales are measured on pages that were learnt from, and stand in the
file, so that no host chooses for itself.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import openvino  # type: ignore[import-untyped]
from numpy.typing import NDArray

from training.export import compiled, infer, save
from training.metrics import Labels
from training.recipe import Precision

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CALIBRATION_PAGES = 300


@dataclass(frozen=True)
class Row:
    """One precision of one network.

    Attributes:
        accuracy: Share of right labels, of `pages` pages that the network had not learnt from.
        changed: Pages with another label than in f32.
        ms: Median CPU milliseconds of one page on one thread, decoding not included.
        pages: How many were asked.
    """

    accuracy: float
    changed: int
    ms: float
    pages: int


def quantise(folder: Path, pixels: NDArray[np.uint8], out: Path) -> None:
    """Write an int8 version of an exported graph.

    Args:
        folder: Holds `model.xml` and `model.bin` in floats.
        pixels: Some hundred pages as they are served, shape (pages, height, width, 3), to measure scales on.
        out: Folder to write the same two files into.
    """
    os.environ.setdefault("NNCF_CI", "1")  # the library then keeps its usage statistics to itself
    import nncf  # type: ignore[import-untyped]

    graph = openvino.Core().read_model(folder / "model.xml")
    pages = nncf.Dataset([page[None] for page in pixels])
    quantised = nncf.quantize(graph, pages, subset_size=len(pixels), preset=nncf.QuantizationPreset.MIXED)
    save(quantised, out)


def milliseconds(folder: Path, pixels: NDArray[np.uint8], precision: Precision) -> float:
    """Return the median CPU time of one page: unlike the clock's, it does not grow with what else the machine does."""
    model = compiled(folder, precision)
    times = []
    for number in range(30):
        page = pixels[number % len(pixels)][None]
        start = time.process_time()
        model(page)
        times.append(time.process_time() - start)
    return float(np.median(times[5:])) * 1000


def compare(folders: Mapping[Precision, Path], pixels: NDArray[np.uint8], truth: Labels) -> dict[Precision, Row]:
    """Measure a network in every precision on pages that it had not learnt from."""
    said = {precision: infer(folder, pixels, precision).argmax(axis=1) for precision, folder in folders.items()}
    return {
        precision: Row(
            accuracy=float((said[precision] == truth).mean()),
            changed=int((said[precision] != said["f32"]).sum()),
            ms=milliseconds(folder, pixels, precision),
            pages=len(pixels),
        )
        for precision, folder in folders.items()
    }


def together(tables: Sequence[Mapping[Precision, Row]]) -> dict[Precision, Row]:
    """Return one table of several folds': shares weighted by pages, the mean of times."""
    joined: dict[Precision, Row] = {}
    for precision in PRECISIONS:
        rows = [table[precision] for table in tables if precision in table]
        if rows:
            pages = sum(row.pages for row in rows)
            joined[precision] = Row(
                accuracy=sum(row.accuracy * row.pages for row in rows) / pages,
                changed=sum(row.changed for row in rows),
                ms=float(np.mean([row.ms for row in rows])),
                pages=pages,
            )
    return joined

"""Savings of one decoding for all versions: `python -m benchmarks.hosting.shared_decoding --documents 100`.

Each version decodes at the size that its input needs (`Preprocessing.min_side`). One decoding at the largest of these
sizes could serve all versions. The command prints the CPU time of both, and how many predictions would change, because
the pixels of the smaller inputs would not be the same.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.table import Table

from benchmarks.hosting.documents import draw_documents
from decoding.batch import decode_batch
from decoding.errors import DocumentError
from decoding.grey import to_grey
from decoding.limits import Limits
from decoding.orientation import orientation_view, turn_pages
from decoding.page_edges import crop_to_page
from decoding.preprocessing import Preprocessing
from decoding.reader import decode_unconverted
from model_service.engine import load_model
from model_service.orientation import OrientationNetwork, Orienter
from testkit.reports import report_console
from testkit.template import ROOT

VERSIONS: Final = ("v1", "v2", "v3")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass
class Totals:
    """CPU times and changed predictions, over all documents.

    Attributes:
        separate_s: CPU seconds of a decoding and a recognition of orientations for each version.
        shared_s: CPU seconds of one of both for all versions.
        infer_s: CPU seconds of the three networks, which sharing does not change.
        documents: Number of readable documents.
        labels: Number of labels that change, by version.
        shifts: Largest change of a probability in each document, by version.
    """

    separate_s: float = 0.0
    shared_s: float = 0.0
    infer_s: float = 0.0
    documents: int = 0
    labels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERSIONS, 0))
    shifts: dict[str, list[float]] = field(default_factory=lambda: {version: [] for version in VERSIONS})


def measure(documents: Sequence[bytes]) -> Totals:
    """Classify documents both ways, in this process."""
    models = {version: load_model(ROOT / "models" / version) for version in VERSIONS}
    orient = OrientationNetwork().corrections
    inputs = [models[version].manifest.input for version in VERSIONS]
    side = max(each.min_side for each in inputs)
    totals = Totals()
    for data in documents:
        try:
            before = [_timed(_decode_for_one, data, each, orient) for each in inputs]
            after, shared_s = _timed(_decode_for_all, data, inputs, side, orient)
        except DocumentError:
            continue
        totals.documents += 1
        totals.separate_s += sum(seconds for _, seconds in before)
        totals.shared_s += shared_s
        for version, (separate, _), shared in zip(VERSIONS, before, after, strict=True):
            scores, seconds = _timed(models[version].assess, separate)
            changed = models[version].assess(shared).probabilities
            totals.infer_s += seconds
            totals.labels[version] += int(scores.probabilities.argmax() != changed.argmax())
            totals.shifts[version].append(float(np.abs(scores.probabilities - changed).max()))
    return totals


def _decode_for_one(data: bytes, each: Preprocessing, orient: Orienter) -> NDArray[np.uint8]:
    """Return the pixels of upright pages for an input, decoded for it like in the service."""
    batch = decode_batch(data, each, Limits())
    return turn_pages(batch.pixels, orient(batch.views))


def _decode_for_all(
    data: bytes, inputs: Sequence[Preprocessing], min_side: int, orient: Orienter
) -> list[NDArray[np.uint8]]:
    """Return the pixels of upright pages for each input, from one decoding."""
    pages = [_cropped(page) for page in decode_unconverted(data, min_side=min_side, limits=Limits()).pages]
    turns = orient(np.stack([orientation_view(to_grey(page)) for page in pages]))
    return [turn_pages(np.stack([each.apply(page) for page in pages]), turns) for each in inputs]


def _cropped(page: Image.Image) -> Image.Image:
    crop = crop_to_page(page, to_grey(page))
    return page if crop is None else crop


def _timed(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> tuple[Result, float]:
    started = time.process_time()
    return work(*args, **kwargs), time.process_time() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100, help="number of documents")
    totals = measure(list(draw_documents(parser.parse_args().documents).values()))
    milliseconds = {
        "decoding and orientation, for each version": totals.separate_s,
        "decoding and orientation, once": totals.shared_s,
        "networks": totals.infer_s,
    }
    table = Table("CPU time per document", "ms", title=f"{totals.documents} documents")
    for name, seconds in milliseconds.items():
        table.add_row(name, f"{1000 * seconds / totals.documents:.1f}")
    changes = Table("version", "labels that change", "median change of a probability", "largest")
    for version, shifts in totals.shifts.items():
        changes.add_row(version, str(totals.labels[version]), f"{np.median(shifts):.4f}", f"{max(shifts):.3f}")
    console = report_console()
    console.print(table)
    console.print(changes)


if __name__ == "__main__":
    main()

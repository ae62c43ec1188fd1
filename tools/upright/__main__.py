"""Train the small network that recognises upright pages: `python -m tools.upright FOLDER`.

FOLDER is an ImageFolder of documents that lie upright, like those of a training (`training.data`); the orientation
network recognises documents that do not, which are left out. The labels are the four orientations of each page. The
network is trained from scratch, on one thread, in about twenty minutes, and quantised to int8.

To measure it on pages that it has not seen, train another one without some sources. This writes no network:

    python -m tools.upright FOLDER --held-out SOURCE SOURCE …
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from model_service.orientation import SCREEN_GRAPH, OrientationNetwork
from tools.upright.figures import passed, table
from tools.upright.network import UprightNetwork, export, train
from tools.upright.pages import load_upright_pages
from training.data import DataError, LabelledDocument, list_documents

STEPS = 3000


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a network, and write it into the model service or measure it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", type=Path, help="a folder with a folder of upright documents for each label")
    parser.add_argument("--held-out", nargs="+", metavar="SOURCE", default=[], help="sources or families to measure on")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of the training (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=SCREEN_GRAPH, help="the file to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.steps < 1:
        parser.error("--steps must be at least 1")
    if options.out.suffix != ".xml" or not options.out.parent.is_dir():
        parser.error(f"--out must be an .xml file in an existing folder, not {options.out}")
    torch.set_num_threads(1)
    try:
        _run(options.folder, set(options.held_out), options.steps, options.out)
    except DataError as error:
        sys.exit(f"error: {error}")


def _run(folder: Path, held_out: set[str], steps: int, out: Path) -> None:
    training, measured = split(list_documents(folder).documents, held_out)
    orientation = OrientationNetwork().probabilities
    pages, skipped = load_upright_pages(training, orientation)
    others, skipped_others = load_upright_pages(measured, orientation) if measured else ([], [])
    for message in skipped + skipped_others:
        print("skipped", message, file=sys.stderr)
    print(f"{len(pages)} pages to train with, {len(others)} to measure", flush=True)
    network = train(pages, steps, _Progress(steps))
    if others:
        print("\n".join(table(passed(_scores(network), others))))
    else:
        export(network, pages, out)
        print(f"wrote {out}")


def split(
    documents: Sequence[LabelledDocument], held_out: set[str]
) -> tuple[list[LabelledDocument], list[LabelledDocument]]:
    """Return the documents to train with, and those of sources or families that are held out.

    Raises:
        DataError: A source has no documents, or none is left.
    """
    if unknown := held_out - {name for document in documents for name in (document.source, document.family)}:
        raise DataError(f"no document has the source or family {', '.join(sorted(unknown))}")
    measured = [document for document in documents if held_out & {document.source, document.family}]
    training = [document for document in documents if not held_out & {document.source, document.family}]
    if not training:
        raise DataError("every document is held out: there is none to train with")
    return training, measured


@torch.no_grad()
def _score(network: UprightNetwork, views: NDArray[np.uint8]) -> NDArray[np.float64]:
    probabilities: NDArray[np.float64] = network(torch.from_numpy(views.copy())).double().numpy()
    return probabilities


def _scores(network: UprightNetwork) -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    return lambda views: _score(network, views)


class _Progress:
    """Prints the mean loss of each hundred steps."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._losses: list[float] = []
        self._started = time.monotonic()

    def __call__(self, step: int, loss: float) -> None:
        self._losses.append(loss)
        if step % 100 == 0 or step == self._steps:
            seconds = time.monotonic() - self._started
            print(f"step {step} of {self._steps}, {seconds:.0f} s: loss {np.mean(self._losses):.4f}", flush=True)
            self._losses.clear()


if __name__ == "__main__":
    main()

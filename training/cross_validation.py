"""What a version says of pages that it did not learn from: folds by source, or a share kept aside."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from training import soup
from training.data import DataError, Document, Page, folds, split
from training.export import as_served, export_openvino, infer
from training.metrics import Labels, measure, softmax
from training.network import preprocessing_of
from training.precision import CALIBRATION_PAGES, PRECISIONS, Row, compare, quantise, together
from training.recipe import Precision, Recipe
from training.train import Fit, Resources, Teacher, fit

FINAL = "final"
"""Name of the fit to everything, whose network is kept; those that are measured are `fold-1`, `fold-2` …"""
HOLDOUT = "holdout"
"""Name of the fit that is both measured and kept, where a share is kept aside."""
_SPLIT_SEED = 0
"""One for all versions, so that what one keeps aside no other has learnt from: not a teacher, and none in the vote."""
COMPARED = 100, 400
"""Precisions are compared on at least so many held-out pages, for fewer say nothing, and on at most so many."""


class BrokenOff(Exception):
    """A person ended a training before there was a version that its measurements would be true of."""


@dataclass(frozen=True)
class Held:
    """Answers about pages that the answering network had not learnt from.

    Attributes:
        logits: Shape (pages, classes).
        pages: The pages, in the same order.
        learnt: The pages that the network which is kept has learnt from.
        protocol: A sentence on what was held out.
        precisions: What f32, bf16 and int8 give on some of them; empty where they are too few.
    """

    logits: NDArray[np.float32]
    pages: tuple[Page, ...]
    learnt: tuple[Page, ...]
    protocol: str
    precisions: Mapping[Precision, Row]

    @property
    def truth(self) -> Labels:
        """The right label of each page."""
        return np.array([page.document.label for page in self.pages], dtype=np.int64)


Teach = Callable[[str, Sequence[Page]], Teacher]


@dataclass(frozen=True)
class Job:
    """What every fit of one training shares; `teach` gives the teacher of a fit, by its name and its pages."""

    recipe: Recipe
    labels: tuple[str, ...]
    runs: Path
    resources: Resources
    teach: Teach | None
    console: Console
    notes: str = ""

    def fit(self, name: str, learn: Sequence[Page], aside: Sequence[Page]) -> Fit:
        """Fit one network, or a soup of several; the first one's checkpoint has that name."""
        fits: list[Fit] = []
        count = self.recipe.schedule.ingredients
        teacher = self.teach(name, learn) if self.teach else None
        for number in range(count):
            if count > 1:
                self.console.print(f"network {number + 1} of {count}, to be averaged")
            fits.append(
                fit(
                    soup.ingredient(self.recipe, number),
                    self.labels,
                    learn,
                    aside,
                    soup.file_of(self.runs / f"{name}.pt", number),
                    head_seed=self.recipe.seed,
                    resources=self.resources,
                    teacher=teacher,
                    console=self.console,
                )
            )
            if fits[-1].interrupted:
                break
        return soup.blend(fits)


def fit_and_measure(
    job: Job, pages: Sequence[Page], drawn: Sequence[Page], drawable: frozenset[int]
) -> tuple[Fit, Held]:
    """Fit the network that is kept, and gather answers about pages that were not learnt from.

    Raises:
        BrokenOff: By Ctrl-C, unless there is a best epoch that was measured on pages kept aside.
    """
    documents = list({page.document: None for page in pages})
    dealt = _deal(job, documents, drawable)
    if not dealt:
        learn, aside, protocol = split(documents, job.recipe.validation.holdout, _SPLIT_SEED)
        learn_pages, aside_pages = _pages_of(pages, learn), _pages_of(pages, aside)
        fitted = job.fit(HOLDOUT, [*learn_pages, *drawn], aside_pages)
        if fitted.interrupted and not fitted.history:
            raise BrokenOff("stopped before the first epoch ended: there is nothing to keep yet")
        said, table = _ask(job, fitted, learn_pages, aside_pages)
        return fitted, Held(said, tuple(aside_pages), tuple(learn_pages), protocol, table)
    answers: list[NDArray[np.float32]] = []
    tables: list[Mapping[Precision, Row]] = []
    asked: list[Page] = []
    for number, sources in enumerate(dealt, start=1):
        job.console.print(f"fold {number} of {len(dealt)}: never sees {', '.join(sorted(sources))}")
        learn_pages = [page for page in pages if page.document.source not in sources]
        aside_pages = [page for page in pages if page.document.source in sources]
        # No epoch is chosen by the pages that are measured: nothing is kept aside while fitting.
        fitted = job.fit(f"fold-{number}", [*learn_pages, *drawn], [])
        _not_broken_off(fitted, job)
        said, table = _ask(job, fitted, learn_pages, aside_pages)
        answers.append(said)
        tables.append(table)
        asked += aside_pages
        _report(job, f"fold {number}", answers[-1], aside_pages)
    job.console.print("every source has been measured; now learning from all of them")
    fitted = job.fit(FINAL, [*pages, *drawn], [])
    _not_broken_off(fitted, job)
    protocol = (
        f"{len(dealt)}-fold cross-validation by source: each page judged by a network that saw no page of its source, "
        "so that a label of one source was known to it from drawn pages only"
    )
    return fitted, Held(np.concatenate(answers), tuple(asked), tuple(pages), protocol, together(tables))


def _not_broken_off(fitted: Fit, job: Job) -> None:
    """Half a cross-validation measures nothing, and the folds' figures are not those of a half-trained network."""
    if fitted.interrupted:
        raise BrokenOff(
            f"stopped: no version was written. What has been learnt is in {job.runs}; the same command goes on from it"
        )


def _deal(job: Job, documents: Sequence[Document], drawable: frozenset[int]) -> list[frozenset[str]]:
    """Return the folds that the recipe asks for, or none where the documents' sources do not allow them."""
    count = job.recipe.validation.folds
    if not count:
        return []
    try:
        return folds(documents, count, drawable)
    except DataError as problem:
        job.console.print(f"no cross-validation: {problem}; keeping {job.recipe.validation.holdout:.0%} aside instead")
        return []


def _pages_of(pages: Sequence[Page], documents: Sequence[Document]) -> list[Page]:
    wanted = set(documents)
    return [page for page in pages if page.document in wanted]


def _ask(
    job: Job, fitted: Fit, learnt: Sequence[Page], aside: Sequence[Page]
) -> tuple[NDArray[np.float32], Mapping[Precision, Row]]:
    """Return what a network says of pages it never saw, as it would be served; and what each precision makes of it."""
    recipe = job.recipe
    with tempfile.TemporaryDirectory() as scratch:
        made = {precision: Path(scratch) / precision for precision in PRECISIONS}
        for folder in made.values():
            folder.mkdir()
        export_openvino(as_served(fitted.graph), recipe.input.width, recipe.input.height, made["f32"])
        made["bf16"] = made["f32"]  # one file: a hint decides
        comparing = len(aside) >= COMPARED[0]
        if comparing or recipe.precision == "int8":
            quantise(made["f32"], pixels_of(recipe, learnt, CALIBRATION_PAGES), made["int8"])
        pixels = pixels_of(recipe, aside)
        said = infer(made[recipe.precision], pixels, recipe.precision)
        if not comparing:
            return said, {}
        some = slice(None, None, _step(len(aside), COMPARED[1]))
        truth = np.array([page.document.label for page in aside], dtype=np.int64)
        return said, compare(made, pixels[some], truth[some])


def pixels_of(recipe: Recipe, pages: Sequence[Page], most: int | None = None) -> NDArray[np.uint8]:
    """Return pages as they are served, shape (pages, height, width, 3); of more than `most` an even choice."""
    preprocessing = preprocessing_of(recipe)
    step = _step(len(pages), most) if most else 1
    return np.stack([preprocessing.apply(page.image()) for page in pages[::step]])


def _step(count: int, most: int) -> int:
    """Return how far apart an even choice of at most `most` out of `count` lies."""
    return -(-count // most)


def _report(job: Job, name: str, logits: NDArray[np.float32], pages: Sequence[Page]) -> None:
    truth = np.array([page.document.label for page in pages], dtype=np.int64)
    metrics = measure(softmax(logits), truth, job.labels)
    recalls = "  ".join(f"{label} {share:.2f}" for label, share in metrics.recall.items())
    job.console.print(f"{name}: accuracy {metrics.accuracy:.3f}  {recalls}")

"""Predictions for held-out pages: by cross-validation over families of sources, or on a held-out share."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from training import soup
from training.augmented_pages import Teacher
from training.data import DataError, LabelledDocument, Page
from training.export import as_served, export_openvino, infer, infer_with_norms
from training.forest import fit_forest
from training.linear_probe import fit_probe
from training.metrics import LabelIndices, classification_metrics, softmax
from training.network import preprocessing_of
from training.precision import (
    CALIBRATION_PAGES,
    PRECISIONS,
    PrecisionResult,
    compare_precisions,
    merge_precisions,
    quantise,
)
from training.recipe import RANDOM_FOREST, Precision, Recipe
from training.splits import assign_folds, assign_ood_folds, split_by_source
from training.train import FitResult, Resources, fit

FINAL = "final"
"""Name of the fit to all pages, whose model is released. The fits that are measured are `fold-1`, `fold-2` …"""
HOLDOUT = "holdout"
"""Name of the fit that is both measured and released, if a share is held out."""
_SPLIT_SEED = 0
"""The same for all versions, so that no teacher and no other version was trained on a version's validation set."""
MIN_COMPARED_PAGES = 100
"""Precisions are compared only if at least this many pages are held out; fewer show no difference reliably."""
MAX_COMPARED_PAGES = 400


class TrainingInterrupted(Exception):
    """Ctrl-C ended a training before there was a model that its measurements apply to."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions for pages that the predicting model was not trained on.

    Attributes:
        logits: Logits, shape (pages, classes).
        pages: The pages, in the same order.
        training_pages: The pages that the released model was trained on, without synthetic ones.
        protocol: A sentence that describes what was held out.
        precisions: Comparison of f32, bf16 and int8 on some of the pages; empty if there are too few.
        ood_logits: Logits of out-of-distribution pages of sources that the predicting model was not trained on.
        ood_pages: These pages, in the same order.
        norms: Norms of the features of `pages`, shape (pages,); None if they were not computed.
        ood_norms: Norms of the features of `ood_pages`.
    """

    logits: NDArray[np.float32]
    pages: tuple[Page, ...]
    training_pages: tuple[Page, ...]
    protocol: str
    precisions: Mapping[Precision, PrecisionResult]
    ood_logits: NDArray[np.float32] | None = None
    ood_pages: tuple[Page, ...] = ()
    norms: NDArray[np.float32] | None = None
    ood_norms: NDArray[np.float32] | None = None

    @property
    def truth(self) -> LabelIndices:
        """True label of each page."""
        return true_labels(self.pages)


TeacherFactory = Callable[[str, Sequence[Page]], Teacher]
"""Returns the teacher of a fit, by the name and the training set of the fit."""


@dataclass(frozen=True)
class VersionTraining:
    """What all fits of one version share.

    Attributes:
        recipe: Recipe of the version.
        labels: Names of the labels.
        runs: Folder of the checkpoints.
        resources: Threads and worker processes.
        teacher_of: Factory of the teacher of each fit; None without distillation.
        console: Console for progress.
        notes: Text of `notes.md`, for the model card.
    """

    recipe: Recipe
    labels: tuple[str, ...]
    runs: Path
    resources: Resources
    teacher_of: TeacherFactory | None
    console: Console
    notes: str = ""

    def fit(self, name: str, train: Sequence[Page], validation: Sequence[Page]) -> FitResult:
        """Train one network, a soup of several, a forest or a probe; `name` is the stem of the first checkpoint."""
        if not self.recipe.trains_in_epochs:
            return self._fit_at_once(name, train)
        fits: list[FitResult] = []
        size = self.recipe.schedule.soup_size
        teacher = self.teacher_of(name, train) if self.teacher_of else None
        for number in range(size):
            if size > 1:
                self.console.print(f"network {number + 1} of {size} of the model soup")
            fits.append(
                fit(
                    soup.member_recipe(self.recipe, number),
                    self.labels,
                    train,
                    validation,
                    soup.member_checkpoint(self.runs / f"{name}.pt", number),
                    head_seed=self.recipe.seed,
                    resources=self.resources,
                    teacher=teacher,
                    console=self.console,
                )
            )
            if fits[-1].interrupted:
                break
        return soup.average_fits(fits)

    def _fit_at_once(self, name: str, train: Sequence[Page]) -> FitResult:
        """Fit a forest or a linear probe, which have no checkpoints: Ctrl-C leaves nothing to resume."""
        is_forest = self.recipe.architecture == RANDOM_FOREST
        what = f"{self.recipe.forest.trees} trees" if is_forest else "a linear probe"
        self.console.print(f"{name}: {what} on {len(train)} pages")
        fit_model = fit_forest if is_forest else fit_probe
        try:
            model: nn.Module = fit_model(self.recipe, len(self.labels), train, threads=self.resources.threads)
        except KeyboardInterrupt:
            raise TrainingInterrupted("interrupted: no version was written") from None
        return FitResult(model, [], interrupted=False)


def fit_and_validate(
    training: VersionTraining,
    pages: Sequence[Page],
    synthetic: Sequence[Page],
    synthetic_labels: frozenset[int],
    ood: Sequence[Page] = (),
) -> tuple[FitResult, HeldOut]:
    """Train the released model, and collect predictions for held-out pages.

    Args:
        training: Settings of the version.
        pages: Pages of the labelled documents.
        synthetic: Synthetic pages, added to every training set.
        synthetic_labels: Labels that have synthetic pages.
        ood: Real out-of-distribution pages. Cross-validation holds out their sources in turn.

    Raises:
        TrainingInterrupted: Ctrl-C ended the training, and no epoch was measured on a validation set.
    """
    documents = list({page.document: None for page in pages})
    folds = _choose_folds(training, documents, synthetic_labels)
    if folds:
        return _cross_validate(training, pages, synthetic, folds, ood)
    return _hold_out(training, pages, [*synthetic, *ood], documents)


def _hold_out(
    training: VersionTraining, pages: Sequence[Page], synthetic: Sequence[Page], documents: Sequence[LabelledDocument]
) -> tuple[FitResult, HeldOut]:
    split = split_by_source(documents, training.recipe.validation.holdout, _SPLIT_SEED)
    train, validation = _pages_of(pages, split.train), _pages_of(pages, split.validation)
    fitted = training.fit(HOLDOUT, [*train, *synthetic], validation)
    if fitted.interrupted and not fitted.history:
        raise TrainingInterrupted("interrupted before the end of the first epoch: there is no model yet")
    scores, _, precisions = _predict(training.recipe, fitted, train, validation)
    return fitted, HeldOut(
        scores.logits, tuple(validation), tuple(train), split.protocol, precisions, norms=scores.norms
    )


def _cross_validate(
    training: VersionTraining,
    pages: Sequence[Page],
    synthetic: Sequence[Page],
    folds: Sequence[frozenset[str]],
    ood: Sequence[Page],
) -> tuple[FitResult, HeldOut]:
    scores: list[PageScores] = []
    ood_scores: list[PageScores] = []
    ood_measured: list[Page] = []
    ood_folds = assign_ood_folds([page.document for page in ood], len(folds))
    precisions: list[Mapping[Precision, PrecisionResult]] = []
    measured: list[Page] = []
    for number, (families, kinds) in enumerate(zip(folds, ood_folds, strict=True), start=1):
        training.console.print(f"fold {number} of {len(folds)}: holds out {', '.join(sorted(families))}")
        train = [page for page in pages if page.document.group not in families]
        held_out = [page for page in pages if page.document.group in families]
        ood_held_out = [page for page in ood if page.document.source in kinds]
        ood_train = [page for page in ood if page.document.source not in kinds]
        # The fit gets no validation set, so that the measured pages do not select an epoch.
        fitted = training.fit(f"fold-{number}", [*train, *synthetic, *ood_train], [])
        _raise_if_interrupted(training, fitted)
        fold_scores, fold_ood, fold_precisions = _predict(training.recipe, fitted, train, held_out, ood_held_out)
        scores.append(fold_scores)
        ood_scores.append(fold_ood)
        precisions.append(fold_precisions)
        measured += held_out
        ood_measured += ood_held_out
        _print_recall(training, f"fold {number}", fold_scores.logits, held_out)
    training.console.print("cross-validation finished; training on all sources")
    fitted = training.fit(FINAL, [*pages, *synthetic, *ood], [])
    _raise_if_interrupted(training, fitted)
    protocol = (
        f"{len(folds)}-fold cross-validation by family of sources: each page was classified by a network that was "
        "trained without its family; labels with a single family were then trained on synthetic pages only"
    )
    return fitted, HeldOut(
        np.concatenate([fold.logits for fold in scores]),
        tuple(measured),
        tuple(pages),
        protocol,
        merge_precisions(precisions),
        np.concatenate([fold.logits for fold in ood_scores]),
        tuple(ood_measured),
        _all_norms(scores),
        _all_norms(ood_scores),
    )


def _raise_if_interrupted(training: VersionTraining, fitted: FitResult) -> None:
    """Raise `TrainingInterrupted`: an unfinished cross-validation has no metrics that apply to the final model."""
    if fitted.interrupted:
        raise TrainingInterrupted(
            f"interrupted: no version was written. Checkpoints are in {training.runs}; run the same command to resume"
        )


def _choose_folds(
    training: VersionTraining, documents: Sequence[LabelledDocument], synthetic_labels: frozenset[int]
) -> list[frozenset[str]]:
    """Return the folds that the recipe requests; empty if it requests none or the sources do not allow them."""
    validation = training.recipe.validation
    if not validation.folds:
        return []
    try:
        return assign_folds(documents, validation.folds, synthetic_labels)
    except DataError as error:
        training.console.print(f"no cross-validation: {error}; holding out {validation.holdout:.0%} instead")
        return []


def _pages_of(pages: Sequence[Page], documents: Sequence[LabelledDocument]) -> list[Page]:
    wanted = set(documents)
    return [page for page in pages if page.document in wanted]


@dataclass(frozen=True)
class PageScores:
    """Logits of pages, shape (pages, classes), and norms of their features, shape (pages,).

    Only networks that are trained in epochs have norms.
    """

    logits: NDArray[np.float32]
    norms: NDArray[np.float32] | None


def _all_norms(folds: Sequence[PageScores]) -> NDArray[np.float32] | None:
    """Return the norms of all folds, shape (pages,); None if the version has none."""
    norms = [fold.norms for fold in folds if fold.norms is not None]
    return np.concatenate(norms) if len(norms) == len(folds) else None


def _score(folder: Path, recipe: Recipe, pixels: NDArray[np.uint8]) -> PageScores:
    """Return the scores of preprocessed pages from an exported model."""
    if not recipe.trains_in_epochs:
        return PageScores(infer(folder, pixels), None)
    return PageScores(*infer_with_norms(folder, pixels, recipe.precision))


def _predict(
    recipe: Recipe, fitted: FitResult, train: Sequence[Page], held_out: Sequence[Page], ood: Sequence[Page] = ()
) -> tuple[PageScores, PageScores, Mapping[Precision, PrecisionResult]]:
    """Return the scores of held-out and of out-of-distribution pages from the export, and compare precisions."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {precision: Path(scratch) / precision for precision in PRECISIONS}
        for folder in folders.values():
            folder.mkdir()
        export_openvino(as_served(fitted.model), recipe.input.width, recipe.input.height, folders["f32"])
        folders["bf16"] = folders["f32"]  # the same file: a hint at compile time selects the precision
        comparing = len(held_out) >= MIN_COMPARED_PAGES and recipe.trains_in_epochs
        if comparing or recipe.precision == "int8":
            examples = preprocess(recipe, train, CALIBRATION_PAGES)
            quantise(folders["f32"], examples, folders["int8"], f32_layers=recipe.f32_layers)
        pixels = preprocess(recipe, held_out)
        served = folders[recipe.precision]
        scores = _score(served, recipe, pixels)
        ood_scores = PageScores(scores.logits[:0], None if scores.norms is None else scores.norms[:0])
        if ood:
            ood_scores = _score(served, recipe, preprocess(recipe, ood))
        if not comparing:
            return scores, ood_scores, {}
        some = slice(None, None, _stride(len(held_out), MAX_COMPARED_PAGES))
        return scores, ood_scores, compare_precisions(folders, pixels[some], true_labels(held_out)[some])


def true_labels(pages: Sequence[Page]) -> LabelIndices:
    """Return the label of each page as an index."""
    return np.array([page.document.label for page in pages], dtype=np.int64)


def preprocess(recipe: Recipe, pages: Sequence[Page], max_pages: int | None = None) -> NDArray[np.uint8]:
    """Return pages as the model takes them, shape (pages, height, width, 3).

    Args:
        recipe: Recipe with the input.
        pages: Pages to preprocess.
        max_pages: Maximum number of pages; of more, evenly spaced ones are used.
    """
    preprocessing = preprocessing_of(recipe)
    step = _stride(len(pages), max_pages) if max_pages else 1
    return np.stack([preprocessing.apply(page.image()) for page in pages[::step]])


def _stride(count: int, maximum: int) -> int:
    """Return the step between indices that selects at most `maximum` of `count` items."""
    return -(-count // maximum)


def _print_recall(training: VersionTraining, name: str, logits: NDArray[np.float32], pages: Sequence[Page]) -> None:
    metrics = classification_metrics(softmax(logits), true_labels(pages), training.labels)
    recalls = "  ".join(f"{label} {share:.2f}" for label, share in metrics.recall.items())
    training.console.print(f"{name}: accuracy {metrics.accuracy:.3f}, recall: {recalls}")

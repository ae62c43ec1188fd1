"""One command's worth of work: a recipe and a folder of documents become a version that can be served.

The folder that comes out is complete: `recipe.toml`, `model.xml`, `model.bin`, `manifest.json`, `README.md` (the model
card) and `confusion.png`.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from training.architectures import ARCHITECTURES
from training.calibration import abstain_threshold, fit_temperature
from training.card import write_card
from training.data import DataError, Document, Page, folds, load_pages, scan, split
from training.distillation import Teachers
from training.drawn import DRAWN, draw_pages
from training.export import ParityError, as_served, check_parity, digest, export_openvino, export_torchscript, infer
from training.metrics import Labels, Metrics, measure, softmax
from training.precision import CALIBRATION_PAGES, PRECISIONS, Row, compare, quantise, together
from training.recipe import Precision, Recipe, read_recipe
from training.train import Fit, Resources, fit, preprocessing_of
from training.vote import FILE as ANSWERS
from training.vote import keep_answers

log = logging.getLogger(__name__)

NOTES = "notes.md"
"""Beside a recipe: what a person has to say of how the version came to be, for the model card."""
PARITY_PAGES = 64
COMPARED = 100, 400
"""Precisions are compared on at least so many held-out pages, for fewer say nothing, and on at most so many."""
MOST_LOST = 0.01
"""Accuracy that int8 may cost on the compared pages. Labels that change on pages of doubt may do so either way."""


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


@dataclass(frozen=True)
class Result:
    """What came out of a training."""

    folder: Path
    metrics: Metrics
    skipped: tuple[str, ...]
    interrupted: bool


@dataclass(frozen=True)
class _Job:
    """What every fit of one training shares."""

    recipe: Recipe
    labels: tuple[str, ...]
    runs: Path
    resources: Resources
    teachers: Teachers | None
    console: Console
    notes: str = ""

    def fit(self, name: str, learn: Sequence[Page], aside: Sequence[Page]) -> Fit:
        return fit(
            self.recipe,
            self.labels,
            learn,
            aside,
            self.runs / f"{name}.pt",
            resources=self.resources,
            teacher=self.teachers,
            console=self.console,
        )


def train_version(
    recipe_file: Path,
    data: Path,
    out: Path,
    *,
    runs: Path | None = None,
    resources: Resources | None = None,
    console: Console | None = None,
    torchscript: bool = False,
) -> Result:
    """Train a version from a folder of labelled documents and write everything that serving it needs.

    Args:
        recipe_file: The version's `recipe.toml`.
        data: An ImageFolder, perhaps with a `manifest.csv` that names sources.
        out: The version's folder; its files are replaced at the end, and only when the export agrees with torch.
        runs: Where checkpoints are kept to resume from; `runs/VERSION` by default.
        resources: Share of the machine.
        console: Where progress is shown.
        torchscript: Also write `model.pt`.

    Raises:
        RecipeError, DataError, WeightsError, ParityError: With a message for a person.
    """
    recipe = read_recipe(recipe_file)
    console = console or Console()
    runs = runs or Path("runs")
    resources = resources or Resources()
    folder = scan(data)
    width, height = recipe.input.width, recipe.input.height
    grey = recipe.input.color == "grey"
    pages, skipped = load_pages(folder.documents, preprocessing_of(recipe).min_side, grey=grey)
    for line in skipped:
        console.print(f"[yellow]skipped[/] {line}")
    drawable = [label for label in folder.labels if label in DRAWN] if recipe.drawn.pages_per_class else []
    strangers = recipe.drawn.strangers if drawable else 0
    drawn = draw_pages(
        folder.labels,
        drawable,
        recipe.drawn.pages_per_class,
        recipe.drawn.seed,
        side=preprocessing_of(recipe).min_side,
        grey=grey,
        strangers=strangers,
        keep=runs / "drawn",
    )
    console.print(f"{recipe.version}: {len(pages)} pages of {len(folder.labels)} labels, {len(drawn)} drawn ones")
    teachers = Teachers(tuple(out.parent / name for name in recipe.distillation.teachers), folder.labels)
    job = _Job(
        recipe,
        folder.labels,
        runs / recipe.version,
        resources,
        teachers if recipe.distillation.teachers else None,
        console,
        _notes(recipe_file),
    )
    fitted, held = _fit_and_measure(job, pages, drawn, frozenset(map(folder.labels.index, drawable)))
    with tempfile.TemporaryDirectory(dir=_existing(out), prefix=".new-") as scratch:
        metrics = _write(
            Path(scratch), job, fitted, held, _training_facts(recipe, folder.licences, held.learnt, drawn, fitted)
        )
        shutil.copyfile(recipe_file, Path(scratch) / "recipe.toml")
        if torchscript:
            export_torchscript(as_served(fitted.graph), width, height, Path(scratch) / "model.pt")
        _publish(Path(scratch), out)
    return Result(out, metrics, tuple(skipped), fitted.interrupted)


def _notes(recipe_file: Path) -> str:
    file = recipe_file.with_name(NOTES)
    return file.read_text("utf-8") if file.exists() else ""


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fit_and_measure(
    job: _Job, pages: Sequence[Page], drawn: Sequence[Page], drawable: frozenset[int]
) -> tuple[Fit, Held]:
    """Fit the network that is kept, and gather answers about pages that were not learnt from."""
    documents = list({page.document: None for page in pages})
    dealt = _deal(job, documents, drawable)
    if not dealt:
        learn, aside, protocol = split(documents, job.recipe.validation.holdout, job.recipe.seed)
        learn_pages, aside_pages = _pages_of(pages, learn), _pages_of(pages, aside)
        fitted = job.fit("final", [*learn_pages, *drawn], aside_pages)
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
        if fitted.interrupted:
            raise KeyboardInterrupt
        said, table = _ask(job, fitted, learn_pages, aside_pages)
        answers.append(said)
        tables.append(table)
        asked += aside_pages
        _report(job, f"fold {number}", answers[-1], aside_pages)
    job.console.print("every source has been measured; now learning from all of them")
    fitted = job.fit("final", [*pages, *drawn], [])
    protocol = (
        f"{len(dealt)}-fold cross-validation by source: each page judged by a network that saw no page of its source, "
        "so that a label of one source was known to it from drawn pages only"
    )
    return fitted, Held(np.concatenate(answers), tuple(asked), tuple(pages), protocol, together(tables))


def _deal(job: _Job, documents: Sequence[Document], drawable: frozenset[int]) -> list[frozenset[str]]:
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
    job: _Job, fitted: Fit, learnt: Sequence[Page], aside: Sequence[Page]
) -> tuple[NDArray[np.float32], Mapping[Precision, Row]]:
    """Return what a network says of pages it never saw, as it would be served; and what each precision makes of it."""
    recipe = job.recipe
    with tempfile.TemporaryDirectory() as scratch:
        made = {precision: Path(scratch) / precision for precision in PRECISIONS}
        export_openvino(as_served(fitted.graph), recipe.input.width, recipe.input.height, _existing(made["f32"]))
        made["bf16"] = made["f32"]  # one file: a hint decides
        comparing = len(aside) >= COMPARED[0]
        if comparing or recipe.precision == "int8":
            quantise(made["f32"], _pixels(recipe, learnt, CALIBRATION_PAGES), _existing(made["int8"]))
        pixels = _pixels(recipe, aside)
        said = infer(made[recipe.precision], pixels, recipe.precision)
        if not comparing:
            return said, {}
        some = slice(None, None, _step(len(aside), COMPARED[1]))
        truth = np.array([page.document.label for page in aside], dtype=np.int64)
        return said, compare(made, pixels[some], truth[some])


def _pixels(recipe: Recipe, pages: Sequence[Page], most: int | None = None) -> NDArray[np.uint8]:
    """Return pages as they are served, shape (pages, height, width, 3); of more than `most` an even choice."""
    preprocessing = preprocessing_of(recipe)
    step = _step(len(pages), most) if most else 1
    return np.stack([preprocessing.apply(page.image()) for page in pages[::step]])


def _step(count: int, most: int) -> int:
    """Return how far apart an even choice of at most `most` out of `count` lies."""
    return -(-count // most)


def _report(job: _Job, name: str, logits: NDArray[np.float32], pages: Sequence[Page]) -> None:
    truth = np.array([page.document.label for page in pages], dtype=np.int64)
    metrics = measure(softmax(logits), truth, job.labels)
    recalls = "  ".join(f"{label} {share:.2f}" for label, share in metrics.recall.items())
    job.console.print(f"{name}: accuracy {metrics.accuracy:.3f}  {recalls}")


def _training_facts(
    recipe: Recipe, licences: Sequence[str], pages: Sequence[Page], drawn: Sequence[Page], fitted: Fit
) -> dict[str, Any]:
    sources = sorted({page.document.source for page in pages} - {""})
    return {
        "data": ", ".join(sources) or "an ImageFolder without named sources",
        "images": len(pages),
        "drawn": len(drawn),
        "licences": list(licences),
        "recipe": "recipe.toml",
        "seed": recipe.seed,
        "weights": recipe.weights,
        "broken_off": fitted.interrupted,
    }


def _write(folder: Path, job: _Job, fitted: Fit, held: Held, facts: dict[str, Any]) -> Metrics:
    """Export, check, and write the manifest and the card into a folder; return the held-out metrics."""
    recipe = job.recipe
    temperature = round(fit_temperature(held.logits, held.truth), 4)
    probabilities = softmax(held.logits, temperature)
    metrics = measure(probabilities, held.truth, job.labels)
    keep_answers(job.runs / ANSWERS, held.pages, probabilities)
    served = as_served(fitted.graph)
    export_openvino(served, recipe.input.width, recipe.input.height, folder)
    parity = check_parity(served, folder, _pixels(recipe, held.pages, PARITY_PAGES), temperature)
    if recipe.precision == "int8":
        _serve_int8(recipe, held, folder)
    architecture = ARCHITECTURES[recipe.architecture]
    model, weights = folder / "model.xml", folder / "model.bin"
    manifest = {
        "version": recipe.version,
        "architecture": recipe.architecture,
        "labels": list(job.labels),
        "input": recipe.input.model_dump(),
        "normalization": {"mean": list(architecture.mean), "std": list(architecture.std)},
        "precision": recipe.precision,
        "temperature": temperature,
        "abstain_below": round(abstain_threshold(probabilities), 4),
        "files": {file.name: digest([file]) for file in (model, weights)},
        "sha256": digest([model, weights]),
        "training": facts,
        "metrics": {
            "accuracy": round(metrics.accuracy, 4),
            "accuracy_interval": [round(bound, 4) for bound in metrics.interval],
            "macro_f1": round(metrics.macro_f1, 4),
            "ece": round(metrics.ece, 4),
            "recall": {label: round(share, 4) for label, share in metrics.recall.items()},
            "images": metrics.images,
            "protocol": held.protocol,
        },
        "parity": asdict(parity),
        "precisions": {name: asdict(row) for name, row in held.precisions.items()},
        "date": datetime.now(UTC).date().isoformat(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    sources = [page.document.source for page in held.pages]
    write_card(folder, recipe, manifest, probabilities, held.truth, sources, job.notes)
    return metrics


def _serve_int8(recipe: Recipe, held: Held, folder: Path) -> None:
    """Replace the exported files by quantised ones, unless these say something else too often."""
    row = held.precisions.get("int8")
    if row and row.accuracy < held.precisions["f32"].accuracy - MOST_LOST:
        raise ParityError(
            f"int8 is right on {row.accuracy:.1%} of {row.pages} pages, f32 on {held.precisions['f32'].accuracy:.1%}: "
            "serve this version in f32"
        )
    with tempfile.TemporaryDirectory() as scratch:
        quantise(folder, _pixels(recipe, held.learnt, CALIBRATION_PAGES), Path(scratch))
        for file in Path(scratch).iterdir():
            shutil.copyfile(file, folder / file.name)


def _publish(made: Path, out: Path) -> None:
    """Move the finished files into place, the manifest last: it vouches for the others."""
    for file in sorted(made.iterdir(), key=lambda f: f.name == "manifest.json"):
        file.replace(out / file.name)

"""One command's worth of work: a recipe and a folder of documents become a version that can be served.

The folder that comes out is complete: `recipe.toml`, `model.xml`, `model.bin`, `manifest.json`, `README.md` (the model
card) and `confusion.png`.
"""

import json
import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from training.architectures import ARCHITECTURES
from training.calibration import abstain_threshold, fit_temperature
from training.card import write_card
from training.cross_validation import FINAL, Held, Job, Teach, fit_and_measure, pixels_of
from training.data import DataError, Folder, Page, load_pages, scan
from training.distillation import Teachers
from training.export import ParityError, as_served, check_parity, digest, export_openvino, export_torchscript
from training.metrics import Metrics, measure, softmax
from training.network import preprocessing_of
from training.precision import CALIBRATION_PAGES, quantise
from training.recipe import Recipe, RecipeError, read_recipe
from training.synthetic import DRAWN, draw_pages
from training.train import Fit, Resources
from training.vote import FILE as ANSWERS
from training.vote import keep_answers

NOTES = "notes.md"
"""Beside a recipe: what a person has to say of how the version came to be, for the model card."""
TORCHSCRIPT = "model.pt"
PARITY_PAGES = 64
MOST_LOST = 0.01
"""Accuracy that int8 may cost on the compared pages. Labels that change on pages of doubt may do so either way."""


@dataclass(frozen=True)
class Result:
    """What came out of a training."""

    folder: Path
    metrics: Metrics
    skipped: tuple[str, ...]
    interrupted: bool


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
        runs: Where checkpoints are kept to resume from, in `MODELS/VERSION` by the names of the folders that `out` is
            in; `runs` by default.
        resources: Share of the machine.
        console: Where progress is shown.
        torchscript: Also write `model.pt`.

    Raises:
        RecipeError, DataError, WeightsError, ParityError: With a message for a person.
        BrokenOff: Ctrl-C, before there was anything to write.
    """
    recipe = read_recipe(recipe_file)
    if recipe.version != out.name:
        raise RecipeError(f"{recipe_file} is the recipe of {recipe.version!r}: it cannot make {out.name!r}")
    console = console or Console()
    runs = runs or Path("runs")
    siblings = runs / out.resolve().parent.name
    resources = resources or Resources()
    folder = scan(data)
    width, height = recipe.input.width, recipe.input.height
    grey = recipe.input.color == "grey"
    teachers = [out.parent / name for name in recipe.distillation.teachers]
    # Kept as large as the one who wants to see most of them.
    readers = [recipe, *(_recipe_of(teacher, recipe.version) for teacher in teachers)]
    side = max(preprocessing_of(reader).min_side for reader in readers)
    pages, skipped = load_pages(folder.documents, side, grey=grey)
    for line in skipped:
        console.print(f"[yellow]skipped[/] {escape(line)}", highlight=False)
    _readable(folder, pages)
    drawable = [label for label in folder.labels if label in DRAWN] if recipe.drawn.pages_per_class else []
    strangers = recipe.drawn.strangers if drawable else 0
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("drawing pages", total=None)
        drawn = draw_pages(
            folder.labels,
            drawable,
            recipe.drawn.pages_per_class,
            recipe.drawn.seed,
            side=side,
            grey=grey,
            strangers=strangers,
            keep=runs / "drawn",
            tell=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    console.print(f"{recipe.version}: {len(pages)} pages of {len(folder.labels)} labels, {len(drawn)} drawn ones")
    job = Job(
        recipe,
        folder.labels,
        siblings / recipe.version,
        resources,
        _teach(teachers, folder.labels, siblings, resources.threads),
        console,
        _notes(recipe_file, out),
    )
    fitted, held = fit_and_measure(job, pages, drawn, frozenset(map(folder.labels.index, drawable)))
    with tempfile.TemporaryDirectory(dir=_existing(out), prefix=".new-") as scratch:
        metrics = _write(
            Path(scratch), job, fitted, held, _training_facts(recipe, folder.licences, held.learnt, drawn, fitted)
        )
        shutil.copyfile(recipe_file, Path(scratch) / "recipe.toml")
        if torchscript:
            export_torchscript(as_served(fitted.graph), width, height, Path(scratch) / TORCHSCRIPT)
        _publish(Path(scratch), out)
    return Result(out, metrics, tuple(skipped), fitted.interrupted)


def _recipe_of(teacher: Path, student: str) -> Recipe:
    try:
        return read_recipe(teacher / "recipe.toml")
    except RecipeError as problem:
        raise RecipeError(
            f"{student} is taught by {teacher.name}: train both on this folder, in one command ({problem})"
        ) from None


def _teach(teachers: Sequence[Path], labels: Sequence[str], runs: Path, threads: int) -> Teach | None:
    """Where a fit finds its teachers, if the recipe names any."""
    if not teachers:
        return None

    def teach(name: str, learn: Sequence[Page]) -> Teachers:
        if name == FINAL:
            return Teachers.released(teachers, labels, threads)
        return Teachers.of_fold(teachers, labels, runs, name, learn, threads)

    return teach


def _readable(folder: Folder, pages: Sequence[Page]) -> None:
    """A label without a page would be an answer that nothing is behind."""
    found = {page.document.label for page in pages}
    for index, label in enumerate(folder.labels):
        if index not in found:
            raise DataError(f"no document of the label {label!r} could be read")


def _notes(recipe_file: Path, out: Path) -> str:
    """What was written of this version; another one's recipe may be borrowed, its story may not."""
    file = out / NOTES
    return file.read_text("utf-8") if file.exists() and recipe_file.resolve().parent == out.resolve() else ""


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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


def _write(folder: Path, job: Job, fitted: Fit, held: Held, facts: dict[str, Any]) -> Metrics:
    """Export, check, and write the manifest and the card into a folder; return the held-out metrics."""
    recipe = job.recipe
    temperature = round(fit_temperature(held.logits, held.truth), 4)
    probabilities = softmax(held.logits, temperature)
    metrics = measure(probabilities, held.truth, job.labels)
    keep_answers(job.runs / ANSWERS, held.pages, probabilities)
    served = as_served(fitted.graph)
    export_openvino(served, recipe.input.width, recipe.input.height, folder)
    parity = check_parity(served, folder, pixels_of(recipe, held.pages, PARITY_PAGES), temperature)
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
        # Downwards: rounded up to 1, it would send every page to a person.
        "abstain_below": math.floor(abstain_threshold(probabilities) * 1e4) / 1e4,
        "files": {file.name: digest([file]) for file in (model, weights)},
        "sha256": digest([model, weights]),
        "training": facts,
        "metrics": {
            "accuracy": round(metrics.accuracy, 6),
            "accuracy_interval": [round(bound, 6) for bound in metrics.interval],
            "macro_f1": round(metrics.macro_f1, 6),
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
        quantise(folder, pixels_of(recipe, held.learnt, CALIBRATION_PAGES), Path(scratch))
        for file in Path(scratch).iterdir():
            shutil.copyfile(file, folder / file.name)


def _publish(made: Path, out: Path) -> None:
    """Move the finished files into place, the manifest last: it vouches for the others."""
    if not (made / TORCHSCRIPT).exists():
        (out / TORCHSCRIPT).unlink(missing_ok=True)  # of the training before
    for file in sorted(made.iterdir(), key=lambda f: f.name == "manifest.json"):
        file.replace(out / file.name)

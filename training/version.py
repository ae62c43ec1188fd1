"""Training of a version: from a recipe and a folder of labelled documents to a folder that can be served.

The folder is complete: `recipe.toml`, `model.xml`, `model.bin`, `manifest.json`, `README.md` (the model card) and
`confusion.png`.
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
from training.cross_validation import FINAL, HeldOut, TeacherFactory, VersionTraining, fit_and_validate, preprocess
from training.data import DataError, LabelledFolder, Page, list_documents, load_pages
from training.distillation import TeacherEnsemble
from training.export import (
    ParityError,
    as_served,
    check_parity,
    export_openvino,
    export_torchscript,
    sha256_of_files,
)
from training.metrics import ClassificationMetrics, Floats, classification_metrics, softmax
from training.network import preprocessing_of
from training.precision import CALIBRATION_PAGES, quantise
from training.recipe import Recipe, RecipeError, read_recipe
from training.saved_predictions import PREDICTIONS_FILE, save_predictions
from training.synthetic import SYNTHETIC_LABELS, SyntheticRequest, draw_pages
from training.train import FitResult, Resources

NOTES = "notes.md"
"""File next to a recipe that describes how the version was developed. It becomes a section of the model card."""
TORCHSCRIPT = "model.pt"
PARITY_PAGES = 64
MAX_ACCURACY_LOSS = 0.01
"""Accuracy that int8 may lose on the compared pages."""


@dataclass(frozen=True)
class TrainedVersion:
    """The result of a training: the version's folder, its metrics, and a message for each unreadable document."""

    folder: Path
    metrics: ClassificationMetrics
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
) -> TrainedVersion:
    """Train a version on a folder of labelled documents and write everything that is needed to serve it.

    Args:
        recipe_file: The version's `recipe.toml`.
        data: An ImageFolder, optionally with a `manifest.csv` that names sources.
        out: The version's folder. Its files are replaced at the end, if the export agrees with torch.
        runs: Folder of checkpoints, in `MODELS/VERSION` by the names of the folders of `out`. Defaults to `runs`.
        resources: Threads and worker processes.
        console: Console for progress.
        torchscript: Also write `model.pt`.

    Raises:
        RecipeError: The recipe of this version or of a teacher cannot be used.
        DataError: The data cannot be used.
        WeightsError: The initial weights cannot be loaded.
        ParityError: The exported model does not agree with the trained model.
        TrainingInterrupted: Ctrl-C ended the training before there was a version to write.
    """
    recipe = read_recipe(recipe_file)
    if recipe.version != out.name:
        raise RecipeError(f"{recipe_file} is the recipe of {recipe.version!r}, not of {out.name!r}")
    console = console or Console()
    runs = runs or Path("runs")
    resources = resources or Resources()
    checkpoints = runs / out.resolve().parent.name
    teachers = [out.parent / name for name in recipe.distillation.teachers]
    folder = list_documents(data)
    min_side = _min_side(recipe, teachers)
    pages, skipped = _load(folder, min_side, recipe, console)
    synthetic_labels = _labels_to_draw(recipe, folder)
    synthetic = _draw(recipe, folder, synthetic_labels, min_side, runs, console)
    console.print(
        f"{recipe.version}: {len(pages)} pages of {len(folder.labels)} labels, {len(synthetic)} synthetic pages"
    )
    training = VersionTraining(
        recipe,
        folder.labels,
        checkpoints / recipe.version,
        resources,
        _teacher_factory(teachers, folder.labels, checkpoints, resources.threads),
        console,
        _notes(recipe_file, out),
    )
    label_indices = frozenset(map(folder.labels.index, synthetic_labels))
    fitted, held_out = fit_and_validate(training, pages, synthetic, label_indices)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as scratch:
        facts = _training_facts(recipe, folder.licences, held_out.training_pages, synthetic, fitted)
        metrics = _write_version(Path(scratch), training, fitted, held_out, facts)
        shutil.copyfile(recipe_file, Path(scratch) / "recipe.toml")
        if torchscript:
            model = as_served(fitted.model)
            export_torchscript(model, recipe.input.width, recipe.input.height, Path(scratch) / TORCHSCRIPT)
        _publish(Path(scratch), out)
    return TrainedVersion(out, metrics, tuple(skipped), fitted.interrupted)


def _min_side(recipe: Recipe, teachers: Sequence[Path]) -> int:
    """Return the size at which pages are kept in memory: the largest that the version or a teacher needs."""
    recipes = [recipe, *(_teacher_recipe(teacher, recipe.version) for teacher in teachers)]
    return max(preprocessing_of(each).min_side for each in recipes)


def _teacher_recipe(teacher: Path, student: str) -> Recipe:
    try:
        return read_recipe(teacher / "recipe.toml")
    except RecipeError as error:
        raise RecipeError(
            f"{student} is taught by {teacher.name}: train both on this folder, in one command ({error})"
        ) from None


def _load(folder: LabelledFolder, min_side: int, recipe: Recipe, console: Console) -> tuple[list[Page], list[str]]:
    """Load the pages, print a message for each unreadable document, and require a page of each label."""
    pages, skipped = load_pages(folder.documents, min_side, grey=recipe.input.color == "grey")
    for message in skipped:
        console.print(f"[yellow]skipped[/] {escape(message)}", highlight=False)
    found = {page.document.label for page in pages}
    for index, label in enumerate(folder.labels):
        if index not in found:
            raise DataError(f"no document of the label {label!r} could be read")
    return pages, skipped


def _labels_to_draw(recipe: Recipe, folder: LabelledFolder) -> list[str]:
    if not recipe.synthetic.pages_per_class:
        return []
    return [label for label in folder.labels if label in SYNTHETIC_LABELS]


def _draw(
    recipe: Recipe, folder: LabelledFolder, labels: Sequence[str], min_side: int, runs: Path, console: Console
) -> list[Page]:
    """Draw the synthetic pages of a recipe; none if no label of the folder has layouts."""
    settings = recipe.synthetic
    request = SyntheticRequest(labels, settings.pages_per_class, settings.ood_pages if labels else 0, settings.seed)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("drawing synthetic pages", total=None)
        return draw_pages(
            folder.labels,
            request,
            min_side=min_side,
            grey=recipe.input.color == "grey",
            cache=runs / "synthetic",
            report=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _teacher_factory(
    teachers: Sequence[Path], labels: Sequence[str], checkpoints: Path, threads: int
) -> TeacherFactory | None:
    """Return the function that loads the teachers of a fit; None if the recipe names no teachers."""
    if not teachers:
        return None

    def teacher_of(name: str, train: Sequence[Page]) -> TeacherEnsemble:
        if name == FINAL:
            return TeacherEnsemble.released(teachers, labels, threads)
        return TeacherEnsemble.of_fold(teachers, labels, checkpoints, name, train, threads)

    return teacher_of


def _notes(recipe_file: Path, out: Path) -> str:
    """Return the notes of this version; empty if the recipe belongs to another folder."""
    file = out / NOTES
    return file.read_text("utf-8") if file.exists() and recipe_file.resolve().parent == out.resolve() else ""


def _training_facts(
    recipe: Recipe, licences: Sequence[str], pages: Sequence[Page], synthetic: Sequence[Page], fitted: FitResult
) -> dict[str, Any]:
    """Return the section `training` of the manifest.

    `drawn` is the number of synthetic pages and `broken_off` means interrupted: the keys of manifests do not change.
    """
    sources = sorted({page.document.source for page in pages} - {""})
    return {
        "data": ", ".join(sources) or "an ImageFolder without named sources",
        "images": len(pages),
        "drawn": len(synthetic),
        "licences": list(licences),
        "recipe": "recipe.toml",
        "seed": recipe.seed,
        "weights": recipe.weights,
        "broken_off": fitted.interrupted,
    }


def _write_version(
    folder: Path, training: VersionTraining, fitted: FitResult, held_out: HeldOut, facts: dict[str, Any]
) -> ClassificationMetrics:
    """Export and check the model, write the manifest and the card, and return the held-out metrics."""
    recipe = training.recipe
    temperature = round(fit_temperature(held_out.logits, held_out.truth), 4)
    probabilities = softmax(held_out.logits, temperature)
    metrics = classification_metrics(probabilities, held_out.truth, training.labels)
    save_predictions(training.runs / PREDICTIONS_FILE, held_out.pages, probabilities)
    model = as_served(fitted.model)
    export_openvino(model, recipe.input.width, recipe.input.height, folder)
    parity = check_parity(model, folder, preprocess(recipe, held_out.pages, PARITY_PAGES), temperature)
    if recipe.precision == "int8":
        _quantise_in_place(recipe, held_out, folder)
    manifest = {
        **_model_facts(training, folder, temperature, probabilities),
        "training": facts,
        "metrics": _metrics_facts(metrics, held_out.protocol),
        "parity": asdict(parity),
        "precisions": {name: asdict(result) for name, result in held_out.precisions.items()},
        "date": datetime.now(UTC).date().isoformat(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    sources = [page.document.source for page in held_out.pages]
    write_card(folder, recipe, manifest, probabilities, held_out.truth, sources, training.notes)
    return metrics


def _model_facts(training: VersionTraining, folder: Path, temperature: float, probabilities: Floats) -> dict[str, Any]:
    """Return what the model service needs of the manifest: labels, input, thresholds and hashes of the files."""
    recipe = training.recipe
    architecture = ARCHITECTURES[recipe.architecture]
    model, weights = folder / "model.xml", folder / "model.bin"
    return {
        "version": recipe.version,
        "architecture": recipe.architecture,
        "labels": list(training.labels),
        "input": recipe.input.model_dump(),
        "normalization": {"mean": list(architecture.mean), "std": list(architecture.std)},
        "precision": recipe.precision,
        "temperature": temperature,
        # Rounded down: a threshold that is rounded up to 1 would flag every page.
        "abstain_below": math.floor(abstain_threshold(probabilities) * 1e4) / 1e4,
        "files": {file.name: sha256_of_files([file]) for file in (model, weights)},
        "sha256": sha256_of_files([model, weights]),
    }


def _metrics_facts(metrics: ClassificationMetrics, protocol: str) -> dict[str, Any]:
    """Return the section `metrics` of the manifest."""
    return {
        "accuracy": round(metrics.accuracy, 6),
        "accuracy_interval": [round(bound, 6) for bound in metrics.interval],
        "macro_f1": round(metrics.macro_f1, 6),
        "ece": round(metrics.ece, 4),
        "recall": {label: round(share, 4) for label, share in metrics.recall.items()},
        "images": metrics.images,
        "protocol": protocol,
    }


def _quantise_in_place(recipe: Recipe, held_out: HeldOut, folder: Path) -> None:
    """Replace the exported model by its int8 version, or raise `ParityError` if int8 loses too much accuracy."""
    int8 = held_out.precisions.get("int8")
    if int8 and int8.accuracy < held_out.precisions["f32"].accuracy - MAX_ACCURACY_LOSS:
        raise ParityError(
            f"int8 is right on {int8.accuracy:.1%} of {int8.pages} pages, f32 on "
            f"{held_out.precisions['f32'].accuracy:.1%}: serve this version in f32"
        )
    with tempfile.TemporaryDirectory() as scratch:
        quantise(folder, preprocess(recipe, held_out.training_pages, CALIBRATION_PAGES), Path(scratch))
        for file in Path(scratch).iterdir():
            shutil.copyfile(file, folder / file.name)


def _publish(new_files: Path, out: Path) -> None:
    """Move the new files into the version's folder, the manifest last because it contains the others' hashes."""
    if not (new_files / TORCHSCRIPT).exists():
        (out / TORCHSCRIPT).unlink(missing_ok=True)  # belongs to an earlier training
    for file in sorted(new_files.iterdir(), key=lambda f: f.name == "manifest.json"):
        file.replace(out / file.name)

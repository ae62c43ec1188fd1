"""Training of a version: from a recipe and a folder of labelled documents to a folder that can be served."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from training.cross_validation import FINAL, TeacherFactory, VersionTraining, fit_and_validate
from training.data import MANIFEST, DataError, LabelledFolder, Page, list_documents, list_ood_documents, load_pages
from training.distillation import TeacherEnsemble
from training.export import as_served, export_torchscript
from training.metrics import ClassificationMetrics
from training.network import preprocessing_of
from training.recipe import Recipe, RecipeError, read_recipe
from training.splits import MIN_FAMILIES, scarce_labels
from training.synthetic import SYNTHETIC_LABELS, SyntheticRequest, draw_pages
from training.train import Resources
from training.version_files import TORCHSCRIPT, publish, training_facts, write_version

NOTES = "notes.md"
"""File next to a recipe that describes how the version was developed. It becomes a section of the model card."""


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
    ood: Path | None = None,
    runs: Path | None = None,
    resources: Resources | None = None,
    console: Console | None = None,
    torchscript: bool = False,
) -> TrainedVersion:
    """Train a version on a folder of labelled documents and write everything that is needed to serve it.

    Args:
        recipe_file: The version's `recipe.toml`.
        data: An ImageFolder, optionally with a `manifest.csv` that names sources and a `families.csv` that groups
            them.
        out: The version's folder. Its files are replaced at the end, if the export agrees with torch.
        ood: Folder of out-of-distribution documents, which belong to none of the labels.
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
    ood_pages, ood_skipped = _load_ood(ood, min_side, recipe, console)
    _warn_of_scarce_labels(folder, console)
    synthetic_labels = _labels_to_draw(recipe, folder)
    synthetic = _synthetic_pages(recipe, folder, synthetic_labels, min_side, runs, console)
    console.print(
        f"{recipe.version}: {len(pages)} pages of {len(folder.labels)} labels, {len(synthetic)} synthetic pages, "
        f"{len(ood_pages)} out-of-distribution pages"
    )
    training = VersionTraining(
        recipe,
        folder.labels,
        checkpoints / recipe.version,
        resources,
        _teacher_factory(teachers, folder.labels, checkpoints, resources.threads),
        console,
        _read_notes(recipe_file, out),
    )
    label_indices = frozenset(map(folder.labels.index, synthetic_labels))
    fitted, held_out = fit_and_validate(training, pages, synthetic, label_indices, ood_pages)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as scratch:
        facts = training_facts(recipe, folder.licences, held_out.training_pages, synthetic, ood_pages, fitted)
        metrics = write_version(Path(scratch), training, fitted, held_out, facts)
        shutil.copyfile(recipe_file, Path(scratch) / "recipe.toml")
        if torchscript:
            model = as_served(fitted.model)
            export_torchscript(model, recipe.input.width, recipe.input.height, Path(scratch) / TORCHSCRIPT)
        publish(Path(scratch), out)
    return TrainedVersion(out, metrics, (*skipped, *ood_skipped), fitted.interrupted)


def _min_side(recipe: Recipe, teachers: Sequence[Path]) -> int:
    """Return the size at which pages are kept in memory: the largest that the version or a teacher needs."""
    recipes = [recipe, *(_teacher_recipe(teacher, recipe.version) for teacher in teachers)]
    return max(preprocessing_of(each).min_side for each in recipes)


def _teacher_recipe(teacher: Path, student: str) -> Recipe:
    try:
        recipe = read_recipe(teacher / "recipe.toml")
    except RecipeError as error:
        raise RecipeError(
            f"{student} has the teacher {teacher.name}: train both on this folder, in one command ({error})"
        ) from None
    if not recipe.trains_in_epochs:
        kind = recipe.architecture
        raise RecipeError(f"{student} has the teacher {teacher.name}, a {kind}: only trained networks can be teachers")
    return recipe


def _load(folder: LabelledFolder, min_side: int, recipe: Recipe, console: Console) -> tuple[list[Page], list[str]]:
    """Load the pages, print a message for each unreadable document, and require a page of each label."""
    pages, skipped = load_pages(folder.documents, min_side, grey=recipe.input.color == "grey")
    _print_skipped(skipped, console)
    found = {page.document.label for page in pages}
    for index, label in enumerate(folder.labels):
        if index not in found:
            raise DataError(f"no document of the label {label!r} could be read")
    return pages, skipped


def _load_ood(folder: Path | None, min_side: int, recipe: Recipe, console: Console) -> tuple[list[Page], list[str]]:
    """Load out-of-distribution pages, and print a message for each unreadable document."""
    if folder is None:
        return [], []
    pages, skipped = load_pages(list_ood_documents(folder), min_side, grey=recipe.input.color == "grey")
    _print_skipped(skipped, console)
    return pages, skipped


def _print_skipped(messages: Sequence[str], console: Console) -> None:
    for message in messages:
        console.print(f"[yellow]skipped[/] {escape(message)}", highlight=False)


def _warn_of_scarce_labels(folder: LabelledFolder, console: Console) -> None:
    """Warn if labels have too few sources for a reliable measurement."""
    scarce = scarce_labels(folder.documents, folder.labels)
    if not scarce:
        return
    listed = ", ".join(f"{label} ({number})" for label, number in scarce.items())
    console.print(
        f"[yellow]few sources[/] fewer than {MIN_FAMILIES} independent sources of: {escape(listed)}. The measured "
        f"accuracy may not hold for documents from elsewhere; name sources in {MANIFEST} and add others",
        highlight=False,
    )


def _labels_to_draw(recipe: Recipe, folder: LabelledFolder) -> list[str]:
    if not recipe.synthetic.pages_per_class:
        return []
    return [label for label in folder.labels if label in SYNTHETIC_LABELS]


def _synthetic_pages(
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


def _read_notes(recipe_file: Path, out: Path) -> str:
    """Return the notes of this version; empty if the recipe belongs to another folder."""
    file = out / NOTES
    return file.read_text("utf-8") if file.exists() and recipe_file.resolve().parent == out.resolve() else ""

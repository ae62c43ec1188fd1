"""`triptych train` and `triptych evaluate`: train versions on labelled documents, and measure them on others."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from records.documents import DocumentStore
from records.labels import NONE_OF_THESE
from training.errors import ModelLoadError
from triptych.commands.options import StackOption, parse_time
from triptych.commands.shared import INTERRUPTED, progress_bar
from triptych.errors import TriptychError, UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.terminal.text import printable, to_json

if TYPE_CHECKING:
    from training.evaluate import Evaluation
    from training.version import TrainedVersion

MAX_LABELLED = 20_000
"""Maximum number of labelled documents to train on, newest first."""

_DEFAULT_DATA = Path("reviewed")
_PROJECT_MODELS = Path("models")

_DATA_HELP = "Folder with one subfolder of images and PDFs per label."
ModelsOption = Annotated[Path, typer.Option(help="Folder with one subfolder per version.")]


def train_command(
    versions: Annotated[
        list[str],
        typer.Argument(
            help="Versions to train. Teachers are trained before their students.",
            metavar="VERSION",
            show_default=False,
        ),
    ],
    data: Annotated[Path | None, typer.Option(help=_DATA_HELP, show_default=False)] = None,
    models: ModelsOption = _PROJECT_MODELS,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Recipe to use instead of the version's own recipe.toml.", show_default=False),
    ] = None,
    ood: Annotated[
        Path | None,
        typer.Option(
            help="Folder of out-of-distribution documents, which belong to none of the labels.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Number of CPU threads.", show_default="all CPUs")] = (
        os.cpu_count() or 1
    ),
    torchscript: Annotated[
        bool, typer.Option("--torchscript", help="Also write model.pt, for SageMaker's PyTorch container.")
    ] = False,
    from_reviews: Annotated[
        bool, typer.Option("--from-reviews", help="First export the labelled documents to --data (default: reviewed).")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="With --from-reviews: only uploads since then, such as 30d.", show_default=False)
    ] = None,
    stack: StackOption = None,
) -> None:
    """Train versions on a folder of labelled documents. The result can be served.

    An interrupted training resumes. Ctrl-C ends training early and keeps the best epoch so far, if a validation set
    measured it; an interrupted cross-validation writes no version.
    """
    try:
        import training.version  # noqa: F401 -- fail before the export if a package is missing
    except ModuleNotFoundError as missing:
        raise TriptychError(f"Training needs the package {missing.name}: run `make training`.") from None
    if recipe and len(versions) > 1:
        raise UsageError("--recipe can be used with one version only.")
    console = Console(stderr=True)
    if from_reviews:
        data = data or _DEFAULT_DATA
        _export_labelled(data, since, stack, console)
    if data is None:
        raise UsageError("There is nothing to train on: use --data FOLDER, --from-reviews, or both.")
    recipes = {version: recipe or _recipe_file(models, version) for version in versions}
    _train(recipes, data, ood, models, threads, torchscript, console)


def _train(
    recipes: dict[str, Path],
    data: Path,
    ood: Path | None,
    models: Path,
    threads: int,
    torchscript: bool,
    console: Console,
) -> None:
    """Train versions, each after its teachers.

    Raises:
        TriptychError: A version cannot be trained.
        typer.Exit: Ctrl-C interrupted the training.
    """
    from training.architectures import WeightsError
    from training.cross_validation import TrainingInterrupted
    from training.data import DataError
    from training.export import ParityError
    from training.recipe import RecipeError, read_recipe, teachers_first
    from training.train import Resources
    from training.version import train_version

    try:
        order = teachers_first({version: read_recipe(file) for version, file in recipes.items()})
        for position, version in enumerate(order, start=1):
            result = train_version(
                recipes[version],
                data,
                models / version,
                ood=ood,
                resources=Resources(threads=threads),
                console=console,
                torchscript=torchscript,
            )
            _print_result(version, result, console)
            if result.interrupted and (remaining := order[position:]):
                console.print(f"Interrupted. Not trained: {', '.join(remaining)}", highlight=False)
                raise typer.Exit(INTERRUPTED)
    except (DataError, RecipeError, WeightsError, ParityError, ModelLoadError) as error:
        raise TriptychError(str(error)) from error
    except TrainingInterrupted as interruption:
        console.print(str(interruption), highlight=False)
        raise typer.Exit(INTERRUPTED) from None


def _recipe_file(models: Path, version: str) -> Path:
    """Return the version's own recipe, or the project's recipe for a version that is new in its folder."""
    own, project = (folder / version / "recipe.toml" for folder in (models, _PROJECT_MODELS))
    return project if project.exists() and not own.exists() else own


def _print_result(version: str, result: "TrainedVersion", console: Console) -> None:
    low, high = result.metrics.interval
    console.print(
        f"{version}: accuracy {result.metrics.accuracy:.1%} on {result.metrics.images} held-out pages "
        f"({low:.1%} to {high:.1%}). {result.folder} is ready to serve; its README.md is the model card.",
        highlight=False,
    )


def _export_labelled(folder: Path, since: str | None, stack: str | None, console: Console) -> None:
    """Export the labelled documents to a folder, and print a summary."""
    from triptych.review import label_export

    conn = connection.connect(stack)
    after = parse_time(since, now=datetime.now(UTC)) if since else None
    records = Reviews(conn.table).labelled(since=after, limit=MAX_LABELLED)
    with progress_bar(console) as progress:
        bar = progress.add_task("exported", total=len(records))
        store = DocumentStore(conn.s3, max_bytes=sys.maxsize)
        export = label_export.export_labels(records, store, folder, advance=lambda: progress.advance(bar))
    for line in export.skipped:
        console.print(f"[yellow]skipped[/] {escape(printable(line))}", highlight=False)
    others = f"; {export.none_of_these} labelled {NONE_OF_THESE} in a hidden folder" if export.none_of_these else ""
    console.print(f"{export.documents} labelled documents are in {folder}{others}.", highlight=False)


def evaluate_command(
    versions: Annotated[list[str], typer.Argument(help="Versions to measure, such as v1 v2 v3.", show_default=False)],
    data: Annotated[Path, typer.Option(help=_DATA_HELP, show_default=False)],
    models: ModelsOption = _PROJECT_MODELS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Write the confusion matrix of the vote to this PNG file.", show_default=False)
    ] = None,
) -> None:
    """Measure versions and their vote on a folder of labelled documents, with the code that serves them."""
    from training.data import DataError
    from training.evaluate import evaluate

    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("classifying", total=None)

            def report(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            evaluation = evaluate(models, versions, data, report=report)
    except (DataError, ModelLoadError) as error:
        raise TriptychError(str(error)) from error
    for line in evaluation.skipped:
        console.print(f"[yellow]skipped[/] {escape(printable(line))}", highlight=False)
    if as_json:
        typer.echo(to_json(evaluation.as_json()))
    else:
        Console().print(_evaluation_table(evaluation))
    if picture:
        _write_picture(evaluation, f"the vote of {', '.join(versions)} on {evaluation.images} documents", picture)


def _write_picture(evaluation: "Evaluation", title: str, picture: Path) -> None:
    try:
        from training.card import draw_confusion

        picture.parent.mkdir(parents=True, exist_ok=True)
        draw_confusion(evaluation.confusion, evaluation.labels, title, picture)
    except ModuleNotFoundError as missing:
        raise TriptychError(f"The picture needs the package {missing.name}: run `make training`.") from None
    except OSError as error:
        raise TriptychError(f"The picture cannot be written: {error}") from error


def _evaluation_table(evaluation: "Evaluation") -> Table:
    table = Table(caption=f"{evaluation.images} documents; {evaluation.flagged:.1%} would be flagged for review")
    table.add_column("")
    columns = {name: report.metrics for name, report in evaluation.versions.items()} | {"vote": evaluation.vote}
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row("accuracy", *(f"{metrics.accuracy:.1%}" for metrics in columns.values()))
    table.add_row("95 % interval", *("{:.1%} to {:.1%}".format(*metrics.interval) for metrics in columns.values()))
    table.add_row("macro-F1", *(f"{metrics.macro_f1:.1%}" for metrics in columns.values()))
    table.add_row("calibration error", *(f"{metrics.ece:.3f}" for metrics in columns.values()))
    table.add_row("abstained", *(f"{report.abstained:.1%}" for report in evaluation.versions.values()), "")
    table.add_row("ms per page", *(f"{report.ms_per_page:.1f}" for report in evaluation.versions.values()), "")
    table.add_section()
    for label in evaluation.vote.recall:
        name = escape(printable(f"recall, {label}"))
        table.add_row(name, *(f"{metrics.recall[label]:.1%}" for metrics in columns.values()))
    table.add_section()
    for pair, share in evaluation.agreement.items():
        table.add_row(f"agreement: {pair}", f"{share:.1%}")
    return table

"""Train a version on one's own labels, and measure versions side by side."""

import json
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

from model_service.errors import ModelLoadError
from records.documents import DocumentStore
from triptych.commands.options import StackOption, parse_time
from triptych.commands.shared import progress_bar
from triptych.errors import TriptychError, UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection

if TYPE_CHECKING:
    from training.evaluate import Evaluation
    from training.version import TrainedVersion

Data = Annotated[Path, typer.Option(help="Folder that holds one folder of images or PDFs a label.")]
MOST = 20_000
"""So many of the newest labelled documents are learnt from."""
Models = Annotated[Path, typer.Option(help="Folder of the versions.")]


def train(
    versions: Annotated[
        list[str],
        typer.Argument(help="Versions to train, teachers before those whom they teach.", metavar="VERSION..."),
    ],
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds one folder of images or PDFs a label.", show_default=False)
    ] = None,
    models: Models = Path("models"),
    recipe: Annotated[
        Path | None,
        typer.Option(help="Another recipe than the version's own (which, in a new --models, is the project's)."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads to compute with.")] = os.cpu_count() or 1,
    torchscript: Annotated[
        bool, typer.Option("--torchscript", help="Also write model.pt, for SageMaker's PyTorch container.")
    ] = False,
    from_reviews: Annotated[
        bool, typer.Option("--from-reviews", help="First add the reviewed documents to --data (or to `reviewed`).")
    ] = False,
    since: Annotated[str | None, typer.Option(help="With --from-reviews: only uploads after this, as 30d.")] = None,
    stack: StackOption = None,
) -> None:
    """Train versions on a folder of labelled documents; what comes out can be served.

    With --from-reviews, what people have labelled is fetched into that folder first. A run that was broken off goes on
    where it was. Ctrl-C ends it early and keeps the best epoch so far, if it was measured on documents kept aside; a
    cross-validation that was broken off writes no version.
    """
    try:
        from training.architectures import WeightsError
        from training.cross_validation import TrainingInterrupted
        from training.data import DataError
        from training.export import ParityError
        from training.recipe import RecipeError, read_recipe, teachers_first
        from training.train import Resources
        from training.version import train_version
    except ModuleNotFoundError as missing:
        raise TriptychError(f"Training needs more packages ({missing.name}): `make training` installs them") from None
    if recipe and len(versions) > 1:
        raise UsageError("--recipe is for one version.")
    console = Console(stderr=True)
    if from_reviews:
        data = data or Path("reviewed")
        _fetch_reviewed(data, since, stack, console)
    if data is None:
        raise UsageError("What is to be learnt from? Give --data FOLDER, --from-reviews, or both.")
    recipes = {version: recipe or _recipe_file(models, version) for version in versions}
    try:
        order = teachers_first({version: read_recipe(file) for version, file in recipes.items()})
        for place, version in enumerate(order, start=1):
            result = train_version(
                recipes[version],
                data,
                models / version,
                resources=Resources(threads=threads),
                console=console,
                torchscript=torchscript,
            )
            _tell(version, result, console)
            if result.interrupted and (left := order[place:]):
                console.print(f"broken off: {', '.join(left)} not trained", highlight=False)
                raise typer.Exit(130)
    except (DataError, RecipeError, WeightsError, ParityError, ModelLoadError) as problem:
        raise TriptychError(str(problem)) from problem
    except TrainingInterrupted as stopped:
        console.print(str(stopped), highlight=False)
        raise typer.Exit(130) from None


def _recipe_file(models: Path, version: str) -> Path:
    """The version's own recipe; the project's for a version that is new in its folder."""
    own, ours = (folder / version / "recipe.toml" for folder in (models, Path("models")))
    return ours if ours.exists() and not own.exists() else own


def _tell(version: str, result: "TrainedVersion", console: Console) -> None:
    low, high = result.metrics.interval
    console.print(
        f"{version}: {result.metrics.accuracy:.1%} right of {result.metrics.images} held-out pages "
        f"({low:.1%} to {high:.1%}). {result.folder} can be served; its README.md is the model card.",
        highlight=False,
    )


def _fetch_reviewed(folder: Path, since: str | None, stack: str | None, console: Console) -> None:
    """Bring the folder up to what people have labelled, and say what came of it."""
    from triptych.review import label_export

    to = connection.connect(stack)
    after = parse_time(since, now=datetime.now(UTC)) if since else None
    records = Reviews(to.table).labelled(since=after, limit=MOST)
    with progress_bar(console) as progress:
        bar = progress.add_task("fetched", total=len(records))
        reader = DocumentStore(to.s3, max_bytes=sys.maxsize)
        written = label_export.export_labels(records, reader, folder, advance=lambda: progress.advance(bar))
    for line in written.left_out:
        console.print(f"[yellow]left out[/] {escape(line)}", highlight=False)
    apart = f"; {written.strangers} that fit no label are put apart" if written.strangers else ""
    console.print(f"{written.documents} reviewed documents are in {folder}{apart}.", highlight=False)


def evaluate(
    versions: Annotated[list[str], typer.Argument(help="Versions to measure, such as v1 v2 v3.")],
    data: Data,
    models: Models = Path("models"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write the vote's confusion matrix to this PNG.")] = None,
) -> None:
    """Measure versions and their vote on a folder of labelled documents, through the code that serves them."""
    from training.data import DataError
    from training.evaluate import evaluate as measure

    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("classifying", total=None)
            evaluation = measure(
                models, versions, data, report=lambda done, total: progress.update(task, completed=done, total=total)
            )
    except (DataError, ModelLoadError) as problem:
        raise TriptychError(str(problem)) from problem
    for line in evaluation.skipped:
        console.print(f"[yellow]skipped[/] {escape(line)}", highlight=False)
    if as_json:
        print(json.dumps(evaluation.as_json()))
    else:
        Console().print(_table(evaluation))
    if picture:
        _draw(evaluation, f"the vote of {', '.join(versions)} on {evaluation.images} documents", picture)


def _draw(evaluation: "Evaluation", title: str, picture: Path) -> None:
    try:
        from training.card import draw_confusion

        picture.parent.mkdir(parents=True, exist_ok=True)
        draw_confusion(evaluation.confusion, evaluation.labels, title, picture)
    except ModuleNotFoundError as missing:
        detail = f"The picture needs more packages ({missing.name}): `make training` installs them"
        raise TriptychError(detail) from None
    except OSError as problem:
        raise TriptychError(f"The picture cannot be written: {problem}") from problem


def _table(evaluation: "Evaluation") -> Table:
    table = Table(caption=f"{evaluation.images} documents; {evaluation.flagged:.1%} would be marked for review")
    table.add_column("")
    columns = {name: report.metrics for name, report in evaluation.versions.items()} | {"vote": evaluation.vote}
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row("accuracy", *(f"{metrics.accuracy:.1%}" for metrics in columns.values()))
    table.add_row("95 % interval", *("{:.1%} to {:.1%}".format(*metrics.interval) for metrics in columns.values()))
    table.add_row("macro-F1", *(f"{metrics.macro_f1:.1%}" for metrics in columns.values()))
    table.add_row("calibration error", *(f"{metrics.ece:.3f}" for metrics in columns.values()))
    table.add_row("abstained", *(f"{report.abstained:.1%}" for report in evaluation.versions.values()), "")
    table.add_row("ms a page", *(f"{report.ms_per_page:.1f}" for report in evaluation.versions.values()), "")
    table.add_section()
    for label in evaluation.vote.recall:
        table.add_row(f"found of {label}", *(f"{metrics.recall[label]:.1%}" for metrics in columns.values()))
    table.add_section()
    for pair, share in evaluation.agreement.items():
        table.add_row(f"agree: {pair}", f"{share:.1%}")
    return table

import io
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

import training.train
from tests.support.small_architecture import SMALL
from training.checkpoint import fingerprint_of
from training.data import OOD_LABEL, LabelledDocument, Page, list_documents, load_pages
from training.network import ExportableModel, build_model, preprocessing_of, with_frozen_backbone
from training.recipe import Input, Recipe, Schedule
from training.splits import split_by_source
from training.train import FitResult, Resources, fit

LABELS = ("daisy", "rose", "sunflower")
IN_PROCESS = Resources(threads=1, workers=0)
BATCH = 8
NEW_EACH_TIME: dict[str, Any] = {}
REUSED: dict[str, Any] = {"variations": 16, "mixup": 0.4, "mixup_share": 0.5, "progressive_sizes": True}
each_kind_of_variation = pytest.mark.parametrize("schedule", [NEW_EACH_TIME, REUSED], ids=["new each time", "reused"])


def _recipe(architecture: str = SMALL, **schedule: object) -> Recipe:
    settings = {"epochs": 2, "batch": BATCH, "learning_rate": 5e-3, "warmup_epochs": 0, "ema": 0.8, **schedule}
    return Recipe(
        version="v9",
        architecture=architecture,
        input=Input(width=32, height=32, color="rgb"),
        schedule=Schedule.model_validate(settings),
    )


@dataclass(frozen=True)
class Pages:
    """A training set and a validation set of flowers."""

    train: list[Page]
    validation: list[Page]


@pytest.fixture(scope="module")
def pages(flowers: Path) -> Pages:
    documents = list_documents(flowers).documents
    split = split_by_source(documents, 0.25, 0)
    page_of = {page.document: page for page in load_pages(documents, 48, grey=False)[0]}
    return Pages([page_of[d] for d in split.train], [page_of[d] for d in split.validation])


Train = Callable[..., FitResult]


@dataclass
class FunctionTeacher:
    """A teacher whose probabilities a function returns."""

    probabilities: Callable[[Tensor], Tensor]
    size: tuple[int, int] = (32, 32)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        return self.probabilities(pages)


def _uniform(pages: Tensor) -> Tensor:
    return torch.full((len(pages), len(LABELS)), 1 / len(LABELS))


@pytest.fixture
def train(pages: Pages, tmp_path: Path) -> Train:
    """Return a function that trains on the flowers, with a checkpoint in the test's folder."""

    def run(recipe: Recipe, name: str = "run", extra: tuple[Page, ...] = (), **options: object) -> FitResult:
        arguments = {"resources": IN_PROCESS, "console": Console(quiet=True), **options}
        checkpoint = tmp_path / f"{name}.pt"
        return fit(recipe, LABELS, [*pages.train, *extra], pages.validation, checkpoint, **arguments)  # type: ignore[arg-type]

    return run


def _equal(one: FitResult, other: FitResult) -> bool:
    first, second = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def _changed_blocks(fitted: FitResult, recipe: Recipe) -> list[bool]:
    """Return for each block whether its weights differ from the initial ones."""
    initial = build_model(recipe, len(LABELS)).network
    assert isinstance(fitted.model, ExportableModel)
    return [
        any(not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))
        for before, after in zip(initial.blocks, fitted.model.network.blocks, strict=True)
    ]


@each_kind_of_variation
def test_seed_determines_the_network_whatever_the_number_of_workers(train: Train, schedule: dict[str, Any]) -> None:
    once = train(_recipe(**schedule), "a")
    again = train(_recipe(**schedule), "b", resources=Resources(threads=1, workers=1))
    other = train(_recipe(**schedule).model_copy(update={"seed": 7}), "c")
    assert once.history == again.history
    assert _equal(once, again)
    assert not _equal(once, other)


@each_kind_of_variation
def test_interrupted_training_resumes_to_the_same_network(
    train: Train, monkeypatch: pytest.MonkeyPatch, schedule: dict[str, Any]
) -> None:
    recipe = _recipe(epochs=3, **schedule)
    uninterrupted = train(recipe, "uninterrupted")
    train_epoch, calls = training.train._train_epoch, []  # noqa: SLF001

    def fail_in_second_epoch(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("power failure")
        train_epoch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training.train, "_train_epoch", fail_in_second_epoch)
    with pytest.raises(OSError, match="power failure"):
        train(recipe, "interrupted")
    monkeypatch.undo()
    resumed = train(recipe, "interrupted")
    assert resumed.history == uninterrupted.history
    assert _equal(resumed, uninterrupted)


def test_checkpoint_of_another_recipe_is_not_resumed(train: Train) -> None:
    train(_recipe(epochs=2), "shared")
    assert len(train(_recipe(epochs=1), "shared").history) == 1


def test_checkpoint_of_other_pages_is_not_resumed(pages: Pages) -> None:
    """A page that moved to its right label, or was scanned again under its old name, starts a new training."""
    first, *others = pages.train
    known = fingerprint_of(_recipe(), LABELS, pages.train)
    assert fingerprint_of(_recipe(), LABELS, pages.train[::-1]) == known
    moved = replace(first, document=replace(first.document, label=first.document.label + 1))
    for changed in (moved, replace(first, content="scanned again")):
        assert fingerprint_of(_recipe(), LABELS, [changed, *others]) != known


@pytest.fixture
def _default_sigint() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt: tests in the background of a shell inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_default_sigint")
def test_ctrl_c_returns_the_best_network_so_far(train: Train, pages: Pages, tmp_path: Path) -> None:
    batches: list[int] = []
    steps = len(pages.train) // BATCH

    def interrupt_in_third_epoch(batch: Tensor) -> Tensor:
        batches.append(len(batch))
        if len(batches) == 2 * steps + 1:
            signal.raise_signal(signal.SIGINT)
        return _uniform(batch)

    stopped = train(_recipe(epochs=50), teacher=FunctionTeacher(interrupt_in_third_epoch))
    assert stopped.interrupted
    assert len(stopped.history) == 2
    best = torch.load(tmp_path / "run.pt", weights_only=True)["best"][0]
    assert all(torch.equal(best[name], value) for name, value in stopped.model.state_dict().items())
    assert len(batches) == 2 * steps + 1


@pytest.mark.usefixtures("_default_sigint")
def test_ctrl_c_while_variations_are_made_leaves_nothing_that_changes_the_next_training(train: Train) -> None:
    def interrupt(_batch: Tensor) -> Tensor:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    stopped = train(_recipe(**REUSED), teacher=FunctionTeacher(interrupt))
    assert stopped.interrupted
    assert stopped.history == []
    uniform = FunctionTeacher(_uniform)
    assert _equal(train(_recipe(**REUSED), teacher=uniform), train(_recipe(**REUSED), "other", teacher=uniform))


def test_teacher_sees_each_reused_variation_once_and_nothing_after_the_training(train: Train) -> None:
    """A training that has finished makes no variations to find that out."""
    seen: list[int] = []

    def count(batch: Tensor) -> Tensor:
        seen.append(len(batch))
        return _uniform(batch)

    once = train(_recipe(epochs=3, **REUSED), teacher=FunctionTeacher(count, (48, 40)))
    assert sum(seen) == 16
    assert _equal(train(_recipe(epochs=3, **REUSED), teacher=FunctionTeacher(count, (48, 40))), once)
    assert sum(seen) == 16


def test_making_of_variations_is_reported(train: Train, pages: Pages) -> None:
    console = Console(record=True, quiet=False, file=io.StringIO())
    train(_recipe(epochs=1, **REUSED), console=console)
    assert f"made 16 variations of {len(pages.train)} pages" in console.export_text()


def test_network_learns_from_reused_variations(train: Train, pages: Pages) -> None:
    recipe = _recipe(epochs=12, variations=48, progressive_sizes=True, rise_epochs=2)
    fitted = train(recipe)
    truth = [page.document.label for page in pages.validation]
    assert _probabilities(fitted, recipe, pages.validation).argmax(dim=1).tolist() == truth


def test_frozen_blocks_take_pages_of_progressive_sizes(train: Train) -> None:
    """OpenVINO runs the frozen blocks at each of the sizes."""
    recipe = _recipe(epochs=2, freeze_blocks=4, batch_norm="folded", progressive_sizes=True)
    assert _changed_blocks(train(recipe), recipe) == [False] * 4 + [True] * 2


def test_frozen_blocks_keep_their_weights_and_the_others_are_trained(train: Train) -> None:
    recipe = _recipe(freeze_blocks=4, batch_norm="folded")
    assert _changed_blocks(train(recipe), recipe) == [False] * 4 + [True] * 2


@pytest.mark.parametrize(("warmup_epochs", "changed"), [(1.0, False), (0.5, True), (0.0, True)])
def test_warm_up_ends_after_a_fraction_of_an_epoch(train: Train, warmup_epochs: float, changed: bool) -> None:
    """Only the head is trained in the warm-up: half an epoch is not rounded up to a whole one."""
    recipe = _recipe(epochs=1, warmup_epochs=warmup_epochs)
    assert set(_changed_blocks(train(recipe), recipe)) == {changed}


def test_frozen_blocks_in_openvino_agree_with_torch() -> None:
    recipe = _recipe("mobilenet_v2", freeze_blocks=5, batch_norm="folded")
    model = build_model(recipe, 3).eval()
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    with torch.no_grad():
        torch.testing.assert_close(
            with_frozen_backbone(model, 5, recipe, 1)(pixels), model(pixels), rtol=1e-3, atol=1e-4
        )


def _probabilities(fitted: FitResult, recipe: Recipe, pages: list[Page]) -> Tensor:
    pixels = np.stack([preprocessing_of(recipe).apply(page.image()) for page in pages])
    with torch.no_grad():
        probabilities: Tensor = fitted.model(torch.from_numpy(pixels)).softmax(dim=1)
    return probabilities


def test_distillation_with_full_weight_ignores_the_labels(train: Train, pages: Pages) -> None:
    def always_last(batch: Tensor) -> Tensor:
        return torch.tensor([0.0, 0.0, 1.0]).expand(len(batch), 3)

    recipe = _recipe(epochs=4)
    recipe = recipe.model_copy(update={"distillation": recipe.distillation.model_copy(update={"weight": 1.0})})
    fitted = train(recipe, teacher=FunctionTeacher(always_last))
    assert _probabilities(fitted, recipe, pages.validation).argmax(dim=1).tolist() == [2] * len(pages.validation)


def test_teacher_sees_pages_at_its_own_size(train: Train) -> None:
    shapes: set[tuple[int, ...]] = set()

    def record_shape(batch: Tensor) -> Tensor:
        shapes.add(tuple(batch.shape[1:]))
        return _uniform(batch)

    fitted = train(_recipe(epochs=1), teacher=FunctionTeacher(record_shape, (48, 40)))
    assert shapes == {(48, 40, 3)}
    assert fitted.model(torch.zeros((1, 32, 32, 3), dtype=torch.uint8)).shape == (1, 3)


def test_out_of_distribution_pages_are_trained_towards_no_label(train: Train) -> None:
    """The same noise leads to a high confidence as pages of a label, and to a low one as out-of-distribution pages."""
    rng = np.random.default_rng(0)
    recipe, confidence = _recipe(epochs=14), {}
    pixels = [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(12)]
    for label in (0, OOD_LABEL):
        noise = [Page(page, LabelledDocument(Path(f"noise-{n}.png"), label)) for n, page in enumerate(pixels)]
        fitted = train(recipe, f"label {label}", extra=tuple(noise))
        confidence[label] = float(_probabilities(fitted, recipe, noise).amax(dim=1).mean())
    assert confidence[OOD_LABEL] < 0.5
    assert confidence[0] > 0.8

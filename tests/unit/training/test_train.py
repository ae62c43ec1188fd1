import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from training.checkpoint import fingerprint_of
from training.data import STRANGER, Document, Page, load_pages, scan, split
from training.network import behind_trunk, make_graph, preprocessing_of
from training.recipe import Input, Recipe, Schedule
from training.train import Fit, Resources, fit

LABELS = ("daisy", "rose", "sunflower")
ALONE = Resources(threads=1, workers=0)


def _recipe(**schedule: object) -> Recipe:
    how = {"epochs": 2, "batch": 8, "learning_rate": 2e-3, "warmup_epochs": 0, "ema": 0.8, **schedule}
    return Recipe(
        version="v9",
        architecture="mobilenet_v2",
        input=Input(width=32, height=32, color="rgb"),
        schedule=Schedule.model_validate(how),
    )


@pytest.fixture(scope="module")
def pages(garden: Path) -> tuple[list[Page], list[Page]]:
    folder = scan(garden)
    learn, aside, _ = split(folder.documents, 0.25, 0)
    loaded, _ = load_pages(folder.documents, 48, grey=False)
    of = {page.document: page for page in loaded}
    return [of[d] for d in learn], [of[d] for d in aside]


Train = Callable[..., Fit]


@dataclass
class Saying:
    """A teacher that answers what a function says."""

    answer: Callable[[Tensor], Tensor]
    size: tuple[int, int] = (32, 32)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        return self.answer(pages)


@pytest.fixture
def train(pages: tuple[list[Page], list[Page]], tmp_path: Path) -> Train:
    def run(recipe: Recipe, name: str = "run", **more: object) -> Fit:
        options = {"resources": ALONE, "console": Console(quiet=True), **more}
        return fit(recipe, LABELS, *pages, tmp_path / f"{name}.pt", **options)  # type: ignore[arg-type]

    return run


def _same(one: Fit, other: Fit) -> bool:
    ours, theirs = one.graph.state_dict(), other.graph.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_one_seed_gives_one_network_however_pages_are_prepared(train: Train) -> None:
    """Same seed, same metrics: also with workers, which must not change what chance decides."""
    once = train(_recipe(), "a")
    again = train(_recipe(), "b", resources=Resources(threads=1, workers=2))
    other = train(_recipe().model_copy(update={"seed": 7}), "c")
    assert once.history == again.history
    assert _same(once, again)
    assert not _same(once, other)


def test_a_broken_run_resumes_to_the_same_network(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(_recipe(epochs=3), "whole")
    import training.train as module

    real, calls = module._one_epoch, []

    def stopped(*arguments: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("power cut")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_one_epoch", stopped)
    with pytest.raises(OSError, match="power cut"):
        train(_recipe(epochs=3), "broken")
    monkeypatch.undo()
    resumed = train(_recipe(epochs=3), "broken")
    assert resumed.history == whole.history
    assert _same(resumed, whole)


def test_a_checkpoint_of_another_recipe_is_not_resumed(train: Train) -> None:
    train(_recipe(epochs=2), "shared")
    assert len(train(_recipe(epochs=1), "shared").history) == 1


def test_a_checkpoint_of_other_pages_is_not_resumed(pages: tuple[list[Page], list[Page]]) -> None:
    """A picture that was moved to its right label, or scanned again under its old name, must be learnt anew."""
    learn = pages[0]
    known = fingerprint_of(_recipe(), LABELS, learn)
    assert fingerprint_of(_recipe(), LABELS, learn[::-1]) == known
    moved = replace(learn[0].document, label=2 - learn[0].document.label)
    assert learn[0].document.label == 0
    for other in (replace(learn[0], document=moved), replace(learn[0], content="scanned again")):
        assert fingerprint_of(_recipe(), LABELS, [other, *learn[1:]]) != known


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Where the tests run in the background, SIGINT comes ignored from the shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_keeps_what_was_learnt(train: Train, pages: tuple[list[Page], list[Page]], tmp_path: Path) -> None:
    """A person who has seen enough gets the best so far, not a traceback."""
    asked: list[int] = []
    steps = len(pages[0]) // 8

    def impatient(batch: Tensor) -> Tensor:
        asked.append(len(batch))
        if len(asked) == 2 * steps + 1:
            signal.raise_signal(signal.SIGINT)
        return torch.full((len(batch), len(LABELS)), 1 / len(LABELS))

    stopped = train(_recipe(epochs=50), teacher=Saying(impatient))
    assert stopped.interrupted
    assert len(stopped.history) == 2
    kept = torch.load(tmp_path / "run.pt", weights_only=True)["best"][0]
    assert all(torch.equal(kept[name], value) for name, value in stopped.graph.state_dict().items())
    assert len(asked) == 2 * steps + 1


def test_frozen_blocks_keep_their_weights_and_the_rest_learns(train: Train) -> None:
    recipe = _recipe(freeze_blocks=4, batch_norm="folded")
    before, after = make_graph(recipe, 3).network, train(recipe).graph.network
    changed = [
        any(not torch.equal(a, b) for a, b in zip(x.parameters(), y.parameters(), strict=True))
        for x, y in zip(before.blocks, after.blocks, strict=True)
    ]
    assert not any(changed[:4])
    assert all(changed[4:])


def test_frozen_blocks_in_openvino_give_what_torch_gives() -> None:
    recipe = _recipe(freeze_blocks=5, batch_norm="folded")
    graph = make_graph(recipe, 3).eval()
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    with torch.no_grad():
        torch.testing.assert_close(behind_trunk(graph, 5, recipe, 1)(images), graph(images), rtol=1e-3, atol=1e-4)


def test_a_student_learns_from_its_teacher_alone(train: Train, pages: tuple[list[Page], list[Page]]) -> None:
    """With all the weight on the teacher, wrong labels are learnt as the teacher gives them."""

    def stubborn(batch: Tensor) -> Tensor:
        return torch.tensor([0.0, 0.0, 1.0]).expand(len(batch), 3)

    recipe = _recipe(epochs=4)
    recipe = recipe.model_copy(update={"distillation": recipe.distillation.model_copy(update={"weight": 1.0})})
    graph = train(recipe, teacher=Saying(stubborn)).graph
    pixels = np.stack([preprocessing_of(recipe).apply(page.image()) for page in pages[1]])
    with torch.no_grad():
        assert graph(torch.from_numpy(pixels)).argmax(dim=1).tolist() == [2] * len(pixels)


def test_a_teacher_sees_the_pages_at_its_own_size(train: Train) -> None:
    """It learnt to read small print; of pages as small as the student's it has no opinion worth having."""
    shown: set[tuple[int, ...]] = set()

    def keen(batch: Tensor) -> Tensor:
        shown.add(tuple(batch.shape[1:]))
        return torch.full((len(batch), 3), 1 / 3)

    fitted = train(_recipe(epochs=1), teacher=Saying(keen, (48, 40)))
    assert shown == {(48, 40, 3)}
    assert fitted.graph(torch.zeros((1, 32, 32, 3), dtype=torch.uint8)).shape == (1, 3)


def test_strangers_pull_towards_no_label(train: Train, pages: tuple[list[Page], list[Page]], tmp_path: Path) -> None:
    """Pages of no label are learnt from without being counted as any."""
    rng = np.random.default_rng(0)
    noise = [
        Page(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), Document(Path(f"noise-{n}.png"), STRANGER))
        for n in range(12)
    ]
    recipe = _recipe(epochs=6)
    with_strangers = fit(
        recipe, LABELS, [*pages[0], *noise], pages[1], tmp_path / "s.pt", resources=ALONE, console=Console(quiet=True)
    )
    pixels = np.stack([preprocessing_of(recipe).apply(page.image()) for page in noise])
    with torch.no_grad():
        sure = with_strangers.graph(torch.from_numpy(pixels)).softmax(dim=1).amax(dim=1).mean()
    assert sure < 0.75

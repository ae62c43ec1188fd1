"""Protects: the served network is the mean of all members of a soup, and no member is trained twice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.support.small_architecture import SMALL
from training import soup
from training.cross_validation import VersionTraining
from training.data import LabelledDocument, Page
from training.network import ExportableModel, build_model
from training.recipe import Input, Recipe, Schedule
from training.train import FitResult, Resources

LABELS = ("daisy", "rose")


def _recipe(soup_size: int) -> Recipe:
    schedule = Schedule(epochs=1, batch=4, warmup_epochs=0, soup_size=soup_size)
    return Recipe(version="v9", architecture=SMALL, input=Input(width=32, height=32), schedule=schedule)


def _training(runs: Path, soup_size: int) -> VersionTraining:
    return VersionTraining(_recipe(soup_size), LABELS, runs, Resources(1, 0), None, Console(quiet=True))


def _pages() -> list[Page]:
    rng = np.random.default_rng(3)
    return [
        Page(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), LabelledDocument(Path(f"{n}.png"), n % 2, "ann"))
        for n in range(8)
    ]


def test_model_is_the_mean_of_the_members(tmp_path: Path) -> None:
    fitted = _training(tmp_path, 2).fit("final", _pages(), [])
    one, other = (torch.load(tmp_path / name, weights_only=True) for name in ("final.pt", "final-2.pt"))
    assert one["fingerprint"] != other["fingerprint"]
    for name, value in fitted.model.state_dict().items():
        first, second = one["average"][0][name], other["average"][0][name]
        expected = (first + second) / 2 if value.is_floating_point() else first
        assert torch.allclose(value, expected, atol=1e-6), name
    head = "network.head.weight"
    assert not torch.equal(one["average"][0][head], other["average"][0][head])


def test_finished_network_becomes_a_member_without_another_training(tmp_path: Path) -> None:
    single = _training(tmp_path, 1).fit("final", _pages(), [])
    before = (tmp_path / "final.pt").stat().st_mtime_ns  # another training would write the same bytes
    weights = {name: value.clone() for name, value in single.model.state_dict().items()}
    average = _training(tmp_path, 2).fit("final", _pages(), [])
    assert (tmp_path / "final.pt").stat().st_mtime_ns == before
    assert any(not torch.equal(value, weights[name]) for name, value in average.model.state_dict().items())


@pytest.mark.parametrize(("interrupted", "expected"), [((False, True), 1.0), ((True,), 1.0), ((False, False), 2.0)])
def test_interrupted_member_is_left_out_unless_it_is_the_only_one(
    interrupted: tuple[bool, ...], expected: float
) -> None:
    fits = []
    for number, stopped in enumerate(interrupted):
        model = build_model(_recipe(1), 2)
        model.load_state_dict({
            name: torch.full_like(value, 1.0 + 2 * number) if value.is_floating_point() else value
            for name, value in model.state_dict().items()
        })  # fmt: skip
        fits.append(FitResult(model, [], stopped))
    average = soup.average_fits(fits)
    assert average.interrupted is any(interrupted)
    assert isinstance(average.model, ExportableModel)
    assert float(average.model.network.head.weight.detach().mean()) == pytest.approx(expected)

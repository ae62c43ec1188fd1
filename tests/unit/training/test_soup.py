"""Protects: the network that is served is the mean of all that were trained, and none of them is trained twice."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from training import soup
from training.cross_validation import Job
from training.data import Document, Page
from training.network import make_graph
from training.recipe import Input, Recipe, Schedule
from training.train import Fit, Resources

LABELS = ("daisy", "rose")


def job(runs: Path, ingredients: int) -> Job:
    schedule = Schedule(epochs=1, batch=4, warmup_epochs=0, ingredients=ingredients)
    recipe = Recipe(version="v9", architecture="mobilenet_v2", input=Input(width=32, height=32), schedule=schedule)
    return Job(recipe, LABELS, runs, Resources(1, 0), None, Console(quiet=True))


def pages() -> list[Page]:
    rng = np.random.default_rng(3)
    return [
        Page(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), Document(Path(f"{number}.png"), number % 2, "ann"))
        for number in range(8)
    ]


def test_the_network_is_the_mean_of_its_ingredients(tmp_path: Path) -> None:
    fitted = job(tmp_path, 2).fit("final", pages(), [])
    one, other = (torch.load(tmp_path / name, weights_only=True) for name in ("final.pt", "final-2.pt"))
    assert one["fingerprint"] != other["fingerprint"]
    for name, value in fitted.graph.state_dict().items():
        first, second = one["average"][0][name], other["average"][0][name]
        expected = (first + second) / 2 if value.is_floating_point() else first
        assert torch.allclose(value, expected, atol=1e-6), name
    head = "network.head.weight"
    assert not torch.equal(one["average"][0][head], other["average"][0][head])


def test_a_network_that_is_there_is_not_trained_again_for_a_soup(tmp_path: Path) -> None:
    """One more ingredient costs one more training, not all of them."""
    alone = job(tmp_path, 1).fit("final", pages(), [])
    before = (tmp_path / "final.pt").stat().st_mtime_ns  # trained again, it would be written with the same bytes
    weights = {name: value.clone() for name, value in alone.graph.state_dict().items()}
    together = job(tmp_path, 2).fit("final", pages(), [])
    assert (tmp_path / "final.pt").stat().st_mtime_ns == before
    assert any(not torch.equal(value, weights[name]) for name, value in together.graph.state_dict().items())


@pytest.mark.parametrize(("broken", "expected"), [((False, True), 1.0), ((True,), 1.0), ((False, False), 2.0)])
def test_a_network_that_was_broken_off_is_left_out_where_there_is_a_whole_one(
    broken: tuple[bool, ...], expected: float
) -> None:
    fits = []
    for number, interrupted in enumerate(broken):
        graph = make_graph(job(Path(), 1).recipe, 2)
        graph.load_state_dict({
            name: torch.full_like(value, 1.0 + 2 * number) if value.is_floating_point() else value
            for name, value in graph.state_dict().items()
        })  # fmt: skip
        fits.append(Fit(graph, [], interrupted))
    blended = soup.blend(fits)
    assert blended.interrupted is any(broken)
    assert float(blended.graph.network.head.weight.detach().mean()) == pytest.approx(expected)

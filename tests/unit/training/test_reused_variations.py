"""Protects: reused variations are the pages of the online path, used equally often, with small changes only."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from training.augmented_pages import AugmentedPages, common_size, load_batches, resize_pages
from training.data import OOD_LABEL, LabelledDocument, Page
from training.recipe import Input, Recipe, Schedule
from training.reused_variations import ReusedVariations, change_slightly, make_variations


def _recipe(color: str = "grey", **schedule: object) -> Recipe:
    return Recipe(
        version="v9",
        architecture="resnet18",
        seed=3,
        input=Input.model_validate({"width": 32, "height": 40, "color": color}),
        schedule=Schedule.model_validate({"batch": 4, "epochs": 8, **schedule}),
    )


def _pages(count: int, color: str = "grey") -> list[Page]:
    rng = np.random.default_rng(0)
    shape = (50, 44) if color == "grey" else (50, 44, 3)
    return [
        Page(rng.integers(0, 256, shape, dtype=np.uint8), LabelledDocument(Path(f"{n}.png"), n % 3 - 1))
        for n in range(count)
    ]


class BrightnessTeacher:
    """A teacher that predicts from the brightness of each page, so that pages have different probabilities."""

    size = (64, 24)

    def __call__(self, pages: Tensor, temperature: float) -> Tensor:
        """Return probabilities, shape (batch, 2)."""
        brightness = pages.float().mean((1, 2, 3)) - 128
        return torch.stack([brightness, -brightness], dim=1).div(10 * temperature).softmax(dim=1)


@pytest.mark.parametrize("color", ["grey", "rgb"])
def test_variations_are_the_pages_of_the_online_path_before_the_changes(color: str) -> None:
    """Pixels, labels and what the teacher predicts, including those of the last, incomplete batch."""
    recipe, teacher, pages = _recipe(color, variations=10), BrightnessTeacher(), _pages(10, color)
    reported: list[int] = []
    made = make_variations(recipe, pages, teacher, 0, reported.append)
    assert sum(reported) == 10
    assert made.pixels.shape == (10, 56, 45, 1 if color == "grey" else 3)
    online = AugmentedPages(pages, _recipe(color), 0, common_size(recipe.variation_size(), teacher))
    batches = list(load_batches(online, recipe, 0, drop_last=False))
    augmented = torch.cat([batch.pages for batch in batches])
    assert augmented.shape[1:] == (64, 45, 3)
    assert torch.equal(made.pixels.expand(-1, -1, -1, 3), resize_pages(augmented, (56, 45)))
    assert torch.equal(made.labels, torch.cat([batch.labels for batch in batches]))
    assert made.teacher_probabilities is not None
    torch.testing.assert_close(made.teacher_probabilities, teacher(augmented, recipe.distillation.temperature))


def test_batch_keeps_label_and_probabilities_of_each_variation() -> None:
    """Each variation has an unmistakable shade, which is also its label and its probability."""
    recipe = _recipe(variations=12, max_pages_per_epoch=8)
    shades = torch.arange(12)
    pixels = (shades * 20).to(torch.uint8)[:, None, None, None].expand(-1, 56, 45, 1)
    variations = ReusedVariations(recipe, pixels, shades, (shades / 12)[:, None])
    for epoch in range(3):
        batches = list(variations.batches(epoch))
        assert len(batches) == 2
        for pages, labels, probabilities in batches:
            assert pages.shape == (4, 40, 32, 3)
            assert pages.float().mean((1, 2, 3)) == pytest.approx(labels * 20.0, abs=18)
            assert probabilities is not None
            assert torch.equal(probabilities[:, 0], labels / 12)


def test_without_teacher_there_are_no_probabilities() -> None:
    made = make_variations(_recipe(variations=4), _pages(4), None, 0, lambda _count: None)
    assert made.teacher_probabilities is None
    assert {batch.teacher_probabilities for batch in made.batches(0)} == {None}
    assert OOD_LABEL in made.labels


def test_epochs_differ_and_can_be_repeated() -> None:
    """A training that resumes in the third epoch sees what an uninterrupted one sees."""
    made = make_variations(_recipe(variations=8), _pages(8), None, 0, lambda _count: None)
    first, second, again = (torch.cat([batch.pages for batch in made.batches(epoch)]) for epoch in (0, 1, 1))
    assert torch.equal(second, again)
    assert not torch.equal(first, second)


@given(st.integers(4, 40), st.integers(4, 50), st.integers(1, 12))
def test_variations_are_used_equally_often(variations: int, limit: int, epochs: int) -> None:
    recipe = _recipe(variations=variations, max_pages_per_epoch=limit)
    made = ReusedVariations(recipe, torch.zeros(variations, 1, 1, 1), torch.zeros(variations), None)
    orders = [made.order(epoch) for epoch in range(epochs)]
    assert {len(order) for order in orders} == {min(variations, limit)}
    used = Counter(dict.fromkeys(range(variations), 0)) + Counter(np.concatenate(orders).tolist())
    times = [used[index] for index in range(variations)]
    assert max(times) - min(times) <= 1


@pytest.mark.parametrize("seed", range(6))
def test_changes_keep_the_page(seed: int) -> None:
    """A dark column stays a dark column near its position, with and without noise, and at other sizes."""
    page = np.full((1, 56, 45, 1), 220, np.uint8)
    page[:, :, 18:28] = 30
    pages = torch.from_numpy(np.repeat(page, 5, axis=0))
    changed = change_slightly(pages, (40, 32), np.random.default_rng(seed))
    assert changed.shape == (5, 40, 32, 3)
    assert changed.dtype == torch.uint8
    columns = changed.float().mean((1, 3))
    assert (columns[:, 15:17] < 100).all()
    assert (columns[:, (3, -4)] > 140).all()
    assert len({row.numpy().tobytes() for row in changed}) == 5


def test_changes_depend_on_the_generator_only() -> None:
    pages = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 45, 45, 3), dtype=np.uint8))
    once, again, other = (change_slightly(pages, (32, 32), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)

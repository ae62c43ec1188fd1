"""Protects: the settings of a recipe that change in the course of a training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.recipe import Input, Recipe, Schedule
from training.schedule import input_size, learning_rate, pages_per_epoch, relative_cost, steps_per_epoch


def _recipe(width: int = 160, height: int = 160, **schedule: object) -> Recipe:
    settings = Schedule.model_validate({"epochs": 10, **schedule})
    return Recipe(
        version="v9", architecture="resnet18", input=Input(width=width, height=height, color="grey"), schedule=settings
    )


def test_progressive_sizes_grow_in_three_stages() -> None:
    recipe = _recipe(width=160, height=320, progressive_sizes=True)
    sizes = [input_size(recipe, done) for done in (0, 3.4, 3.5, 6.9, 7, 9.9)]
    assert sizes == [(192, 96)] * 2 + [(256, 128)] * 2 + [(320, 160)] * 2
    assert [relative_cost(recipe, done) for done in (0, 5, 8)] == pytest.approx([0.36, 0.64, 1])


@given(st.integers(32, 1024), st.floats(0, 1))
def test_sizes_are_never_larger_than_the_input_and_end_with_it(side: int, done: float) -> None:
    recipe = _recipe(width=side, height=side, progressive_sizes=True)
    height, width = input_size(recipe, 10 * done)
    assert height == width <= side
    assert height == side or (height >= 16 and height % 16 == 0)
    assert input_size(recipe, 9.9) == (side, side)
    assert input_size(_recipe(width=side, height=side), 10 * done) == (side, side)


def test_learning_rate_rises_for_as_long_as_the_recipe_states() -> None:
    """The default, half an epoch, is that of earlier releases."""
    for recipe, peak in ((_recipe(), 0.5), (_recipe(rise_epochs=4), 4.0)):
        rates = [learning_rate(recipe, peak * share) for share in (0, 0.25, 0.5, 0.75)]
        assert rates == sorted(rates)
        assert rates[0] == pytest.approx(0.02 * recipe.schedule.learning_rate)
        assert learning_rate(recipe, peak) > 0.6 * recipe.schedule.learning_rate
        assert learning_rate(recipe, 10) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("schedule", "pages"),
    [
        ({}, 50),
        ({"max_pages_per_epoch": 20}, 20),
        ({"variations": 300}, 300),
        ({"variations": 300, "max_pages_per_epoch": 120}, 120),
        ({"max_pages_per_epoch": 7}, 7),
    ],
)
def test_epoch_has_as_many_pages_as_there_are_or_as_the_recipe_allows(schedule: dict[str, int], pages: int) -> None:
    recipe = _recipe(batch=10, **schedule)
    assert pages_per_epoch(recipe, training_pages=50) == pages
    assert steps_per_epoch(recipe, training_pages=50) == max(1, pages // 10)

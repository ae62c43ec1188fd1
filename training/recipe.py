"""Recipes as data: everything that decides how a version is trained, read from `models/vN/recipe.toml`."""

import tomllib
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Probability = Annotated[float, Field(ge=0, le=1)]
Precision = Literal["f32", "bf16", "int8"]


class RecipeError(Exception):
    """A recipe is missing, is not TOML, or holds a value that makes no sense; the message says where."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Section):
    """The picture that the network sees: the page squashed to this size."""

    width: Annotated[int, Field(ge=32, le=1024)] = 224
    height: Annotated[int, Field(ge=32, le=1024)] = 224
    color: Literal["rgb", "grey"] = "grey"


class Augmentation(_Section):
    """How pages are varied while training. Probabilities are per page, extents are upper bounds.

    What these break: paper and ink colour (tint, shading, contrast, whiten), the way of digitising (binarise, blur,
    noise, jpeg, resolution, border, warp, streaks), the margin and the logo (crop, margin, skew, erase).
    """

    crop: Annotated[float, Field(ge=0, lt=0.5)] = 0.08
    """Largest share of a side that is cut off."""
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.06
    """Largest share of a side that is added as paper."""
    skew: Annotated[float, Field(ge=0, le=45)] = 2.0
    """Largest rotation in degrees."""
    flip: Probability = 0.0
    """Mirror left to right: right for plants, wrong for text."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.15
    tint: Probability = 0.3
    shading: Probability = 0.3
    whiten: Probability = 0.2
    binarise: Probability = 0.1
    invert: Probability = 0.02
    blur: Probability = 0.2
    noise: Probability = 0.3
    jpeg: Probability = 0.2
    resolution: Probability = 0.2
    border: Probability = 0.08
    warp: Probability = 0.1
    streaks: Probability = 0.1
    erase: Probability = 0.1


class Schedule(_Section):
    """The way through training."""

    epochs: Annotated[int, Field(ge=1)] = 12
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4
    """Peak rate of the blocks; the head learns `head_factor` times as fast."""
    head_factor: Annotated[float, Field(gt=0)] = 3.0
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    """Epochs in which only the head learns."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    freeze_blocks: Annotated[int, Field(ge=0)] = 0
    """This many first blocks keep their initial weights."""
    batch_norm: Literal["adapt", "folded"] = "adapt"
    """Whether batch norms learn the statistics of the pages, or are folded into the convolutions before training, which
    keeps those that the initial weights were learnt with and takes a third of the time off a step."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.08
    mixup: Annotated[float, Field(ge=0)] = 0.0
    """Alpha of the Beta distribution that mixes pairs of pages; 0 leaves them alone."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the moving average of the weights, which is what is kept."""
    ingredients: Annotated[int, Field(ge=1, le=8)] = 1
    """How many networks are trained from the same initial weights and averaged: see `training.soup`."""
    bf16: bool = False
    """Autocast to bfloat16: faster where the processor has it."""


class Drawn(_Section):
    """Pages that the project draws itself, added to what is learnt from, never to what is measured."""

    pages_per_class: Annotated[int, Field(ge=0)] = 0
    """Of each label that can be drawn."""
    strangers: Annotated[int, Field(ge=0)] = 0
    """Of kinds that no label covers, for which every label should be as likely as the next."""
    seed: int = 0
    """Versions with the same seed share the drawings."""


class Distillation(_Section):
    """Learning from the answers of versions that are already trained (Hinton et al. 2015, arXiv:1503.02531)."""

    teachers: tuple[str, ...] = ()
    """Folders beside this version's, such as "v2" and "v3"."""
    weight: Probability = 0.7
    """Share of the loss that is agreement with the teachers, the rest is the label."""
    temperature: Annotated[float, Field(gt=0)] = 2.0


class Validation(_Section):
    """What is kept aside to measure on."""

    folds: Annotated[int, Field(ge=0)] = 0
    """Cross-validate source-wise in this many folds and then train on everything; 0 keeps a share aside instead."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2


class Recipe(_Section):
    """How one version is made."""

    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    architecture: str
    weights: str = "none"
    seed: int = 0
    input: Input = Input()
    augmentation: Augmentation = Augmentation()
    schedule: Schedule = Schedule()
    drawn: Drawn = Drawn()
    distillation: Distillation = Distillation()
    validation: Validation = Validation()
    precision: Precision = "f32"
    """In which the version is served, on every host; it changes nothing of what is learnt. The model card compares."""

    def learning(self) -> str:
        """Return what decides the weights, as text: a checkpoint belongs to a recipe that says the same."""
        return self.model_dump_json(exclude={"precision"})


def teachers_first(recipes: Mapping[str, Recipe]) -> list[str]:
    """Return versions in an order in which each comes after those of them that teach it.

    Args:
        recipes: By version.

    Raises:
        RecipeError: They teach each other.
    """
    taught_by = {
        version: [teacher for teacher in recipe.distillation.teachers if teacher in recipes]
        for version, recipe in recipes.items()
    }
    try:
        return list(TopologicalSorter(taught_by).static_order())
    except CycleError as problem:
        raise RecipeError(
            f"none of these can be trained first: {' is taught by '.join(reversed(problem.args[1]))}"
        ) from problem


def read_recipe(file: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: It is missing, not TOML, or a key is unknown or out of range.
    """
    try:
        return Recipe.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as problem:
        raise RecipeError(f"{file}: cannot be read: {problem.strerror}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise RecipeError(f"{file}: not TOML: {problem}") from problem
    except ValidationError as problem:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors())
        raise RecipeError(f"{file}: {faults}") from problem

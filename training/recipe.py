"""Recipes as data: every setting that affects the training of a version, read from `models/vN/recipe.toml`."""

import tomllib
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from decoding.preprocessing import MAX_DECODE_SIDE

Probability = Annotated[float, Field(ge=0, le=1)]
Precision = Literal["f32", "bf16", "int8"]
RANDOM_FOREST = "random_forest"
"""The architecture that is not a network: see `training.forest`."""
LINEAR_PROBE = "linear_probe"
"""The architecture that trains one linear layer on a frozen network: see `training.linear_probe`."""
F32_LAYERS = 2
"""Number of first convolutions that int8 leaves in f32, unless a recipe chooses another."""
VARIATION_SCALE = 1.4
"""Sides of a reused variation, relative to the input of the network. The additional pixels keep text sharp when a
variation is enlarged by the random zoom."""
MAX_VARIATION_BYTES = 4 * 1024**3
"""Maximum memory of the reused variations of one training."""
LATER_SCHEDULE_KEYS = ("variations", "rise_epochs", "mixup_share", "progressive_sizes")
"""Keys of `[schedule]` that checkpoints of earlier releases do not contain. Their defaults change no training."""


class RecipeError(Exception):
    """A recipe is missing, is not TOML, or holds an invalid value. The message names the key."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Section):
    """The input of the network: the page squashed to this size."""

    width: Annotated[int, Field(ge=32, le=1024)] = 224
    height: Annotated[int, Field(ge=32, le=1024)] = 224
    color: Literal["rgb", "grey"] = "grey"
    decode_side: Annotated[int, Field(ge=0, le=MAX_DECODE_SIDE)] = 0
    """Minimum length of the shorter side of a decoded page; 1.5 times the longer side of the input at least. Versions
    with the same one share the decoding of a document in one process."""


class Augmentation(_Section):
    """Random variation of pages during training. Probabilities are per page; extents are upper bounds.

    Each setting removes a shortcut: the colour of paper and ink (tint, shading, contrast, whiten), the way of
    digitising (binarise, blur, noise, jpeg, resolution, border, warp, streaks), and margins and logos (crop, margin,
    skew, erase).
    """

    crop: Annotated[float, Field(ge=0, lt=0.5)] = 0.08
    """Largest share of a side that is cut off."""
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.06
    """Largest share of a side that is added as paper."""
    skew: Annotated[float, Field(ge=0, le=45)] = 2.0
    """Largest rotation in degrees."""
    flip: Probability = 0.0
    """Mirror left to right: suitable for plants, unsuitable for text."""
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
    canvas: Probability = 0.0
    """Place the page on a larger background, like a photograph of a page on a table or a scan on a larger bed."""


class Schedule(_Section):
    """Optimisation: number of epochs, learning rate, frozen layers and regularisation."""

    epochs: Annotated[int, Field(ge=1)] = 12
    max_pages_per_epoch: Annotated[int | None, Field(ge=1)] = None
    """Maximum number of augmented pages in an epoch. An epoch has as many as the training set has pages, or this."""
    balance_sources: bool = False
    """Sample the pages of a source by the square root of their number, so that large sources do not dominate a label.
    Otherwise every page of a label is sampled alike."""
    variations: Annotated[int, Field(ge=0)] = 0
    """Number of augmented variations that are made once, with the teachers' probabilities, and reused with cheap random
    changes: see `training.reused_variations`. An epoch then has as many pages as there are variations, or
    `max_pages_per_epoch`. 0 makes a new variation each time."""
    batch: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4
    """Peak learning rate of the blocks. The head uses `head_factor` times as much."""
    rise_epochs: Annotated[float, Field(gt=0)] = 0.5
    """Epochs in which the learning rate rises to its peak."""
    head_factor: Annotated[float, Field(gt=0)] = 3.0
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    """Epochs in which only the head is trained. A fraction ends within an epoch, rounded to a step."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    freeze_blocks: Annotated[int, Field(ge=0)] = 0
    """Number of first blocks that keep their initial weights."""
    batch_norm: Literal["adapt", "folded"] = "adapt"
    """`adapt` updates the statistics of batch norms during training. `folded` folds batch norms into the convolutions
    first, which keeps the statistics of the initial weights and makes a step a third faster."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.08
    mixup: Annotated[float, Field(ge=0)] = 0.0
    """Alpha of the Beta distribution that mixes pairs of pages; 0 disables mixing."""
    mixup_share: Probability = 1.0
    """Share of the batches that `mixup` mixes, chosen at random."""
    progressive_sizes: bool = False
    """Train on smaller pages first: see `training.schedule.input_size`."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the moving average of the weights. The average is what a training returns."""
    soup_size: Annotated[int, Field(ge=1, le=8, validation_alias=AliasChoices("soup_size", "ingredients"))] = 1
    """Number of networks that are trained from the same initial weights and averaged: see `training.soup`. The key was
    `ingredients` before version 0.2."""
    bf16: bool | Literal["auto"] = False
    """Autocast to bfloat16, which is faster on processors that support it and slow on others. `auto` uses it where the
    processor supports it; results then differ slightly between processors."""

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        """Reject settings that would have no effect or never take full effect."""
        if 0 < self.variations < self.batch:
            raise ValueError(f"{self.variations} variations are fewer than a batch of {self.batch}")
        if self.mixup_share < 1 and not self.mixup:
            raise ValueError("mixup_share has no effect without mixup")
        if self.rise_epochs > self.epochs:
            raise ValueError(f"the learning rate would rise for {self.rise_epochs} of {self.epochs} epochs")
        return self


class Forest(_Section):
    """A random forest on page features, for the architecture `random_forest`, which uses no other schedule.

    `schedule.balance_sources` applies to it as well.
    """

    trees: Annotated[int, Field(ge=1, le=2000)] = 300
    max_depth: Annotated[int, Field(ge=1, le=40)] = 16
    """Largest number of comparisons from the root of a tree to a leaf."""
    min_pages_per_leaf: Annotated[int, Field(ge=1)] = 2
    features_per_split: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Share of the features among which each node chooses the one that it compares."""
    variants: Annotated[int, Field(ge=0)] = 1
    """Number of augmented variations of each page, in addition to the page itself."""


class Probe(_Section):
    """A linear probe, for the architecture `linear_probe`, which uses no other schedule.

    `schedule.balance_sources` and `schedule.label_smoothing` apply to it as well.
    """

    penalty: Annotated[float, Field(gt=0)] = 3e-3
    """Factor of the squared weights in the loss, of features with a standard deviation of 1."""
    variants: Annotated[int, Field(ge=0)] = 1
    """Number of augmented variations of each page, in addition to the page itself."""


class Synthetic(_Section):
    """Synthetic pages, which are added to the training set and never to a validation set."""

    pages_per_class: Annotated[int, Field(ge=0)] = 0
    """Number of pages for each label that has a layout."""
    ood_pages: Annotated[int, Field(ge=0, validation_alias=AliasChoices("ood_pages", "strangers"))] = 0
    """Number of out-of-distribution pages. Their training target is the uniform distribution over the labels. The key
    was `strangers` before version 0.2."""
    seed: int = 0
    """Seed of the pages. Versions with the same seed share their synthetic pages."""


class Distillation(_Section):
    """Training on the predictions of versions that are already trained (Hinton et al. 2015, arXiv:1503.02531)."""

    teachers: tuple[str, ...] = ()
    """Folders next to this version's, such as "v2" and "v3"."""
    weight: Probability = 0.7
    """Share of the loss that compares with the teachers; the rest compares with the label."""
    temperature: Annotated[float, Field(gt=0)] = 2.0


class Validation(_Section):
    """How the pages to measure on are held out."""

    folds: Annotated[int, Field(ge=0)] = 0
    """Number of folds of a cross-validation by source, after which the network is trained on everything. 0 holds out a
    share of the documents instead."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2


class Recipe(_Section):
    """Settings of one version."""

    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    architecture: str
    weights: str = "none"
    seed: int = 0
    input: Input = Input()
    augmentation: Augmentation = Augmentation()
    schedule: Schedule = Schedule()
    forest: Forest = Forest()
    probe: Probe = Probe()
    synthetic: Annotated[Synthetic, Field(validation_alias=AliasChoices("synthetic", "drawn"))] = Synthetic()
    """The table was `[drawn]` before version 0.2."""
    distillation: Distillation = Distillation()
    validation: Validation = Validation()
    precision: Precision = "f32"
    """Precision in which the version is served on every host. It does not affect training. The model card compares the
    precisions."""
    f32_layers: Annotated[int, Field(ge=0)] = F32_LAYERS
    """Number of first convolutions that `int8` leaves in f32. Rounding of the first ones changes most labels."""

    def training_settings(self) -> str:
        """Return the settings that affect the weights of a network, as JSON, to compare recipes with checkpoints.

        Later keys are left out while they have their defaults, so that checkpoints of earlier releases can be resumed.
        """
        defaults = Schedule()
        unused = {key for key in LATER_SCHEDULE_KEYS if getattr(self.schedule, key) == getattr(defaults, key)}
        excluded = dict.fromkeys(("precision", "f32_layers", "forest", "probe"), True)
        return self.model_dump_json(exclude={**excluded, "schedule": unused})

    @property
    def trains_in_epochs(self) -> bool:
        """Whether a network is trained in epochs, with checkpoints: not for a random forest or a linear probe."""
        return self.architecture not in (RANDOM_FOREST, LINEAR_PROBE)

    def variation_size(self) -> tuple[int, int]:
        """Return height and width of a reused variation."""
        return round(self.input.height * VARIATION_SCALE), round(self.input.width * VARIATION_SCALE)

    @model_validator(mode="after")
    def _check_networks_only(self) -> Self:
        """Reject what only networks that are trained in epochs have."""
        if not self.trains_in_epochs and (
            self.weights != "none" or self.precision != "f32" or self.distillation.teachers or self.schedule.variations
        ):
            raise ValueError(
                f"a {self.architecture} has no initial weights to choose, no teachers and no reused variations, and is "
                "served in f32"
            )
        return self

    @model_validator(mode="after")
    def _check_memory(self) -> Self:
        """Reject more variations than fit in the memory that a training may use for them."""
        height, width = self.variation_size()
        size = self.schedule.variations * height * width * (1 if self.input.color == "grey" else 3)
        if size > MAX_VARIATION_BYTES:
            raise ValueError(
                f"{self.schedule.variations} variations of {width} x {height} pixels need {size / 1024**3:.1f} GiB of "
                f"memory, more than {MAX_VARIATION_BYTES // 1024**3} GiB: reduce schedule.variations or the input"
            )
        return self


def teachers_first(recipes: Mapping[str, Recipe]) -> list[str]:
    """Sort versions so that each follows its teachers.

    Args:
        recipes: Recipes by version.

    Raises:
        RecipeError: Versions are teachers of each other.
    """
    teachers = {
        version: [teacher for teacher in recipe.distillation.teachers if teacher in recipes]
        for version, recipe in recipes.items()
    }
    try:
        return list(TopologicalSorter(teachers).static_order())
    except CycleError as error:
        raise RecipeError(f"circular teachers: {' → '.join(reversed(error.args[1]))}") from error


def read_recipe(file: Path) -> Recipe:
    """Read and validate a recipe.

    Raises:
        RecipeError: The file is missing or not TOML, or a key is unknown or out of range.
    """
    try:
        return Recipe.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise RecipeError(f"{file}: cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{file}: not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"{file}: {faults}") from error

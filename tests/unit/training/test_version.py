import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from training.cross_validation import HeldOut
from training.data import OOD_LABEL, LabelledDocument, LabelledFolder, Page
from training.export import ParityError
from training.metrics import softmax
from training.precision import PrecisionResult
from training.recipe import Precision, Recipe, RecipeError
from training.version import _min_side, _read_notes, _warn_of_scarce_labels
from training.version_files import _familiarity_facts, _quantise_in_place, _source_facts, publish


def test_notes_of_another_version_are_not_used_with_its_recipe(tmp_path: Path) -> None:
    """The notes of v2 are about tax forms and do not belong on the card of a version that classifies flowers."""
    released, flowers = tmp_path / "models" / "v2", tmp_path / "flowers" / "v2"
    released.mkdir(parents=True)
    flowers.mkdir(parents=True)
    (released / "notes.md").write_text("tax forms")
    assert _read_notes(released / "recipe.toml", released) == "tax forms"
    assert _read_notes(released / "recipe.toml", flowers) == ""
    (flowers / "notes.md").write_text("daisies")
    assert _read_notes(flowers / "recipe.toml", flowers) == "daisies"


@pytest.mark.parametrize("architecture", ["random_forest", "linear_probe"])
def test_only_networks_that_are_trained_in_epochs_are_teachers(architecture: str, tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "recipe.toml").write_text(f'version = "v1"\narchitecture = "{architecture}"\n')
    with pytest.raises(RecipeError, match=f"v2 has the teacher v1, a {architecture}: only trained networks can be"):
        _min_side(Recipe(version="v2", architecture="resnet18"), [tmp_path / "v1"])


def test_torchscript_of_an_earlier_training_is_removed(tmp_path: Path) -> None:
    new, out = tmp_path / "new", tmp_path / "out"
    for folder in (new, out):
        folder.mkdir()
        (folder / "manifest.json").write_text(folder.name)
    (out / "model.pt").write_text("earlier weights")
    publish(new, out)
    assert {file.name: file.read_text() for file in out.iterdir()} == {"manifest.json": "new"}


def test_int8_that_loses_accuracy_is_not_served(tmp_path: Path) -> None:
    precisions: dict[Precision, PrecisionResult] = {
        "f32": PrecisionResult(0.90, 0, 8.0, 400),
        "int8": PrecisionResult(0.88, 30, 2.0, 400),
    }
    held_out = HeldOut(np.zeros((0, 2), np.float32), (), (), "two folds", precisions)
    recipe = Recipe(version="v9", architecture="resnet18", precision="int8")
    with pytest.raises(ParityError, match=r"right on 88.0% of 400 pages, f32 on 90.0%: serve this version in f32"):
        _quantise_in_place(recipe, held_out, tmp_path)


def test_labels_with_few_sources_are_reported() -> None:
    """Square brackets in a label are not markup."""
    documents = [LabelledDocument(Path(f"{n}.png"), 0, f"office{n}") for n in range(5)]
    documents += [LabelledDocument(Path(f"{n}.png"), 1, "kew") for n in range(9)]
    console = Console(file=io.StringIO(), width=300)
    _warn_of_scarce_labels(LabelledFolder(("form", "[b]"), tuple(documents)), console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "fewer than 5 independent sources of: [b] (1)" in printed
    assert "form" not in printed


def test_enough_sources_are_not_reported() -> None:
    documents = [LabelledDocument(Path(f"{n}.png"), n % 2, f"office{n}") for n in range(10)]
    console = Console(file=io.StringIO())
    _warn_of_scarce_labels(LabelledFolder(("form", "invoice"), tuple(documents)), console)
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_manifest_states_the_metrics_over_sources_and_kinds() -> None:
    """One of two sources has an error, and the out-of-distribution page is below the threshold."""
    pages = tuple(_page(n % 2, "ab"[n >= 3]) for n in range(6))
    logits = np.array([[4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [0.0, 4.0], [4.0, 0.0], [4.0, 0.0]], np.float32)
    ood = (_page(OOD_LABEL, "maps"),)
    held_out = HeldOut(logits, pages, (), "two folds", {}, np.zeros((1, 2), np.float32), ood)
    facts = _source_facts(held_out, softmax(logits), 1.0)
    assert (facts["sources"], facts["families"], facts["ood_pages"]) == (2, 2, 1)
    assert facts["macro_over_sources"] == pytest.approx(5 / 6)
    assert facts["worst_decile"] == pytest.approx(2 / 3, abs=1e-6)
    assert (facts["ood_auroc"], facts["ood_flagged"]) == (1.0, 1.0)
    assert "ood_auroc_norm" not in facts
    norms = replace(held_out, norms=np.full(6, 9.0, np.float32), ood_norms=np.array([2.0], np.float32))
    facts = _source_facts(norms, softmax(logits), 1.0)
    assert (facts["ood_auroc_norm"], facts["ood_flagged_norm"]) == (1.0, 1.0)


def test_threshold_of_familiarity_needs_out_of_distribution_pages() -> None:
    pages = tuple(_page(0, "a") for _ in range(100))
    norms = np.arange(1, 101, dtype=np.float32)
    held_out = HeldOut(np.zeros((100, 2), np.float32), pages, (), "two folds", {}, norms=norms)
    assert _familiarity_facts(held_out, trained_on_ood=False) == {}
    assert _familiarity_facts(held_out, trained_on_ood=True) == {"familiar_norm": pytest.approx(5.95)}
    assert _familiarity_facts(replace(held_out, norms=None), trained_on_ood=True) == {}


def _page(label: int, source: str) -> Page:
    return Page(np.zeros((4, 4), np.uint8), LabelledDocument(Path(f"{source}.png"), label, source))

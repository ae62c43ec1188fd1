"""From a folder of pictures to an answer of the model service: nothing between is replaced."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from tests.support import flowers
from tests.support.tiny_model import write_tiny_model
from training.data import DataError
from training.evaluate import evaluate
from training.train import Resources
from training.version import Result, train_version

RECIPE = f'version = "v1"\n{flowers.RECIPE}\n[drawn]\npages_per_class = 5\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def garden(root: Path) -> Path:
    folder = flowers.plant(root / "garden", each=10)
    (folder / "rose" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, garden: Path) -> Result:
    recipe = root / "v1.toml"
    recipe.write_text(RECIPE)
    return train_version(
        recipe,
        garden,
        root / "models" / "v1",
        runs=root / "runs",
        resources=Resources(threads=1, workers=0),
        console=Console(quiet=True),
        torchscript=True,
    )


def test_what_a_training_leaves_is_complete(trained: Result, root: Path) -> None:
    folder = root / "models" / "v1"
    assert {file.name for file in folder.iterdir()} == {
        "recipe.toml",
        "model.xml",
        "model.bin",
        "model.pt",
        "manifest.json",
        "README.md",
        "confusion.png",
    }
    card = (folder / "README.md").read_text()
    for expected in ("# v1: resnet18", "daisy, rose, sunflower", "![confusion matrix](confusion.png)", "Limits"):
        assert expected in card


def test_a_broken_picture_is_named_and_skipped(trained: Result) -> None:
    assert len(trained.skipped) == 1
    assert "broken.png" in trained.skipped[0]


def test_the_manifest_says_what_was_done(trained: Result, root: Path) -> None:
    manifest = json.loads((root / "models" / "v1" / "manifest.json").read_text())
    assert manifest["labels"] == ["daisy", "rose", "sunflower"]
    assert manifest["training"]["images"] == 24  # the other six were kept aside, and measured
    # No document of the garden is of a kind that can be drawn, so nothing is, whatever the recipe says.
    assert manifest["training"]["drawn"] == 0
    assert manifest["metrics"]["images"] == 6
    assert manifest["training"]["broken_off"] is False
    assert "20% of the documents of each label" in manifest["metrics"]["protocol"]
    assert manifest["parity"]["label_changes"] == 0


def test_a_trained_version_serves(trained: Result, root: Path, garden: Path) -> None:
    """POST a sunflower, read sunflower: the engine verifies hashes, input and labels on the way."""
    model = load_model(root / "models" / "v1")
    classifier = Classifier({"v1": model}, Limits())
    right = 0
    for label in ("daisy", "rose", "sunflower"):
        for number in range(4):
            content = (garden / label / f"{label}-{number}.png").read_bytes()
            right += classifier.classify(content, model).label == label
    assert right >= 10


def test_versions_are_measured_side_by_side(trained: Result, root: Path, garden: Path) -> None:
    """The second version guesses; its answers must count as its own and half of the vote."""
    write_tiny_model(root / "models", "v2", labels=("daisy", "rose", "sunflower"), color="rgb")
    evaluation = evaluate(root / "models", ["v1", "v2"], garden)
    told = json.loads(json.dumps(evaluation.as_json()))
    assert told["images"] == 30
    assert len(told["skipped"]) == 1
    assert set(told["versions"]) == {"v1", "v2"}
    assert told["versions"]["v1"]["accuracy"] > 0.7
    for version in told["versions"].values():
        assert set(version["recall"]) == {"daisy", "rose", "sunflower"}
        assert 0 <= version["ece"] <= 1
        assert version["ms_per_page"] > 0
    assert 0 <= told["vote"]["flagged"] <= 1
    assert told["vote"]["accuracy"] >= min(version["accuracy"] for version in told["versions"].values())
    assert set(told["agreement"]) == {"v1+v2"}


def test_versions_of_different_labels_are_not_compared(trained: Result, root: Path, garden: Path) -> None:
    write_tiny_model(root / "models", "v3", labels=("daisy", "rose"))
    with pytest.raises(DataError, match=r"v1 and v3 know different labels \(sunflower\)"):
        evaluate(root / "models", ["v1", "v3"], garden)

"""Protects: a version that is trained from a folder of pictures can be served and evaluated; nothing is replaced."""

import json
from pathlib import Path

import pytest

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from testkit.hosting_options import pytorch_hooks
from tests.support.flowers import RECIPE, write_flowers
from tests.support.tiny_model import write_tiny_model
from tests.support.trained_versions import train_v1
from training.data import DataError
from training.evaluate import evaluate
from training.version import TrainedVersion


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def flowers(root: Path) -> Path:
    """Return a folder of three labels with ten pictures each, and one broken file."""
    folder = write_flowers(root / "flowers", each=10)
    (folder / "rose" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, flowers: Path) -> TrainedVersion:
    recipe = f'version = "v1"\n{RECIPE}\n[synthetic]\npages_per_class = 5\n'
    return train_v1(recipe, flowers, root, torchscript=True)


def test_folder_of_a_trained_version_is_complete(trained: TrainedVersion) -> None:
    assert {file.name for file in trained.folder.iterdir()} == {
        "recipe.toml",
        "model.xml",
        "model.bin",
        "model.pt",
        "manifest.json",
        "README.md",
        "confusion.png",
    }
    card = (trained.folder / "README.md").read_text()
    for expected in (
        "# v1: resnet18",
        "daisy, rose, sunflower",
        "calibration error (ECE, 15 bins)",
        "![confusion matrix](confusion.png)",
        "## Limits",
    ):
        assert expected in card


def test_unreadable_picture_is_reported_and_skipped(trained: TrainedVersion) -> None:
    assert len(trained.skipped) == 1
    assert "broken.png" in trained.skipped[0]


def test_manifest_describes_the_training(trained: TrainedVersion) -> None:
    manifest = json.loads((trained.folder / "manifest.json").read_text())
    assert manifest["labels"] == ["daisy", "rose", "sunflower"]
    assert manifest["training"]["images"] == 24  # the other six are the validation set
    assert manifest["training"]["drawn"] == 0  # no label of the folder has synthetic pages
    assert manifest["metrics"]["images"] == 6
    assert manifest["training"]["broken_off"] is False
    assert "20% of the documents of each label" in manifest["metrics"]["protocol"]
    assert manifest["parity"]["label_changes"] == 0


def test_trained_version_is_served(trained: TrainedVersion, flowers: Path) -> None:
    """The engine verifies hashes, input and labels when it loads the version."""
    model = load_model(trained.folder)
    classifier = Classifier({"v1": model}, Limits())
    correct = 0
    for label in ("daisy", "rose", "sunflower"):
        for number in range(4):
            content = (flowers / label / f"{label}-{number}.png").read_bytes()
            correct += classifier.classify(content, model).label == label
    assert correct >= 10


@pytest.mark.slow
def test_torchscript_of_a_trained_version_is_served_by_the_hooks(trained: TrainedVersion, flowers: Path) -> None:
    """The package of a version with a TorchScript file computes in torch, so the last bits may differ."""
    model = load_model(trained.folder)
    classifier = Classifier({"v1": model}, Limits())
    with pytorch_hooks(["v1"], trained.folder.parent) as hosted:
        for label in ("daisy", "rose", "sunflower"):
            content = (flowers / label / f"{label}-0.png").read_bytes()
            answer, expected = hosted.predict("v1", content), classifier.classify(content, model)
            assert answer["label"] == expected.label
            assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=0.01)
            assert answer["familiarity"] is None


def test_versions_are_evaluated_with_their_vote(trained: TrainedVersion, root: Path, flowers: Path) -> None:
    """The second version has random weights: it has its own metrics and counts half in the vote."""
    write_tiny_model(root / "models", "v2", labels=("daisy", "rose", "sunflower"), color="rgb")
    evaluation = json.loads(json.dumps(evaluate(root / "models", ["v1", "v2"], flowers).as_json()))
    assert evaluation["images"] == 30
    assert len(evaluation["skipped"]) == 1
    assert set(evaluation["versions"]) == {"v1", "v2"}
    assert evaluation["versions"]["v1"]["accuracy"] > 0.7
    for version in evaluation["versions"].values():
        assert set(version["recall"]) == {"daisy", "rose", "sunflower"}
        assert 0 <= version["ece"] <= 1
        assert version["ms_per_page"] > 0
    assert 0 <= evaluation["vote"]["flagged"] <= 1
    assert evaluation["vote"]["accuracy"] >= min(v["accuracy"] for v in evaluation["versions"].values())
    assert set(evaluation["agreement"]) == {"v1+v2"}


def test_versions_with_different_labels_are_not_evaluated(trained: TrainedVersion, root: Path, flowers: Path) -> None:
    write_tiny_model(root / "models", "v3", labels=("daisy", "rose"))
    with pytest.raises(DataError, match=r"v1 and v3 have different labels \(sunflower\)"):
        evaluate(root / "models", ["v1", "v3"], flowers)

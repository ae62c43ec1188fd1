"""Protects: a random forest is trained, written and served like every other version."""

import json
from pathlib import Path

import numpy as np
import pytest

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from tests.support.flowers import write_flowers
from tests.support.trained_versions import train_v1
from training.version import TrainedVersion

pytestmark = pytest.mark.slow

RECIPE = """
version = "v1"
architecture = "random_forest"
seed = 1

[input]
width = 48
height = 64
color = "rgb"

[forest]
trees = 40
max_depth = 6
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three labels with ten pictures each, of two sources."""
    folder = write_flowers(tmp_path_factory.mktemp("pictures"), each=10)
    files = sorted(folder.rglob("*.png"))
    rows = [f"{file.relative_to(folder)},garden{number % 2}" for number, file in enumerate(files)]
    (folder / "manifest.csv").write_text("\n".join(["file,source", *rows]))
    return folder


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedVersion:
    recipe = f"{RECIPE}\n[validation]\nfolds = 2\n"
    return train_v1(recipe, pictures, tmp_path_factory.mktemp("forest"))


def test_manifest_and_card_describe_the_forest(trained: TrainedVersion) -> None:
    manifest = json.loads((trained.folder / "manifest.json").read_text())
    assert manifest["architecture"] == "random_forest"
    assert "2-fold cross-validation" in manifest["metrics"]["protocol"]
    assert manifest["metrics"]["accuracy"] > 0.9
    assert manifest["parity"]["max_abs_probability_difference"] < 1e-4
    assert "familiar_norm" not in manifest
    assert "40 trees on page features" in (trained.folder / "README.md").read_text()


def test_folder_contains_no_serialised_object(trained: TrainedVersion) -> None:
    names = {file.name for file in trained.folder.iterdir()}
    assert names == {"recipe.toml", "model.xml", "model.bin", "manifest.json", "README.md", "confusion.png"}


def test_forest_is_served(trained: TrainedVersion, pictures: Path) -> None:
    """The engine verifies hashes, input and labels when it loads the version."""
    classifier = Classifier({"v1": load_model(trained.folder)}, Limits())
    files = [
        pictures / label / f"{label}-{number}.png" for label in ("daisy", "rose", "sunflower") for number in (0, 7)
    ]
    answers = [classifier.classify(file.read_bytes(), classifier.model("v1")) for file in files]
    assert [answer.label for answer in answers] == [file.parent.name for file in files]
    for answer in answers:
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert answer.familiarity is None


def test_pages_of_one_document_are_scored_in_one_batch(trained: TrainedVersion) -> None:
    model = load_model(trained.folder, concurrency=2)
    pages = np.random.default_rng(0).integers(0, 256, (3, 64, 48, 3), dtype=np.uint8)
    assert model.score(pages[[1, 1]], alone=True) == pytest.approx(model.score(pages[1:2]), abs=1e-6)

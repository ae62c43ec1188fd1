"""Protects: a linear probe is trained, written and served like every other version."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from tests.support.flowers import write_flowers
from tests.support.trained_versions import train_v1
from training.version import TrainedVersion

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("rapid_layout") is None, reason="rapid-layout is not installed"),
]

RECIPE = """
version = "v1"
architecture = "linear_probe"
seed = 1

[input]
width = 64
height = 96
color = "rgb"
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three labels with ten pictures each."""
    return write_flowers(tmp_path_factory.mktemp("pictures"), each=10)


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedVersion:
    return train_v1(RECIPE, pictures, tmp_path_factory.mktemp("probe"))


def test_manifest_and_card_describe_the_probe(trained: TrainedVersion) -> None:
    manifest = json.loads((trained.folder / "manifest.json").read_text())
    assert manifest["architecture"] == "linear_probe"
    assert manifest["precision"] == "f32"
    assert manifest["metrics"]["accuracy"] > 0.9
    assert manifest["parity"]["max_abs_probability_difference"] < 1e-3
    assert "familiar_norm" not in manifest
    assert "logistic regression on statistics of a frozen network" in (trained.folder / "README.md").read_text()


def test_probe_is_served(trained: TrainedVersion, pictures: Path) -> None:
    """The engine verifies hashes, input and labels when it loads the version."""
    classifier = Classifier({"v1": load_model(trained.folder)}, Limits())
    files = [
        pictures / label / f"{label}-{number}.png" for label in ("daisy", "rose", "sunflower") for number in (0, 7)
    ]
    answers = [classifier.classify(file.read_bytes(), classifier.model("v1")) for file in files]
    assert [answer.label for answer in answers] == [file.parent.name for file in files]
    assert all(answer.familiarity is None for answer in answers)

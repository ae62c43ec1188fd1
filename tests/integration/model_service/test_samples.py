"""Protects: the demonstration shows verdicts that need a second look, and not only unanimous ones."""

import time
from pathlib import Path

import pytest

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from tests.support.samples import EXPECTED, sample
from training.synthesis.samples import SAMPLES

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier({version: load_model(MODELS / version) for version in ("v1", "v2", "v3")}, Limits())


def labels(classifier: Classifier, name: str) -> list[str]:
    """Return the label of each released version."""
    data = sample(name).read_bytes()
    return [classifier.classify(data, model, since=time.perf_counter()).label for model in classifier.models.values()]


@pytest.mark.parametrize("name", [each.name for each in SAMPLES if each.hard])
def test_released_versions_differ_on_samples_that_resemble_another_label(classifier: Classifier, name: str) -> None:
    predicted = labels(classifier, name)
    assert len(set(predicted)) > 1
    assert EXPECTED[name]["label"] in predicted


def test_released_versions_agree_on_a_clear_form(classifier: Classifier) -> None:
    assert labels(classifier, "application-form.png") == ["form"] * 3


def test_three_samples_are_hard() -> None:
    assert sum(each.hard for each in SAMPLES) == 3

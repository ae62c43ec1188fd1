from pathlib import Path

import numpy as np
import pytest

from tests.support.flowers import write_flowers
from tests.support.tiny_model import write_tiny_model
from training.data import DataError, LabelledFolder
from training.evaluate import VersionPredictions, evaluate, evaluate_predictions

LABELS = ("form", "invoice")


def test_metrics_of_versions_and_of_their_vote() -> None:
    """The vote is right where the sum of probabilities is, and flags documents on which the versions disagree."""
    truth = np.array([0, 0, 1, 1])
    right, wavering = [0.9, 0.6, 0.2, 0.1], [0.8, 0.3, 0.4, 0.6]  # probability of "form"
    predictions = {
        name: VersionPredictions(np.array([[p, 1 - p] for p in forms]), np.zeros(4, dtype=np.bool_), 5.0)
        for name, forms in (("v1", right), ("v2", wavering))
    }
    evaluation = evaluate_predictions(predictions, truth, LabelledFolder(LABELS, ()), ("one.png: unreadable",))
    assert evaluation.versions["v1"].metrics.accuracy == 1
    assert evaluation.versions["v2"].metrics.accuracy == 0.5
    assert evaluation.vote.accuracy == 0.75  # of the second document: 0.45 for "form"
    assert evaluation.flagged == 0.5
    assert evaluation.agreement == {"v1+v2": 0.5}
    assert evaluation.confusion.tolist() == [[1, 1], [0, 2]]
    assert evaluation.as_json()["skipped"] == ["one.png: unreadable"]


def test_folder_with_unexpected_labels_is_rejected(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "models", "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match="unexpected labels: rose, sunflower"):
        evaluate(tmp_path / "models", ["v1"], write_flowers(tmp_path / "flowers", each=2))


def test_folder_without_a_readable_document_is_rejected(tmp_path: Path) -> None:
    labels = ("daisy", "rose")
    write_tiny_model(tmp_path / "models", "v1", labels=labels)
    for label in labels:
        (tmp_path / "flowers" / label).mkdir(parents=True)
        (tmp_path / "flowers" / label / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no document of"):
        evaluate(tmp_path / "models", ["v1"], tmp_path / "flowers")

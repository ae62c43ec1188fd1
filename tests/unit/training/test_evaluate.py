from pathlib import Path

import numpy as np
import pytest

from tests.support.flowers import write_flowers
from tests.support.tiny_model import write_tiny_model
from training.data import DataError, LabelledDocument
from training.evaluate import VersionPredictions, evaluate, evaluate_predictions

LABELS = ("form", "invoice")


def test_metrics_of_versions_and_of_their_vote() -> None:
    """The vote is right where the sum of probabilities is, and flags documents of which it is not confident."""
    documents = _documents("acme", "acme", "beta", "beta")
    right, wavering = [0.9, 0.6, 0.2, 0.1], [0.8, 0.3, 0.4, 0.6]  # probability of "form"
    predictions = {
        name: VersionPredictions(np.array([[p, 1 - p] for p in forms]), np.zeros(4, dtype=np.bool_), 5.0)
        for name, forms in (("v1", right), ("v2", wavering))
    }
    evaluation = evaluate_predictions(predictions, documents, LABELS, ("one.png: unreadable",))
    assert evaluation.versions["v1"].metrics.accuracy == 1
    assert evaluation.versions["v2"].metrics.accuracy == 0.5
    assert evaluation.vote.accuracy == 0.75  # of the second document: 0.45 for "form"
    assert evaluation.flagged == 0.75  # of the first document, 0.85 for "form" is sharpened to 0.92
    assert evaluation.agreement == {"v1+v2": 0.5}
    assert evaluation.confusion.tolist() == [[1, 1], [0, 2]]
    assert evaluation.as_json()["skipped"] == ["one.png: unreadable"]


def test_vote_uses_the_saved_weights() -> None:
    """With all of the weight, the second version decides alone, about the label and about what is flagged."""
    predictions = {"v1": _predictions_of_form(0.9, 0.9, 0.9, 0.9), "v2": _predictions_of_form(0.95, 0.45, 0.05, 0.02)}
    documents = _documents("acme", "acme", "beta", "beta")
    evaluation = evaluate_predictions(predictions, documents, LABELS, weights=[0, 1])
    assert evaluation.vote.accuracy == evaluation.versions["v2"].metrics.accuracy == 0.75
    assert evaluation.flagged == 0.25
    assert evaluation.as_json()["vote"]["weights"] == {"v1": 0, "v2": 1}


def test_json_has_the_accuracy_by_source_and_the_confusion_matrix() -> None:
    predictions = {"v1": _predictions_of_form(0.9, 0.4, 0.2, 0.1), "v2": _predictions_of_form(0.8, 0.45, 0.3, 0.2)}
    content = evaluate_predictions(predictions, _documents("acme", "acme", "beta", "beta"), LABELS).as_json()
    assert content["by_source"] == {
        "acme": {"documents": 2, "v1": 0.5, "v2": 0.5, "vote": 0.5},
        "beta": {"documents": 2, "v1": 1.0, "v2": 1.0, "vote": 1.0},
    }
    assert content["confusion"] == {"labels": ["form", "invoice"], "counts": [[1, 1], [0, 2]]}
    assert content["vote"]["macro_over_sources"] == 0.75
    assert content["vote"]["unflagged_accuracy"] == 1.0  # the wrong verdict is flagged
    assert content["vote"]["risk_coverage"][-1] == {"coverage": 1.0, "accuracy": 0.75}
    assert content["vote"]["auroc"] == 1.0  # the wrong verdict has the lowest confidence
    assert content["versions"]["v1"]["auroc"] == 1.0


def test_folder_without_sources_has_no_metrics_over_sources() -> None:
    predictions = {"v1": _predictions_of_form(0.9, 0.8, 0.2, 0.1)}
    content = evaluate_predictions(predictions, _documents("", "", "", ""), LABELS).as_json()
    assert content["by_source"] == {}
    assert content["vote"]["macro_over_sources"] is None
    assert content["vote"]["auroc"] is None  # there is no wrong verdict to compare with


def _documents(*sources: str) -> list[LabelledDocument]:
    """Return documents of the given sources, the first half of them forms."""
    count = len(sources)
    return [
        LabelledDocument(Path(f"{number}.png"), int(number >= count / 2), source)
        for number, source in enumerate(sources)
    ]


def _predictions_of_form(*probabilities: float) -> VersionPredictions:
    """Return predictions with the given probabilities of "form"."""
    rows = np.array([[p, 1 - p] for p in probabilities])
    return VersionPredictions(rows, np.zeros(len(rows), dtype=np.bool_), 5.0)


def test_folder_with_unexpected_labels_is_rejected(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "models", "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match="unexpected labels: rose, sunflower"):
        evaluate(tmp_path / "models", ["v1"], write_flowers(tmp_path / "flowers", each=2))


def test_folder_without_a_readable_document_is_rejected(tmp_path: Path) -> None:
    labels = ("daisy", "rose")
    write_tiny_model(tmp_path / "models", "v1", labels=labels)
    for label in labels:
        (tmp_path / "flowers" / label).mkdir(parents=True)
        (tmp_path / "flowers" / label / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(DataError, match="no document of"):
        evaluate(tmp_path / "models", ["v1"], tmp_path / "flowers")

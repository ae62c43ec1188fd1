from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Prediction
from records.verdict import combine
from tests.support.flowers import plant
from tests.support.tiny_model import write_tiny_model
from training.data import DataError, Folder
from training.evaluate import _Answers, _report, evaluate, soft_vote

LABELS = ("form", "invoice", "receipt")
odds = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda row: [value / sum(row) for value in row])
one_answer = st.tuples(odds, st.booleans())


@given(st.lists(one_answer, min_size=3, max_size=3))
def test_the_vote_is_the_one_that_the_orchestrator_takes(said: list[tuple[list[float], bool]]) -> None:
    """Two rooms that may not import each other hold the same rule; measured and recorded verdicts must not drift."""
    answers = {
        f"v{n}": _Answers(np.array([row]), np.array([abstained]), 1.0) for n, (row, abstained) in enumerate(said)
    }
    recorded = combine({
        name: Prediction(
            label=LABELS[int(answer.probabilities[0].argmax())],
            confidence=float(answer.probabilities[0].max()),
            probabilities=dict(zip(LABELS, answer.probabilities[0].tolist(), strict=True)),
            abstained=bool(answer.abstained[0]),
            pages=1,
            model_sha256="0" * 64,
            latency_ms=1,
        )
        for name, answer in answers.items()
    })  # fmt: skip
    assert recorded is not None
    vote = soft_vote(np.stack([answer.probabilities for answer in answers.values()]))
    assert recorded.confidence == pytest.approx(vote.max())
    for truth in range(3):
        measured = _report(answers, np.array([truth], dtype=np.int64), Folder(LABELS, ()), ())
        mean = np.mean([answer.probabilities[0] for answer in answers.values()], axis=0)
        if len(np.unique(mean.round(9))) == 3:  # a tie may be broken either way
            assert (measured.vote.accuracy == 1) == (recorded.label == LABELS[truth])
        assert (measured.flagged == 1) == bool(recorded.review_reasons)


def test_a_folder_of_other_labels_is_refused(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "models", "v1", labels=("daisy", "tulip"))
    with pytest.raises(DataError, match="other labels than expected: rose, sunflower"):
        evaluate(tmp_path / "models", ["v1"], plant(tmp_path / "garden", each=2))


def test_a_folder_without_a_readable_document_is_refused(tmp_path: Path) -> None:
    labels = ("daisy", "rose")
    write_tiny_model(tmp_path / "models", "v1", labels=labels)
    for label in labels:
        (tmp_path / "garden" / label).mkdir(parents=True)
        (tmp_path / "garden" / label / "broken.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no document of"):
        evaluate(tmp_path / "models", ["v1"], tmp_path / "garden")

"""Protects: measured verdicts equal those that the orchestrator records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Prediction
from records.verdict import combine
from training.verdicts import combine_versions

LABELS = ("form", "invoice", "receipt")
probabilities = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda row: [p / sum(row) for p in row])


@given(st.lists(st.tuples(probabilities, st.booleans()), min_size=2, max_size=4))
def test_verdict_of_an_evaluation_equals_the_recorded_verdict(versions: list[tuple[list[float], bool]]) -> None:
    recorded = combine({
        f"v{number}": Prediction(
            label=LABELS[int(np.argmax(row))],
            confidence=max(row),
            probabilities=dict(zip(LABELS, row, strict=True)),
            abstained=abstained,
            pages=1,
            model_sha256="0" * 64,
            latency_ms=1,
        )
        for number, (row, abstained) in enumerate(versions)
    })  # fmt: skip
    measured = combine_versions(
        np.array([[row] for row, _ in versions]), np.array([[abstained] for _, abstained in versions]), LABELS
    )
    assert recorded is not None
    assert LABELS[int(measured.probabilities[0].argmax())] == recorded.label
    assert measured.probabilities[0].max() == recorded.confidence
    assert measured.probabilities[0].sum() == pytest.approx(1)
    assert measured.needs_review[0] == recorded.needs_review


def test_single_version_is_flagged_where_it_abstains() -> None:
    verdicts = combine_versions(np.array([[[0.95, 0.05], [0.92, 0.08]]]), np.array([[False, True]]), LABELS[:2])
    assert verdicts.probabilities == pytest.approx(np.array([[0.95, 0.05], [0.92, 0.08]]))
    assert verdicts.needs_review.tolist() == [False, True]

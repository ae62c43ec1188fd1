"""Protects: a response of a service reaches a record only if the record can be stored."""

import json
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import MAX_ANSWER_BYTES, read_prediction, read_problem
from orchestrator.errors import CallFailed
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.servers import valid_answer
from tests.support.uploads import record

MAX_ITEM_BYTES = 400 * 1024
"""Maximum size of a DynamoDB item (AWS, "Service, account, and table quotas")."""


def read(answer: Any) -> Prediction:
    return read_prediction(json.dumps(answer).encode(), "v1", latency_ms=1.0)


def outcome_of(answer: Any) -> Outcome:
    """Return the outcome that `orchestrator.models.ModelClient` makes of a response."""
    try:
        return read(answer)
    except CallFailed as failure:
        return ModelFailure(failure.kind, failure.detail, 1.0, failure.status, failure.problem)


def stored_bytes(*outcomes: Outcome) -> int:
    """Return the approximate size of an item with these outcomes, as boto3 sends it."""
    item = record({f"v{number}": outcome for number, outcome in enumerate(outcomes)}).to_item()
    wire = TypeSerializer().serialize(item)
    return len(json.dumps(wire, ensure_ascii=False, default=str).encode())


numbers = st.integers() | st.floats(allow_nan=False) | st.integers(min_value=10**300, max_value=10**320)
values = st.none() | st.booleans() | numbers | st.text(max_size=150) | st.just("\ud800")
anything = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
changes = st.dictionaries(st.sampled_from(sorted(valid_answer())), anything, max_size=2)


@given(changes)
def test_any_response_is_invalid_or_can_be_stored(changed: dict[str, Any]) -> None:
    outcome = outcome_of({**valid_answer(), **changed})
    assert isinstance(outcome, Prediction) or outcome.kind == "invalid_answer"
    assert stored_bytes(outcome) < MAX_ITEM_BYTES


@given(anything, anything, st.integers(400, 599))
def test_any_problem_can_be_stored(kind: Any, detail: Any, status: int) -> None:
    problem, sentence = read_problem(json.dumps({"type": kind, "detail": detail}).encode(), status)
    assert sentence
    assert stored_bytes(ModelFailure("failed", sentence, 1.0, status, problem)) < MAX_ITEM_BYTES


@pytest.mark.parametrize("sent", [None, 0, 0.75, 12])
def test_familiarity_is_stored(sent: float | None) -> None:
    """Services of release 0.2 do not state it, and versions without a threshold state null."""
    answer = {**valid_answer(), "familiarity": sent}
    assert read(answer).familiarity == sent
    stored = record({"v1": read(answer)}).to_item()["predictions"]["v1"]
    assert stored.get("familiarity") == sent
    assert read(valid_answer()).familiarity is None


@pytest.mark.parametrize(
    ("sent", "read_back"), [({}, ()), ({"rotated": [0, 0]}, ()), ({"rotated": [0, 270]}, (0, 270))]
)
def test_rotations_are_kept_if_a_page_was_turned(sent: dict[str, Any], read_back: tuple[int, ...]) -> None:
    assert read({**valid_answer(pages=2), **sent}).rotated == read_back


@pytest.mark.parametrize(
    ("sent", "read_back"), [({}, ()), ({"cropped": [False, False]}, ()), ({"cropped": [False, True]}, (False, True))]
)
def test_crops_are_kept_if_a_page_was_cropped(sent: dict[str, Any], read_back: tuple[bool, ...]) -> None:
    assert read({**valid_answer(pages=2), **sent}).cropped == read_back


@pytest.mark.parametrize(
    "answer",
    [
        valid_answer(pages=2.5),
        valid_answer(pages="2"),
        valid_answer(pages=True),
        valid_answer(pages=-1),
        valid_answer(pages=10**40),
        valid_answer(label="x" * 101),
        valid_answer(label="\ud800"),
        valid_answer(probabilities={"invoice": 0.9, "": 0.1}),
        valid_answer(probabilities={"invoice": 0.9, "y" * 101: 0.1}),
        valid_answer(confidence=10**400),
        valid_answer(timings_ms={"infer": 10**400}),
        valid_answer(timings_ms={"infer": 1e300}),
        valid_answer(timings_ms={"infer": -1.0}),
        valid_answer(timings_ms={f"step {number}": 1.0 for number in range(21)}),
        valid_answer(model_sha256="ab" * 1000),
        valid_answer(familiarity=-1),
        valid_answer(familiarity="1.2"),
        valid_answer(familiarity=1e9),
        valid_answer(rotated=90),
        valid_answer(pages=1, rotated=[90.0]),
        valid_answer(pages=1, rotated=[45]),
        valid_answer(pages=1, rotated=[True]),
        valid_answer(pages=1, rotated=[90, 90]),
        valid_answer(rotated=[90] * 2000, pages=2000),
        valid_answer(pages=1, cropped=[1]),
        valid_answer(pages=1, cropped=True),
        valid_answer(pages=1, cropped=[True, False]),
    ],
)
def test_response_that_cannot_be_stored_is_invalid(answer: Any) -> None:
    with pytest.raises(CallFailed) as raised:
        read(answer)
    assert raised.value.kind == "invalid_answer"
    assert len(raised.value.detail) <= 500


def test_longest_responses_of_three_versions_fit_into_one_item() -> None:
    labels = {f"{number:x}": 0.0 for number in range(7_700)}
    answer = valid_answer(probabilities={"invoice": 0.9, "other": 0.1, **labels})
    assert 0.9 * MAX_ANSWER_BYTES < len(json.dumps(answer)) <= MAX_ANSWER_BYTES
    item = record({version: read(answer) for version in ("v1", "v2", "v3")}).to_item()
    assert item_size(item) < MAX_ITEM_BYTES


def item_size(value: Any) -> int:
    """Return the size as DynamoDB counts it (AWS, "Item sizes and formats"), rounded up."""
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + 1 + item_size(inner) for name, inner in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + item_size(inner) for inner in value)
    if isinstance(value, str):
        return len(value.encode())
    return 21 if value is None or isinstance(value, bool) else 2 + (len(str(value)) + 1) // 2

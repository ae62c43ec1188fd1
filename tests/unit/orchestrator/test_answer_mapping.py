"""Protects: an answer in another form becomes a valid prediction that can be stored, or an invalid answer."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answer_mapping import SCALES, UNKNOWN_WEIGHTS, AnswerMapping
from orchestrator.answers import read_prediction
from orchestrator.errors import CallFailed
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.unit.orchestrator.test_answers import MAX_ITEM_BYTES, anything, stored_bytes


def read(answer: Any, mapping: AnswerMapping) -> Prediction:
    return read_prediction(json.dumps(answer).encode(), "v2", latency_ms=1.0, mapping=mapping)


def outcome_of(answer: Any, mapping: AnswerMapping) -> Outcome:
    try:
        return read(answer, mapping)
    except CallFailed as failure:
        return ModelFailure(failure.kind, failure.detail, 1.0, failure.status, failure.problem)


@pytest.mark.parametrize(
    ("answer", "mapping"),
    [
        # a service of its own making
        ({"classes": {"invoice": 0.7, "receipt": 0.3}}, AnswerMapping("classes")),
        # TensorFlow Serving
        ({"predictions": [[0.7, 0.3]]}, AnswerMapping("predictions[0]", ("invoice", "receipt"))),
        # pipelines of Hugging Face
        (
            [{"label": "receipt", "score": 0.3}, {"label": "invoice", "score": 0.7}],
            AnswerMapping("[].score", "[].label"),
        ),
        # percent, and other names
        (
            {"Labels": [{"Name": "INV", "Confidence": 70}, {"Name": "RCPT", "Confidence": 30}]},
            AnswerMapping(
                "Labels[].Confidence",
                "Labels[].Name",
                "percent",
                {"INV": "invoice", "RCPT": "receipt"},
                "Labels[0].Name",
            ),
        ),
        # logits
        (
            {"logits": [math.log(7) + 50, math.log(3) + 50]},
            AnswerMapping("logits", ("invoice", "receipt"), "logits"),
        ),
        # finer classes than those of the project
        (
            {"s": {"paid invoice": 0.4, "open invoice": 0.3, "receipt": 0.3}},
            AnswerMapping("s", rename={"paid invoice": "invoice", "open invoice": "invoice"}),
        ),
    ],
)
def test_common_forms_of_answers_are_read(answer: Any, mapping: AnswerMapping) -> None:
    prediction = read(answer, mapping)
    assert prediction.label == "invoice"
    assert prediction.confidence == prediction.probabilities["invoice"] == pytest.approx(0.7)
    assert prediction.probabilities["receipt"] == pytest.approx(0.3)
    assert (prediction.pages, prediction.model_sha256, prediction.abstained) == (1, UNKNOWN_WEIGHTS, False)


def test_further_fields_are_read() -> None:
    mapping = AnswerMapping("p", pages="length(pages)", model_sha256="revision", abstained="unsure")
    prediction = read({"p": {"a": 0.6, "b": 0.4}, "pages": [1, 2], "revision": "r7", "unsure": True}, mapping)
    assert (prediction.pages, prediction.model_sha256, prediction.abstained) == (2, "r7", True)


@pytest.mark.parametrize(("threshold", "abstained"), [(0.5, False), (0.6, False), (0.7, True)])
def test_prediction_below_the_threshold_abstains(threshold: float, abstained: bool) -> None:
    mapping = AnswerMapping("@", abstain_below=threshold)
    assert read({"a": 0.6, "b": 0.4}, mapping).abstained is abstained


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ({"s": {"a": 0.6, "b": 0.3}}, {}),  # the rest is missing
        ({"s": {"a": 0.6, "b": "0.4"}}, {}),
        ({"s": {"a": True, "b": 0.0}}, {}),
        ({"s": {"a": 1.2, "b": -0.2}}, {}),
        ({"s": {"a": float("nan"), "b": 0.4}}, {}),
        ({"s": {"a": float("inf"), "b": 0.4}}, {"scale": "logits"}),
        ({"s": {"a": 60, "b": 40}}, {}),
        ({"s": {"a": 0.6, "b": 0.4}}, {"scale": "percent"}),
        ({"s": {}}, {}),
        ({"s": {"": 1.0}}, {}),
        ({"s": [0.6, 0.4]}, {}),
        ({"s": [0.6, 0.4]}, {"labels": ("a", "b", "c")}),
        ({"s": [0.6, 0.4]}, {"labels": "names"}),
        ({"s": [0.6, 0.4], "names": ["a", "a"]}, {"labels": "names"}),
        ({"s": [0.6, 0.4], "names": ["a", 2]}, {"labels": "names"}),
        ({"s": {"a": 0.6}}, {"labels": ("a",)}),
        ({"s": {"a": 0.6, "b": 0.4}, "top": "b"}, {"label": "top"}),
        ({"s": {"a": 0.6, "b": 0.4}, "top": "c"}, {"label": "top"}),
        ({"s": {"a": 0.6, "b": 0.4}}, {"label": "top"}),
        ({"s": {"a": 0.6, "b": 0.4}, "n": 0}, {"pages": "n"}),
        ({"s": {"a": 0.6, "b": 0.4}, "n": "2"}, {"pages": "n"}),
        ({"s": {"a": 0.6, "b": 0.4}}, {"pages": "length(missing)"}),  # JMESPath refuses null
        ({"s": {"a": 0.6, "b": 0.4}}, {"model_sha256": "missing"}),
        ({}, {}),
        ([], {}),
        (None, {}),
        ("s", {}),
    ],
)
def test_answer_that_does_not_fit_is_invalid(answer: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(CallFailed) as raised:
        read(answer, AnswerMapping("s", **changes))
    assert raised.value.kind == "invalid_answer"


labels = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True)


@given(labels.flatmap(lambda names: st.fixed_dictionaries({name: st.floats(-700, 700) for name in names})))
def test_logits_become_probabilities_in_the_same_order(scores: dict[str, float]) -> None:
    outcome = outcome_of({"s": scores}, AnswerMapping("s", scale="logits"))
    if isinstance(outcome, ModelFailure):  # labels that are equal in Unicode's normal form
        assert outcome.kind == "invalid_answer"
        return
    assert math.fsum(outcome.probabilities.values()) == pytest.approx(1)
    assert outcome.confidence == max(outcome.probabilities.values())


mappings = st.builds(
    AnswerMapping,
    st.sampled_from(["s", "[].s", "s[0]", "@"]),
    labels=st.none() | st.sampled_from(["l", "[].l", "keys(s)"]) | st.just(("a", "b")),
    scale=st.sampled_from(SCALES),
    rename=st.dictionaries(
        st.sampled_from(["a", "b"]), st.sampled_from(["a", "b", "", "\ud800", "x" * 200]), max_size=2
    ),
    label=st.none() | st.just("l"),
    pages=st.none() | st.just("p"),
    model_sha256=st.none() | st.just("m"),
    abstained=st.none() | st.just("m"),
)
numbers = st.integers(0, 1) | st.floats(0, 1) | st.sampled_from([50, 100, 10**400])
answers = st.fixed_dictionaries(
    {},
    optional={
        "s": st.lists(numbers, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), numbers) | anything,
        "l": st.just(["a", "b"]) | anything,
        "p": st.integers(1, 3) | anything,
        "m": st.text(max_size=3) | anything,
    },
)


@given(answers | st.lists(answers, max_size=2) | anything, mappings)
def test_any_answer_is_invalid_or_can_be_stored(answer: Any, mapping: AnswerMapping) -> None:
    outcome = outcome_of(answer, mapping)
    assert isinstance(outcome, Prediction) or outcome.kind == "invalid_answer"
    assert stored_bytes(outcome) < MAX_ITEM_BYTES

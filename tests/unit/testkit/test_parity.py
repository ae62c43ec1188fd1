import pytest

from testkit.hosting_options import Answer, comparable
from testkit.parity import compare_answers

INVOICE: Answer = {"label": "invoice", "probabilities": {"invoice": 0.75, "form": 0.25}}
PROBLEM: Answer = {"problem": "corrupt-document"}


def test_equal_answers_are_identical() -> None:
    answers = {("a", "v1"): INVOICE, ("b", "v1"): PROBLEM}
    agreement = compare_answers(answers, dict(answers))
    assert (agreement.answers, agreement.identical, agreement.same_labels) == (2, 2, 2)
    assert agreement.largest_difference == 0
    assert not agreement.differing


def test_last_bit_counts() -> None:
    other = {**INVOICE, "probabilities": {"invoice": 0.75 + 2**-53, "form": 0.25}}
    agreement = compare_answers({("a", "v1"): other}, {("a", "v1"): INVOICE})
    assert (agreement.identical, agreement.same_labels) == (0, 1)
    assert agreement.largest_difference == 2**-53
    assert agreement.differing == (("a", "v1"),)


def test_problem_differs_from_a_prediction() -> None:
    agreement = compare_answers({("a", "v1"): PROBLEM}, {("a", "v1"): INVOICE})
    assert (agreement.same_labels, agreement.largest_difference) == (0, 1)


def test_answers_to_other_documents_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same documents"):
        compare_answers({("a", "v1"): INVOICE}, {("b", "v1"): INVOICE})


def test_timings_are_not_compared() -> None:
    assert comparable(200, b'{"label": "form", "timings_ms": {"total": 1}}') == {"label": "form"}


@pytest.mark.parametrize(
    "body", [b'{"type": "urn:triptych:problem:corrupt-document"}', b"corrupt-document: truncated\nTraceback"]
)
def test_problem_is_read_from_json_and_from_text(body: bytes) -> None:
    assert comparable(422, body) == {"problem": "corrupt-document"}

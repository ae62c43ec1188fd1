"""Protects: the table shows what the record contains, and differing predictions stand out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from records.record import Reason, Record, Status
from tests.support.uploads import model_failure, prediction, record, upload
from triptych.terminal import record_views

AGREED = record({version: prediction() for version in ("v1", "v2", "v3")})


def text(*records: Record, width: int = 140) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(record_views.ResultsTable(records))
    return captured.get()


def test_matching_predictions_are_ticks_without_a_note() -> None:
    line, summary = (line for line in text(AGREED).splitlines() if "invoice" in line or "·" in line)
    assert " ".join(line.split()) == "inbox/invoice.pdf invoice 94% ✓ 90% ✓ 90% ✓ 90% unanimous 40"
    assert summary == "1 document · 1 unanimous"


def test_a_differing_prediction_is_spelled_out_and_the_review_reason_named() -> None:
    shown = text(record({"v1": prediction("receipt", 0.6), "v2": prediction(), "v3": prediction()}))
    assert "receipt 60%" in shown
    assert "to review: doubtful (v1 predicts receipt)" in shown


def test_a_failed_version_shows_its_failure() -> None:
    shown = text(record({"v1": model_failure("unreachable"), "v2": prediction(), "v3": prediction()}))
    assert "✗ unreachable" in shown
    assert "partial: No answer from v1" in shown


def test_a_rejected_document_shows_its_reason() -> None:
    rejected = record({}, status=Status.REJECTED, reason=Reason("encrypted-document", "the PDF is encrypted"))
    assert "rejected: the PDF is encrypted" in text(rejected)


@pytest.mark.parametrize("key", ["[draft] contract.pdf", "scan [a4].pdf", "x[/b].pdf"])
def test_markup_in_keys_is_printed_literally(key: str) -> None:
    disagreed = {"v1": prediction("receipt", 0.6), "v2": prediction(), "v3": prediction()}
    assert text(record(disagreed, of=upload(key))).count(key) == 2  # in its row, and where the review is named


def test_control_characters_in_keys_labels_and_reasons_are_made_visible() -> None:
    hostile = "\x1b[2J\nx\u202e"
    predictions = {"v1": prediction(hostile, 0.6), "v2": prediction(), "v3": prediction()}
    rejected = record({}, of=upload(hostile), status=Status.REJECTED, reason=Reason("corrupt", hostile))
    shown = text(record(predictions, of=upload(hostile)), rejected, width=200)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("␛[2J␊x\ufffd") == 7


def test_a_version_that_abstains_has_a_question_mark() -> None:
    assert "90%?" in text(record({"v1": prediction(abstained=True), "v2": prediction()}))


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_every_width_shows_document_verdict_and_differing_predictions(width: int) -> None:
    disagreed = record(
        {"v1": prediction("scientific_paper", 0.6), "v2": prediction("handwritten", 0.6), "v3": prediction()}
    )
    shown = text(AGREED, disagreed, width=width)
    assert "…" not in shown
    for part in ("inbox/invoice", "unanimous", "✓ 90%", "v1 predicts scientific_paper, v2 predicts handwritten"):
        assert part in " ".join(shown.split())  # a long note may wrap
    assert max(map(len, shown.splitlines())) <= width


@given(st.floats(0, 1, exclude_max=True))
def test_only_certainty_is_formatted_as_100_percent(probability: float) -> None:
    assert record_views.format_confidence(probability) != "100%"


def test_json_is_an_array_of_records() -> None:
    [content] = json.loads(record_views.records_to_json([AGREED]))
    assert content == AGREED.as_dict()
    assert content["predictions"]["v2"]["probabilities"] == {"invoice": 0.9, "receipt": 0.1}
    assert not any(name.endswith("_shard") for name in content)

"""Protects: what a person reads in the table is what the record says, and what differs stands out."""

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
        console.print(record_views.RecordTable(records))
    return captured.get()


def test_agreement_is_ticks_and_no_remark() -> None:
    line, summary = (line for line in text(AGREED).splitlines() if "invoice" in line or "·" in line)
    assert " ".join(line.split()) == "inbox/invoice.pdf invoice 98% ✓ 90% ✓ 90% ✓ 90% unanimous 40"
    assert summary == "1 document · 1 unanimous"


def test_the_version_that_differs_is_spelled_out_and_the_review_named() -> None:
    shown = text(record({"v1": prediction("receipt", 0.6), "v2": prediction(), "v3": prediction()}))
    assert "receipt 60%" in shown
    assert "to review: disagreement (v1 says receipt)" in shown


def test_a_version_that_failed_says_how() -> None:
    shown = text(record({"v1": model_failure("unreachable"), "v2": prediction(), "v3": prediction()}))
    assert "✗ unreachable" in shown
    assert "partial: No answer from v1" in shown


def test_a_rejected_document_says_why() -> None:
    rejected = record({}, status=Status.REJECTED, reason=Reason("encrypted-document", "the PDF is encrypted"))
    assert "rejected: the PDF is encrypted" in text(rejected)


@pytest.mark.parametrize("key", ["[draft] contract.pdf", "scan [a4].pdf", "x[/b].pdf"])
def test_names_of_documents_are_text_and_nothing_else(key: str) -> None:
    torn = {"v1": prediction("receipt", 0.6), "v2": prediction(), "v3": prediction()}
    assert text(record(torn, of=upload(key))).count(key) == 2  # in its row, and where the review is named


def test_a_version_in_doubt_has_a_question_mark() -> None:
    assert "90%?" in text(record({"v1": prediction(abstained=True), "v2": prediction()}))


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_every_width_shows_the_document_the_verdict_and_what_differs(width: int) -> None:
    torn = record({"v1": prediction("scientific_paper", 0.6), "v2": prediction("handwritten", 0.6), "v3": prediction()})
    shown = text(AGREED, torn, width=width)
    assert "…" not in shown
    for part in ("inbox/invoice", "unanimous", "✓ 90%", "v1 says scientific_paper, v2 says handwritten"):
        assert part in " ".join(shown.split())  # a long note may wrap
    assert max(map(len, shown.splitlines())) <= width


@given(st.floats(0, 1, exclude_max=True))
def test_nothing_short_of_certainty_reads_as_certain(probability: float) -> None:
    assert record_views.format_confidence(probability) != "100%"


def test_json_is_one_array_with_the_record_s_field_names() -> None:
    [content] = json.loads(record_views.records_to_json([AGREED]))
    assert content == AGREED.as_dict()
    assert content["predictions"]["v2"]["probabilities"] == {"invoice": 0.9, "receipt": 0.1}
    assert not any(name.endswith("_shard") for name in content)

"""Protects: shares, ages, sizes, stances and spans are displayed correctly."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import ModelFailure, Outcome
from tests.support.uploads import NOON, model_failure, prediction, record, upload
from triptych.console import views
from triptych.console.views import Card, waterfall

THIN = "\N{NARROW NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100"), (0.996, "99"), (0.5, "50"), (0.004, "<1"), (0.0, "0"), (0.015, "2")]
)
def test_percent_is_never_rounded_to_zero_or_one_hundred(share: float, text: str) -> None:
    assert views.format_percent(share) == text + THIN


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "just now"), (-5, "just now"), (59, "59 s ago"), (3600, "1 h ago"), (200_000, "2 d ago")]
)
def test_age_is_in_its_largest_unit(seconds: int, text: str) -> None:
    assert views.format_age(NOON, NOON + timedelta(seconds=seconds)) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_size_has_a_unit(value: int) -> None:
    number, unit = views.format_size(value).split()
    assert number.isdigit()
    assert unit in ("B", "KB", "MB", "GB")


def test_unknown_size_is_shown_as_such() -> None:
    assert views.format_size(None) == "unknown size"


def test_each_outcome_has_its_stance() -> None:
    outcomes: dict[str, Outcome] = {
        "v1": prediction("receipt"),
        "v2": prediction("receipt", 0.55, abstained=True),
        "v3": prediction("invoice", 0.6),
        "v4": model_failure("timeout"),
    }
    card = Card.from_record(record(outcomes), ["v1", "v2", "v3", "v4", "v5"])
    assert [panel.stance for panel in card.panels] == ["agrees", "abstains", "differs", "failed", "absent"]
    assert [panel.colour for panel in card.panels] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("confidences", "agreement"),
    [((0.99, 0.55, 0.55), "majority for book page"), ((0.6, 0.9, 0.9), "majority"), ((0.99, 0.55), "split")],
)
def test_majority_that_was_overruled_is_named(confidences: tuple[float, ...], agreement: str) -> None:
    """Without its label, it would seem to be a majority for the verdict."""
    labels = ("invoice", "book_page", "book_page")
    outcomes: dict[str, Outcome] = {
        f"v{number}": prediction(label, confidence)
        for number, (label, confidence) in enumerate(zip(labels, confidences, strict=False), start=1)
    }
    assert Card.from_record(record(outcomes), list(outcomes)).agreement == agreement


def test_probabilities_are_sorted_highest_first() -> None:
    [panel] = Card.from_record(record({"v1": prediction("receipt", 0.8)}), ["v1"]).panels
    assert [each.label for each in panel.probabilities] == ["receipt", "invoice"]


OUTCOMES = st.one_of(
    st.builds(
        lambda ms, decode, infer: prediction(latency_ms=ms, timings_ms={"decode": decode, "infer": infer}),
        *[st.floats(0, 3000)] * 3,
    ),
    st.builds(lambda ms: ModelFailure("timeout", "late", ms), st.floats(0, 3000)),
)


@given(
    st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), OUTCOMES),
    st.floats(0, 3000),
    st.floats(-60_000, 60_000),
    st.integers(1, 3),
)
def test_waterfall_spans_never_start_before_the_upload(
    outcomes: dict[str, Outcome], latency: float, delivery: float, revision: int
) -> None:
    made = record(
        outcomes,
        of=upload(event_time=NOON),
        classified_at=NOON + timedelta(milliseconds=delivery),
        latency_ms=latency,
        revision=revision,
    )
    for span in waterfall(made):
        assert span.start >= 0
        assert span.length >= 0

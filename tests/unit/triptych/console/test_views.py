"""Protects: shares, times and stances are told as they are."""

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
    ("share", "told"), [(1.0, "100"), (0.996, "99"), (0.5, "50"), (0.004, "<1"), (0.0, "0"), (0.015, "2")]
)
def test_a_share_is_never_told_as_more_than_it_is(share: float, told: str) -> None:
    assert views.percent(share) == told + THIN


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "just now"), (-5, "just now"), (59, "59 s ago"), (3600, "1 h ago"), (200_000, "2 d ago")]
)
def test_ages(seconds: int, told: str) -> None:
    assert views.ago(NOON, NOON + timedelta(seconds=seconds)) == told


@given(st.integers(min_value=0, max_value=10**12))
def test_sizes_have_a_unit(value: int) -> None:
    number, unit = views.size(value).split()
    assert number.isdigit()
    assert unit in ("B", "KB", "MB", "GB")


def test_a_version_stands_to_the_verdict_in_one_of_five_ways() -> None:
    said: dict[str, Outcome] = {
        "v1": prediction("receipt"),
        "v2": prediction("receipt", 0.55, abstained=True),
        "v3": prediction("invoice", 0.6),
        "v4": model_failure("timeout"),
    }
    card = Card.of(record(said), ["v1", "v2", "v3", "v4", "v5"])
    assert [panel.stance for panel in card.panels] == ["agrees", "doubts", "differs", "fails", "absent"]
    assert [panel.colour for panel in card.panels] == [1, 2, 3, 4, 5]


def test_the_likeliest_guess_comes_first() -> None:
    [panel] = Card.of(record({"v1": prediction("receipt", 0.8)}), ["v1"]).panels
    assert [guess.label for guess in panel.guesses] == ["receipt", "invoice"]


outcomes = st.one_of(
    st.builds(
        lambda ms, decode, infer: prediction(latency_ms=ms, timings_ms={"decode": decode, "infer": infer}),
        *[st.floats(0, 3000)] * 3,
    ),
    st.builds(lambda ms: ModelFailure("timeout", "late", ms), st.floats(0, 3000)),
)


@given(
    st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), outcomes),
    st.floats(0, 3000),
    st.floats(-60_000, 60_000),
    st.integers(1, 3),
)
def test_no_bar_of_the_waterfall_begins_before_the_upload(
    said: dict[str, Outcome], latency: float, waited: float, revision: int
) -> None:
    made = record(
        said,
        of=upload(event_time=NOON),
        classified_at=NOON + timedelta(milliseconds=waited),
        latency_ms=latency,
        revision=revision,
    )
    for span in waterfall(made):
        assert span.start >= 0
        assert span.length >= 0

"""The check after a chaos run must see what it looks for: a loss, a second record, a lie."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from benchmarks.chart import percentile
from records.outcomes import Outcome
from records.record import Record
from testkit.consistency import Finding, Sent, judge
from tests.support.uploads import model_failure, prediction, record, upload

SENT = Sent("service killed", "direct", "a.png", b"12345", "etag", "v-1")
TRUTH: Mapping[str, Outcome] = {"v1": prediction(), "v2": prediction(), "v3": prediction()}
OURS = upload(key="a.png", etag="etag", version_id="v-1")
GOOD = record(TRUTH, of=OURS)


def findings(*records: Record, letters: frozenset[str] = frozenset()) -> Finding:
    return judge(SENT, records, set(letters), lambda _: TRUTH, "documents")


def test_one_true_record_is_all_that_is_wanted() -> None:
    found = findings(GOOD)
    assert (found.outcome, found.records, found.wrong, found.mended) == ("complete", 1, "", False)
    assert findings(replace(GOOD, revision=2)).mended


def test_no_record_is_a_loss_unless_a_letter_names_the_upload() -> None:
    partial = record({**TRUTH, "v2": model_failure()}, of=OURS)
    assert findings().outcome == findings(partial).outcome == "lost"
    assert findings(letters=frozenset({"v-2"})).outcome == "lost"
    assert findings(letters=frozenset({"v-1"})).outcome == findings(partial, letters=frozenset({"v-1"})).outcome
    assert findings(letters=frozenset({"v-1"})).outcome == "dead letter"


def test_a_second_record_is_seen() -> None:
    assert findings(GOOD, GOOD).records == 2


@pytest.mark.parametrize("changes", [{"etag": "other"}, {"size": 6}, {"key": "b.png"}, {"bucket": "elsewhere"}])
def test_a_record_about_something_else_is_wrong(changes: dict[str, object]) -> None:
    assert findings(replace(GOOD, upload=replace(OURS, **changes))).wrong  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [prediction("receipt"), prediction(confidence=0.8), prediction(model_sha256="cd" * 32)],
    ids=["label", "probabilities", "weights"],
)
def test_a_prediction_that_the_service_does_not_give_is_wrong(said: Outcome) -> None:
    assert "v2" in findings(record({**TRUTH, "v2": said}, of=OURS)).wrong
    assert findings(record({**TRUTH, "v2": said}, of=OURS), GOOD).wrong, "whichever of two it is"


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(number) for number in range(1, 21)]
    assert [percentile(values, rank) for rank in (50, 95, 99, 100)] == [10, 19, 20, 20]
    assert percentile([7.0], 99) == 7

"""Protects: generated tables hold the records that the console's benchmark and tests expect."""

from datetime import datetime
from itertools import islice

from testkit.generated_records import LABELS, SPAN, items


def test_records_are_distinct_and_complete() -> None:
    generated = list(items(200, labelled=1.0))
    assert len({item["key"]["S"] for item in generated}) == 200
    assert {item["status"]["S"] for item in generated} == {"COMPLETE"}
    assert {item["label"]["S"] for item in generated} <= set(LABELS)
    assert any("review" in item for item in generated)


def test_interrupted_generation_covers_the_whole_span() -> None:
    times = sorted(item["event_time"]["S"] for item in islice(items(1000, labelled=0.0), 20))
    first, last = (datetime.fromisoformat(time) for time in (times[0], times[-1]))
    assert last - first > SPAN * 0.8

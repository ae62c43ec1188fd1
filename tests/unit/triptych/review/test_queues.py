"""Protects: each queue is dealt in random order, evidence only for open pairs, with the draw and a reason."""

from datetime import timedelta

import pytest

from records.assembly import is_audited, with_verdict
from records.keys import shard_of
from records.record import Record
from records.reviews import Queue
from records.uploads import audit_number
from tests.support.uploads import NOON, policy, prediction, record, upload
from triptych.review.focus import OpenPair
from triptych.review.queues import Window, deal, explain, queues_to_read

HALF = policy(weights={}, champion="", audit_share=0.5)
LABELS = {
    "all-agree": ("invoice", "invoice", "invoice"),
    "v1-differs": ("memo", "invoice", "invoice"),
    "v3-differs": ("invoice", "invoice", "memo"),
}
OPEN = OpenPair("v2", "v3", 41)


def made(number: int, kind: str, *, doubtful: bool = False) -> Record:
    """Return a record that was uploaded some minutes after noon."""
    of = upload(f"scan-{number}.pdf", event_time=NOON + timedelta(minutes=number))
    sure = {"v1": 0.6, "v2": 0.99, "v3": 0.9}
    if doubtful:
        sure = dict.fromkeys(sure, 0.5)
    predictions = {
        version: prediction(label, sure[version], probabilities={label: sure[version], "other": 1 - sure[version]})
        for version, label in zip(sure, LABELS[kind], strict=True)
    }
    found = record(predictions, of=of)
    lenient = policy(weights={"v2": 1.0}, champion="v2", audit_share=0.5, doubt_below=0.9)
    return with_verdict(found, lenient)


def windows(records: list[Record]) -> dict[Queue, Window]:
    return {
        queue: Window([each for each in records if each.queue is queue], None)
        for queue in (Queue.REVIEW, Queue.EVIDENCE, Queue.AUDIT)
    }


RECORDS = [
    *(made(number, "all-agree") for number in range(20)),
    *(made(number, "v1-differs") for number in range(20, 40)),
    *(made(number, "v3-differs") for number in range(40, 60)),
    *(made(number, "v3-differs", doubtful=True) for number in range(60, 70)),
    *(made(number, "all-agree", doubtful=True) for number in range(70, 80)),
]


def rank(of: Record) -> float:
    return audit_number(of.upload.document, of.upload.sort_key)


@pytest.mark.parametrize("only", [None, *(each for each in Queue if each is not Queue.OTHER)])
@pytest.mark.parametrize("focus", [(), (OPEN,)])
def test_queues_that_are_not_read_change_nothing(focus: tuple[OpenPair, ...], only: Queue | None) -> None:
    read = {queue: window for queue, window in windows(RECORDS).items() if queue in queues_to_read(focus, only)}
    assert deal(read, focus, 100, only) == deal(windows(RECORDS), focus, 100, only)
    assert len(read) == (3 if focus and only in (None, Queue.EVIDENCE) else 2 if only is None else 1)


def test_records_are_in_the_expected_queues() -> None:
    assert {each.queue for each in RECORDS[:20]} == {None, Queue.AUDIT}
    assert {each.queue for each in RECORDS[20:60]} == {Queue.EVIDENCE, Queue.AUDIT}
    assert {each.queue for each in RECORDS[60:]} == {Queue.REVIEW}
    assert all(is_audited(each.upload, each.verdict, HALF) == each.audit for each in RECORDS)


def test_evidence_contains_all_disagreements_of_open_pairs_in_random_order() -> None:
    """Also doubtful and audited ones; without them, its documents would not be a random sample of them."""
    waiting = windows(RECORDS)
    dealt = [each for each in deal(waiting, [OPEN], 1000) if each.draw.queue is Queue.EVIDENCE]
    ranks = [rank(each.record) for each in dealt]
    assert ranks == sorted(ranks)
    assert all(OPEN.differ(each.record) for each in dealt)
    assert {each.draw.phase for each in dealt} == {("v2:v3",)}
    everything = {each.record.upload.key for each in deal(waiting, [OPEN], 1000)}
    assert {each.upload.key for each in RECORDS[40:70]} <= everything
    unasked = {each.upload.key for each in RECORDS[20:40] if not each.audit}
    assert not unasked & everything


def test_probability_is_the_share_drawn_so_far() -> None:
    dealt = [each for each in deal(windows(RECORDS[40:60]), [OPEN], 1000) if each.draw.queue is Queue.EVIDENCE]
    positions = {each.upload.key: n for n, each in enumerate(sorted(RECORDS[40:60], key=rank), 1)}
    assert [each.draw.probability for each in dealt] == [positions[each.record.upload.key] / 20 for each in dealt]


def test_without_open_pairs_only_doubt_and_audits_are_dealt() -> None:
    queues = [each.draw.queue for each in deal(windows(RECORDS), [], 1000)]
    assert set(queues) == {Queue.REVIEW, Queue.AUDIT}
    assert queues[:4] == [Queue.REVIEW, Queue.AUDIT] * 2


def test_every_document_is_dealt_once() -> None:
    keys = [each.record.upload.key for each in deal(windows(RECORDS), [OPEN], 1000)]
    assert len(keys) == len(set(keys))
    assert len(deal(windows(RECORDS), [OPEN], 7)) == 7


def test_window_covers_the_period_of_the_shortest_shard() -> None:
    records = RECORDS[:20]
    shard = shard_of(records[0].upload.document)
    same = [each for each in records if shard_of(each.upload.document) == shard]
    assert Window.of(records, 21).since is None
    assert Window.of(same, len(same)).since == min(each.upload.event_time for each in same)
    together = Window.together([Window(records, None), Window(same, records[5].upload.event_time)])
    assert together.since == records[5].upload.event_time
    assert min(each.upload.event_time for each in together.records) >= records[5].upload.event_time


def test_reason_is_one_line_and_reveals_no_prediction() -> None:
    differing, doubtful = RECORDS[40], RECORDS[60]
    assert explain(Queue.EVIDENCE, differing, [OPEN]) == "v2 and v3 differ here; about 41 more labels settle it."
    assert explain(Queue.EVIDENCE, differing, [OpenPair("v2", "v3", 1)]).endswith("about 1 more label settles it.")
    assert "many more labels" in explain(Queue.EVIDENCE, differing, [OpenPair("v2", "v3")])
    assert doubtful.verdict is not None
    reason = f"its confidence is {100 * doubtful.verdict.confidence:.0f} %"
    assert explain(Queue.REVIEW, doubtful, []) == f"Doubt: the verdict may be wrong, because {reason}."
    assert explain(Queue.AUDIT, differing, []).startswith("Audit: selected at random")
    for text in (explain(queue, doubtful, [OPEN]) for queue in Queue):
        assert "invoice" not in text
        assert "memo" not in text

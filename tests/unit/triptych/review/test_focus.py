"""Protects: the open pairs follow from the records, with no more queries than they need."""

from datetime import timedelta

import pytest

from records.assembly import with_verdict
from records.table import PolicyTable, RecordTable
from tests.support.uploads import NOON, policy, prediction, record, upload
from triptych.review import focus as module
from triptych.review.focus import OpenPair, read_focus
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

EVEN = policy(1, weights={}, champion="", audit_share=0.5)


def fill(stack: StackConnection, number: int) -> None:
    """Store records of three versions, of which v1 often differs, and label the third part of them."""
    reviews = Reviews(stack.table)
    for index in range(number):
        labels = {"v1": "memo" if index % 2 else "invoice", "v2": "invoice", "v3": "invoice" if index % 5 else "memo"}
        of = upload(f"scan-{index}.pdf", bucket="inbox", event_time=NOON + timedelta(minutes=index))
        predictions = {version: prediction(label) for version, label in labels.items()}
        made = with_verdict(record(predictions, of=of), EVEN)
        RecordTable(stack.table).save(made, replacing=None)
        if index % 3 == 0:
            reviews.label(made.upload.document, made.upload.sort_key, "invoice", "ann")


def read(stack: StackConnection) -> list[OpenPair]:
    return list(read_focus(Results(stack.table), PolicyTable(stack.table)))


def test_labels_of_a_small_table_need_no_query(
    stack: StackConnection, operations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest documents are then all documents. The open pairs are those that all the queries find."""
    fill(stack, 12)
    operations.clear()
    pairs = read(stack)
    assert operations == ["Query"] * 9
    operations.clear()
    monkeypatch.setattr(module, "_SAMPLE", 12)
    assert [pair.name for pair in read(stack)] == [pair.name for pair in pairs]
    assert operations.count("Query") > 9
    assert pairs

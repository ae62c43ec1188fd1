"""Protects: what version 0.1 wrote to the table is read, written back unchanged, and continued.

`tests/data/items_v0_1.json` contains items that version 0.1 wrote, in the format of DynamoDB's API.
"""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from records.assembly import with_verdict
from records.outcomes import ModelFailure
from records.policy import DEFAULT_POLICY, DOUBT_BELOW, POLICY_KEY, Policy
from records.record import SCHEMA, Record, Status
from records.reviews import Queue
from records.table import PolicyTable, RecordTable
from tests.support.pipelines import FakeModels, FakeRecords, pipeline
from tests.support.uploads import NOON, prediction
from triptych.review import sheets
from triptych.review.candidates import ReplayedRecords
from triptych.review.focus import read_focus
from triptych.review.promotion import PolicyChange, Promotions
from triptych.review.replay import ReplayAnswers, ReplayedVersion, ReplayRun
from triptych.review.reports import build_report
from triptych.review.reviews import Reviews
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


def _read_items() -> list[dict[str, Any]]:
    deserialize = TypeDeserializer().deserialize
    content = json.loads((Path(__file__).parents[2] / "data" / "items_v0_1.json").read_text())
    return [{name: deserialize(value) for name, value in item.items()} for item in content]


ITEMS = _read_items()
RECORDS = {item["document"]: item for item in ITEMS if item["document"] != POLICY_KEY}
POLICIES = [item for item in ITEMS if item["document"] == POLICY_KEY]
SUSPENDED = "archive/suspended.png"
"""Uploaded while the bucket's versioning was suspended."""


def test_items_include_every_status_and_field() -> None:
    records = RECORDS.values()
    assert {item["status"] for item in records} == set(Status)
    assert {item["id"] for item in POLICIES} == {"p1", "p2"}
    assert {item["policy"] for item in records if "policy" in item} == {"p0", "p1", "p2"}
    fields = {field for item in records for field in item}
    assert {"review", "earlier_reviews", "audit", "backfilled", "reason", "version_id", "review_shard"} <= fields


@pytest.mark.parametrize("document", sorted(RECORDS.keys() - {SUSPENDED}))
def test_record_is_written_back_unchanged(document: str) -> None:
    item = RECORDS[document]
    assert Record.from_item(item).to_item() == item


def test_null_version_is_read_as_no_version() -> None:
    item = RECORDS[SUSPENDED]
    assert item["version_id"] == "null"
    written = Record.from_item(item).to_item()
    assert written == {name: value for name, value in item.items() if name != "version_id"}


@pytest.mark.parametrize("item", POLICIES, ids=[item["id"] for item in POLICIES])
def test_policy_is_written_back_with_the_default_threshold_of_doubt(item: dict[str, Any]) -> None:
    assert Policy.from_item(item).to_item() == {**item, "doubt_below": Decimal(str(DOUBT_BELOW))}


def in_memory() -> FakeRecords:
    """Return a record store with the records of the previous version."""
    records = FakeRecords()
    for item in RECORDS.values():
        records.items[item["document"], item["sequencer"]] = Record.from_item(item)
    return records


@pytest.mark.parametrize(
    ("document", "missing"),
    [
        ("inbox/partial/two-missing.pdf", ["v2", "v3"]),
        ("inbox/partial/labelled.pdf", ["v3"]),
        ("inbox/partial/untrusted.pdf", ["v1", "v3"]),
        ("inbox/failed/all-down.pdf", ["v1", "v2", "v3"]),
    ],
)
def test_retry_completes_an_incomplete_record(document: str, missing: list[str]) -> None:
    before, models = Record.from_item(RECORDS[document]), FakeModels()
    attempt = pipeline(models=models, records=in_memory()).classify(before.upload)
    after = Record.from_item(attempt.record.to_item())
    assert models.calls == [missing]
    assert (after.status, after.revision, attempt.written) == (Status.COMPLETE, before.revision + 1, True)
    assert after.answered().items() >= before.answered().items()
    assert (after.review, after.earlier_reviews) == (before.review, before.earlier_reviews)


def test_object_that_exists_again_completes_its_record() -> None:
    before = Record.from_item(RECORDS["inbox/partial/deleted.pdf"])
    assert before.final
    attempt = pipeline(records=in_memory()).classify(before.upload)
    assert (attempt.record.status, attempt.record.revision) == (Status.COMPLETE, before.revision + 1)


FINAL = [document for document, item in RECORDS.items() if item["status"] in (Status.COMPLETE, Status.REJECTED)]


@pytest.mark.parametrize("document", FINAL)
def test_repeated_event_of_a_final_record_changes_nothing(document: str) -> None:
    before, models = Record.from_item(RECORDS[document]), FakeModels()
    attempt = pipeline(models=models, records=in_memory()).classify(before.upload)
    assert (attempt.record, attempt.written, models.calls) == (before, False, [])


@pytest.fixture
def previous(table: "Table") -> "Table":
    """Return a table with the items of the previous version."""
    with table.batch_writer() as batch:
        for item in ITEMS:
            batch.put_item(Item=item)
    return table


def stored(table: "Table", document: str) -> Record:
    record = RecordTable(table).get(document, RECORDS[document]["sequencer"])
    assert record is not None
    return record


@pytest.mark.parametrize("document", ["inbox/partial/two-missing.pdf", "inbox/audit/waiting.pdf"])
def test_record_in_a_queue_is_labelled(previous: "Table", document: str) -> None:
    before = stored(previous, document)
    reviews = Reviews(previous, now=lambda: NOON + timedelta(days=1))
    reviews.label(document, before.upload.sort_key, "invoice", "cy")
    after = stored(previous, document)
    assert after.review is not None
    assert (after.review.label, after.review.queue) == ("invoice", before.queue)
    assert after.revision == before.revision + 1


def test_new_label_keeps_the_earlier_ones(previous: "Table") -> None:
    document = "inbox/reviewed/twice.pdf"
    before = stored(previous, document)
    Reviews(previous).label(document, before.upload.sort_key, "form", "cy")
    after = stored(previous, document)
    assert after.earlier_reviews == (*before.earlier_reviews, before.review)
    assert [review.label for review in after.earlier_reviews] == ["invoice", "none-of-these", "receipt"]


def test_queues_contain_the_unlabelled_records(previous: "Table") -> None:
    waiting = {each.record.upload.document: each.record.queue for each in Reviews(previous).deal(50)}
    assert waiting == {
        "inbox/audit/waiting.pdf": Queue.AUDIT,
        "inbox/complete/split Zürich+1.pdf": Queue.REVIEW,
        "inbox/complete/weighted.pdf": Queue.REVIEW,
        "inbox/partial/two-missing.pdf": Queue.REVIEW,
        "inbox/partial/untrusted.pdf": Queue.REVIEW,
    }


def test_previous_records_are_reported(previous: "Table") -> None:
    """Every label of the random sample counts, for accuracy and for the pairs."""
    report = build_report(Results(previous), Reviews(previous), PolicyTable(previous))
    drawn = [item for item in RECORDS.values() if item.get("review", {}).get("queue") in ("review", "audit")]
    assert report.population == sum("label" in item for item in RECORDS.values())
    assert sum(report.labelled.values()) == sum("review" in item for item in RECORDS.values())
    assert 0 < report.labelled["review"] + report.labelled["audit"] <= len(drawn)
    assert report.labelled["evidence"] == 0
    assert read_focus(Results(previous), PolicyTable(previous))


def test_evidence_on_previous_records_is_drawn_and_stored(previous: "Table") -> None:
    reviews = Reviews(previous, now=lambda: NOON + timedelta(days=1))
    focus = read_focus(Results(previous), PolicyTable(previous))
    dealt = next(each for each in reviews.deal(50, focus, Queue.EVIDENCE))
    upload = dealt.record.upload
    reviews.label(upload.document, upload.sort_key, "invoice", "cy", draw=dealt.draw)
    review = stored(previous, upload.document).review
    assert review is not None
    assert (review.queue, review.draw) == (Queue.REVIEW, dealt.draw)


def test_previous_records_are_evidence_on_a_candidate(previous: "Table", tmp_path: Path) -> None:
    """A version that is not deployed is compared by labels of the previous version, and needs further labels."""
    records = [each for each in map(Record.from_item, RECORDS.values()) if each.verdict]
    times = [each.upload.event_time for each in records]
    answers = ReplayAnswers(tmp_path / "answers", run=ReplayRun(100, min(times), max(times)))
    answers.outcomes.update({(each.upload.document, each.upload.sort_key): prediction("memo") for each in records})
    version = ReplayedVersion("v4", "ab" * 32, NOON, ())
    replayed = ReplayedRecords.read(version, answers, "inbox", Results(previous), PolicyTable(previous))
    found = replayed.assess()
    assert found.replayed == sum(found.rival in each.answered() for each in records)
    assert found.wins + found.ties + found.losses > 0
    dealt = replayed.deal(3)
    reviews = Reviews(previous, now=lambda: NOON + timedelta(days=1))
    sheet = sheets.parse_sheet(_filled(sheets.format_sheet(dealt, sheets.SheetFormat.JSON)), sheets.SheetFormat.JSON)
    imported = sheets.import_rows(reviews, sheet, by="cy", advance=lambda: None)
    assert (imported.labelled, imported.failures) == (3, [])
    again = ReplayedRecords.read(version, answers, "inbox", Results(previous), PolicyTable(previous)).assess()
    assert again.to_label == found.to_label[3:]


def _filled(sheet: str) -> bytes:
    """Return a sheet with the first choice as each label."""
    return json.dumps([row | {"label": row["choices"][0]} for row in json.loads(sheet)]).encode()


def test_promotion_continues_the_numbering(previous: "Table") -> None:
    policies = PolicyTable(previous)
    assert policies.newest().id == "p2"
    created = Promotions(policies, Results(previous)).promote(PolicyChange("v1"), by="cy", why="v1 improved")
    assert (created.id, policies.newest().id) == ("p3", "p3")
    assert [policy.id for policy in policies.history()] == ["p3", "p2", "p1"]


def test_late_event_finds_the_backfilled_record(previous: "Table") -> None:
    before = stored(previous, "archive/backfilled/scan 1.tif")
    again = RecordTable(previous).find_same(before.upload)
    assert again == before


@pytest.mark.parametrize("document", [document for document, item in RECORDS.items() if "policy" in item])
def test_label_follows_from_the_stored_policy(document: str) -> None:
    """The reasons for review do not: schema 1 had others. The confidence was pooled without softening the ballots."""
    record = Record.from_item(RECORDS[document])
    policies = [DEFAULT_POLICY, *map(Policy.from_item, POLICIES)]
    again = with_verdict(record, next(policy for policy in policies if policy.id == record.policy))
    assert record.verdict is not None
    assert again.verdict is not None
    assert again.verdict.confidence == pytest.approx(record.verdict.confidence, abs=0.15)
    assert (again.verdict.label, again.verdict.agreement) == (record.verdict.label, record.verdict.agreement)
    assert (record.schema, again.schema) == (1, SCHEMA)
    stored: dict[str, Any] = {"verdict": record.verdict, "audit": record.audit, "schema": 1}
    assert replace(again, **stored) == record


def test_failure_is_read_with_its_status_and_problem() -> None:
    record = Record.from_item(RECORDS["inbox/rejected/encrypted.pdf"])
    failure = ModelFailure("rejected", "The PDF is encrypted.", 12.5, 422, "encrypted-document")
    assert record.predictions["v1"] == failure

"""Protects: every notification that S3 sends is decoded to what was really uploaded, and nothing else is believed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.events import Task, from_batch, from_queue
from records.errors import MalformedEvent
from records.notifications import parse_notification
from records.uploads import Upload

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str) -> dict[str, Any]:
    content = json.loads((EVENTS / f"{name}.json").read_text())
    assert isinstance(content, dict)
    return content


def test_a_put_is_one_upload_with_its_key_decoded() -> None:
    assert parse_notification(event("s3_put")) == [
        Upload(
            bucket="documents",
            key="from Zürich/50% off+tax.pdf",
            sequencer="0055AED6DCD90281E5",
            event_time=datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC),
            size=2048,
            etag="0123456789abcdef0123456789abcdef",
            version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
        )
    ]


def test_eventbridge_s_form_gives_the_same_and_encodes_nothing() -> None:
    assert parse_notification(event("eventbridge_object_created")) == [
        Upload(
            bucket="documents",
            key="from Zürich/50% off+tax.pdf",
            sequencer="617f08299329d189",
            event_time=datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC),
            size=5,
            etag="b1946ac92492d2347c6235b4d2611184",
            version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        )
    ]


def test_other_events_of_s3_on_the_bus_announce_no_document() -> None:
    deleted = event("eventbridge_object_created") | {"detail-type": "Object Deleted"}
    assert parse_notification(deleted) == []


def test_a_batch_names_keys_which_are_decoded() -> None:
    assert from_batch(event("s3_batch_operations")) == [
        Task("dGFza2lkZ29lc2hlcmUK", "documents", "from Zürich/50% off+tax.pdf", None)
    ]
    with pytest.raises(MalformedEvent):
        from_batch({"invocationSchemaVersion": "2.0"})


@pytest.mark.parametrize("name", ["s3_put", "s3_test_event", "eventbridge_object_created"])
def test_what_is_neither_queue_nor_batch_is_left_to_uploads(name: str) -> None:
    assert from_queue(event(name)) is None
    assert from_batch(event(name)) is None


def test_a_multipart_upload_in_an_unversioned_bucket_has_no_version() -> None:
    [upload] = parse_notification(event("s3_multipart_upload"))
    assert upload.version_id is None
    assert upload.size == 18_000_000


@pytest.mark.parametrize("name", ["s3_test_event", "s3_folder_marker", "s3_delete"])
def test_events_that_announce_no_document_give_no_upload(name: str) -> None:
    assert parse_notification(event(name)) == []


def test_bytes_under_a_name_with_a_slash_at_the_end_are_a_document() -> None:
    marker = event("s3_folder_marker")
    marker["Records"][0]["s3"]["object"]["size"] = 7
    assert [upload.key for upload in parse_notification(marker)] == ["new folder/"]


@given(st.text(min_size=1, max_size=60).filter(lambda key: not key.endswith("/")))
def test_any_key_survives_the_encoding_of_the_event(key: str) -> None:
    put = event("s3_put")
    put["Records"][0]["s3"]["object"]["key"] = quote_plus(key)
    assert [upload.key for upload in parse_notification(put)] == [key]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"Records": None},
        {"Records": [None]},
        {"Records": [{"eventSource": "aws:sns"}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]},
    ],
)
def test_what_is_no_notification_is_named_and_not_swallowed(broken: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        parse_notification(broken)


@pytest.mark.parametrize(
    ("field", "value"), [("key", "%FF"), ("size", "many"), ("sequencer", None), ("key", None), ("size", [])]
)
def test_a_field_that_cannot_be_read_is_named(field: str, value: Any) -> None:
    put = event("s3_put")
    if value is None:
        del put["Records"][0]["s3"]["object"][field]
    else:
        put["Records"][0]["s3"]["object"][field] = value
    with pytest.raises(MalformedEvent):
        parse_notification(put)

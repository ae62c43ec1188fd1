"""Protects: every notification of a new object is decoded to what was uploaded, and no other event is accepted."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import MalformedEvent
from records.notifications import parse_notification
from records.uploads import Upload
from tests.support.events import example_event, sns_event, sns_message

FROM_S3 = Upload(
    bucket="documents",
    key="from Zürich/50% off+tax.pdf",
    sequencer="0055AED6DCD90281E5",
    event_time=datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC),
    size=2048,
    etag="0123456789abcdef0123456789abcdef",
    version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
)
FROM_EVENTBRIDGE = Upload(
    bucket="documents",
    key="from Zürich/50% off+tax.pdf",
    sequencer="617f08299329d189",
    event_time=datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC),
    size=5,
    etag="b1946ac92492d2347c6235b4d2611184",
    version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
)
KINDS = [("s3_put", FROM_S3), ("eventbridge_object_created", FROM_EVENTBRIDGE)]


def described(event: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a notification that describes the object."""
    part = event["detail"]["object"] if "detail" in event else event["Records"][0]["s3"]["object"]
    assert isinstance(part, dict)
    return part


@pytest.mark.parametrize(("name", "expected"), KINDS)
def test_notification_is_one_upload_with_its_key_decoded(name: str, expected: Upload) -> None:
    assert parse_notification(example_event(name)) == [expected]


@pytest.mark.parametrize("wrap", [sns_event, sns_message])
@pytest.mark.parametrize(("name", "expected"), KINDS)
def test_notification_wrapped_by_sns_is_the_same_upload(wrap: Any, name: str, expected: Upload) -> None:
    assert parse_notification(wrap(example_event(name))) == [expected]


@pytest.mark.parametrize("wrap", [sns_event, sns_message])
def test_test_event_wrapped_by_sns_announces_no_upload(wrap: Any) -> None:
    assert parse_notification(wrap(example_event("s3_test_event"))) == []


def test_every_record_of_an_sns_event_is_decoded() -> None:
    event = sns_event(example_event("s3_put"))
    event["Records"] += sns_event(example_event("eventbridge_object_created"))["Records"]
    assert parse_notification(event) == [FROM_S3, FROM_EVENTBRIDGE]


@pytest.mark.parametrize("message", ["not JSON", "[1]", "null", '"text"', '{"hello": "world"}', None, 7])
def test_sns_message_that_is_not_a_notification_is_malformed(message: Any) -> None:
    for event in (sns_event({}), sns_message({})):
        envelope = event["Records"][0]["Sns"] if "Records" in event else event
        envelope["Message"] = message
        with pytest.raises(MalformedEvent):
            parse_notification(event)


def test_other_events_of_s3_from_eventbridge_announce_no_upload() -> None:
    deleted = example_event("eventbridge_object_created") | {"detail-type": "Object Deleted"}
    assert parse_notification(deleted) == []


def test_multipart_upload_in_an_unversioned_bucket_has_no_version() -> None:
    [upload] = parse_notification(example_event("s3_multipart_upload"))
    assert (upload.version_id, upload.size) == (None, 18_000_000)


@pytest.mark.parametrize("name", ["s3_test_event", "s3_folder_marker", "s3_delete"])
def test_events_that_announce_no_document_give_no_upload(name: str) -> None:
    assert parse_notification(example_event(name)) == []


def test_object_with_content_is_a_document_even_if_its_key_ends_with_a_slash() -> None:
    marker = example_event("s3_folder_marker")
    described(marker)["size"] = 7
    assert [upload.key for upload in parse_notification(marker)] == ["new folder/"]


def test_example_without_a_size_is_an_upload_of_unknown_size() -> None:
    [upload] = parse_notification(example_event("s3_put_without_size"))
    assert (upload.size, upload.etag, upload.version_id) == (None, "", None)


@pytest.mark.parametrize(("name", "expected"), KINDS)
@pytest.mark.parametrize("missing", [True, False])
def test_missing_or_null_size_is_unknown(name: str, expected: Upload, missing: bool) -> None:
    event = example_event(name)
    described(event)["size"] = None
    if missing:
        del described(event)["size"]
    assert [upload.size for upload in parse_notification(event)] == [None]


@pytest.mark.parametrize(("name", "field"), [("s3_put", "versionId"), ("eventbridge_object_created", "version-id")])
def test_null_version_is_not_a_version(name: str, field: str) -> None:
    event = example_event(name)
    described(event)[field] = "null"
    assert [upload.version_id for upload in parse_notification(event)] == [None]


@given(st.text(min_size=1, max_size=60).filter(lambda key: not key.endswith("/")))
def test_any_key_is_decoded(key: str) -> None:
    put = example_event("s3_put")
    described(put)["key"] = quote_plus(key)
    assert [upload.key for upload in parse_notification(json.loads(json.dumps(put)))] == [key]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": None},
        {"Records": [None]},
        {"Records": [{"eventSource": "aws:sns"}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": None}]},
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]},
    ],
)
def test_event_that_is_not_a_notification_is_malformed(event: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        parse_notification(event)


@pytest.mark.parametrize(
    ("field", "value"), [("key", "%FF"), ("size", "many"), ("sequencer", None), ("key", None), ("size", [])]
)
def test_notification_with_an_invalid_or_missing_field_is_malformed(field: str, value: Any) -> None:
    put = example_event("s3_put")
    if value is None:
        del described(put)[field]
    else:
        described(put)[field] = value
    with pytest.raises(MalformedEvent):
        parse_notification(put)

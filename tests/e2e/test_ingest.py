"""Protects: both ingest modes, direct invocation and queue, lose no upload."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from records.record import Record, Status
from tests.e2e.conftest import VERSIONS
from tests.support.pages import encode, page
from tests.support.polling import wait_until
from tests.support.probe import probe, role_of
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.stack import Home, Ingest, Stack, running_stack, start_service, start_stack, stop_service
from triptych.stack.deployment import queue_length
from triptych.storage.connection import connect_local
from triptych.storage.results import Results

BURST = 300
"""Documents uploaded at once."""

queue_only = pytest.mark.parametrize("mode", ["queue"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def _direct_ingest_afterwards(stack: Stack, home: Home) -> Iterator[None]:
    """Restore the ingest mode that other modules expect."""
    yield
    start_stack(home=home, ingest="direct")


@pytest.fixture(scope="module", params=["direct", "queue"])
def mode(request: pytest.FixtureRequest) -> Ingest:
    """The ingest mode. Its scope makes pytest group the tests by mode."""
    return "queue" if request.param == "queue" else "direct"


@pytest.fixture
def ingest_stack(mode: Ingest, home: Home, stack: Stack) -> Stack:
    """The shared stack in one ingest mode."""
    running = running_stack(home)
    return running if running.ingest == mode else start_stack(home=home, ingest=mode)


def document(number: int) -> bytes:
    """Return a small page whose size differs from that of every other number."""
    return encode(page((120 + number % 100, 160 + number // 100)), "PNG")


def put(key: str, content: bytes) -> str:
    """Upload an object and return its version id."""
    connection = connect_local()
    return connection.s3.put_object(Bucket=connection.bucket, Key=key, Body=content)["VersionId"]


def history(key: str) -> list[Record]:
    connection = connect_local()
    return Results(connection.table).history(f"{connection.bucket}/{key}")


def wait_for_records(key: str, count: int = 1) -> list[Record]:
    """Return the records of a key once there are `count`."""
    wait_until(lambda: len(history(key)) == count, 60, interval=0.1, reason=f"{count} records of {key}")
    return history(key)


def wait_until_drained(stack: Stack, seconds: float = 60) -> None:
    """Wait until the inbox queue is empty, messages in flight included."""
    assert stack.inbox_queue_url
    url, port = stack.inbox_queue_url, int(stack.endpoint_url.rsplit(":", 1)[-1])
    wait_until(lambda: queue_length(url, port) == 0, seconds, interval=0.1, reason="an empty inbox queue")


def deliver(stack: Stack, events: Sequence[dict[str, Any]]) -> None:
    """Deliver events at once, as S3 does in the stack's ingest mode, and wait until all are handled."""
    connection = connect_local()

    def send(event: dict[str, Any]) -> None:
        if stack.inbox_queue_url:
            connection.sqs.send_message(QueueUrl=stack.inbox_queue_url, MessageBody=json.dumps(event))
        else:
            orchestrator_invoker(connection)(event)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, events))
    if stack.inbox_queue_url:
        wait_until_drained(stack)


def dead_letters(stack: Stack) -> list[str]:
    """Return the bodies of the dead letters, which stay in the queue."""
    sqs = connect_local().sqs
    response = sqs.receive_message(QueueUrl=stack.dead_letter_queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in response.get("Messages", [])]


def delete_dead_letter(stack: Stack, body: str) -> None:
    sqs = connect_local().sqs
    response = sqs.receive_message(QueueUrl=stack.dead_letter_queue_url, MaxNumberOfMessages=10)
    for message in response.get("Messages", []):
        if message["Body"] == body:
            sqs.delete_message(QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])


class TestBothModes:
    def test_upload_becomes_a_complete_record(self, ingest_stack: Stack) -> None:
        key = f"{ingest_stack.ingest}/Größe 50% + Ä.png"
        version_id = put(key, document(1))
        [record] = wait_for_records(key)
        assert (record.status, record.upload.version_id) == (Status.COMPLETE, version_id)

    def test_repeated_and_reordered_events_change_nothing(self, ingest_stack: Stack) -> None:
        key = f"{ingest_stack.ingest}/again.png"
        version_ids = [put(key, document(number)) for number in (2, 3, 4)]
        before = wait_for_records(key, len(version_ids))
        events = [notification_for(record.upload) for record in before] * 3
        deliver(ingest_stack, random.Random(0).sample(events, len(events)))
        assert [record.as_dict() for record in history(key)] == [record.as_dict() for record in before]
        assert [record.upload.version_id for record in reversed(before)] == version_ids
        assert {record.revision for record in before} == {1}

    def test_commands_limit_uploads_only_without_a_queue(self, ingest_stack: Stack) -> None:
        assert (connect_local().max_in_flight is None) == (ingest_stack.ingest == "queue")
        assert (ingest_stack.inbox_queue_url is not None) == (ingest_stack.ingest == "queue")


@queue_only
class TestQueue:
    @pytest.mark.slow
    def test_burst_loses_no_upload(self, ingest_stack: Stack) -> None:
        """Upload more than the machine can process at once. Without the queue, the emulator would drop events."""
        burst = range(BURST)
        keys = [f"burst/{number}.png" for number in burst]
        with ThreadPoolExecutor(16) as pool:
            version_ids = list(pool.map(put, keys, map(document, burst)))
        connection = connect_local()
        results = Results(connection.table)
        found: dict[str, list[Record]] = {}

        def all_recorded() -> bool:
            for key in keys:
                if key not in found and (records := results.history(f"{connection.bucket}/{key}")):
                    found[key] = records
            return len(found) == len(keys)

        wait_until(all_recorded, 240, interval=0.1, reason="a record of every upload")
        for key, version_id in zip(keys, version_ids, strict=True):
            [record] = found[key]
            assert record.upload.version_id == version_id
            assert record.status in (Status.COMPLETE, Status.PARTIAL)  # a busy machine may exceed the three seconds
        wait_until_drained(ingest_stack, 120)
        assert not [body for body in dead_letters(ingest_stack) if "burst/" in body]

    def test_queue_retries_a_partial_record(self, ingest_stack: Stack, home: Home) -> None:
        stop_service("v1", home=home)
        try:
            put("v1-down.png", document(5))
            [partial] = wait_for_records("v1-down.png")
            assert (partial.status, sorted(partial.answered())) == (Status.PARTIAL, ["v2", "v3"])
        finally:
            start_service("v1", home=home)
        wait_until(
            lambda: history("v1-down.png")[0].status is Status.COMPLETE, 60, interval=0.1, reason="a complete record"
        )
        [complete] = history("v1-down.png")
        assert sorted(complete.answered()) == list(VERSIONS)
        assert {name: complete.predictions[name] for name in ("v2", "v3")} == partial.answered()
        wait_until_drained(ingest_stack)

    @pytest.mark.slow  # waits for all receive attempts; the unit tests of the handler also reject such a message
    def test_unreadable_message_delays_nothing_and_becomes_a_dead_letter(self, ingest_stack: Stack) -> None:
        assert ingest_stack.inbox_queue_url
        message = '{"this is": "no notification"}'
        connect_local().sqs.send_message(QueueUrl=ingest_stack.inbox_queue_url, MessageBody=message)
        put("next-to-it.png", document(6))
        assert wait_for_records("next-to-it.png")[0].status is Status.COMPLETE
        wait_until(lambda: message in dead_letters(ingest_stack), 90, interval=0.1, reason="a dead letter")
        wait_until_drained(ingest_stack)
        delete_dead_letter(ingest_stack, message)

    def test_orchestrator_may_only_receive_from_the_queue(self, ingest_stack: Stack) -> None:
        queue = {"QueueUrl": ingest_stack.inbox_queue_url}
        forbidden: dict[str, dict[str, Any]] = {
            "send_message": {"MessageBody": "{}"},
            "send_message_batch": {"Entries": [{"Id": "1", "MessageBody": "{}"}]},
            "purge_queue": {},
            "delete_queue": {},
            "set_queue_attributes": {"Attributes": {"VisibilityTimeout": "0"}},
        }
        with probe(ingest_stack, role_of(ingest_stack)) as attempt:
            allowed = attempt("sqs", "get_queue_attributes", **queue, AttributeNames=["QueueArn"])
            outcomes = {
                action: attempt("sqs", action, **queue, **more)["outcome"] for action, more in forbidden.items()
            }
        assert allowed["outcome"] == "allowed"
        assert set(outcomes.values()) <= {"AccessDenied", "AccessDeniedException"}, outcomes

    @pytest.mark.slow  # updates the stack twice; tests/unit/template/test_updates.py checks what each update replaces
    def test_switching_the_mode_keeps_documents_and_records(self, ingest_stack: Stack, home: Home) -> None:
        version_id = put("kept.png", document(7))
        before = wait_for_records("kept.png")

        after = start_stack(home=home, ingest="direct")

        assert (after.bucket, after.table, after.inbox_queue_url) == (ingest_stack.bucket, ingest_stack.table, None)
        assert history("kept.png") == before
        connection = connect_local()
        assert connection.s3.head_object(Bucket=connection.bucket, Key="kept.png")["VersionId"] == version_id
        put("kept.png", document(8))
        wait_for_records("kept.png", 2)

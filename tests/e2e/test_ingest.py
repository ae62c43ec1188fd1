"""Both ways from the inbox to the orchestrator: S3 invokes it, or a queue stands between. Neither loses an upload."""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from records.record import Record, Status
from tests.support.pages import encode, page
from tests.support.probe import probe, role_of
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.stack import Home, Stack, deployment, start_service, start_stack, stop_service
from triptych.storage import connection
from triptych.storage.results import Results

BURST = 300
VERSIONS = ["v1", "v2", "v3"]


@pytest.fixture(scope="module", autouse=True)
def direct_again(stack: Stack, home: Home) -> Iterator[None]:
    """Other modules expect the ingest that the stack came up with."""
    yield
    start_stack(home=home, ingest="direct")


@pytest.fixture(scope="module", params=["direct", "queue"])
def either(request: pytest.FixtureRequest, home: Home, stack: Stack) -> Stack:
    return start_stack(home=home, ingest=request.param)


@pytest.fixture(scope="module")
def queued(home: Home, stack: Stack) -> Stack:
    return start_stack(home=home, ingest="queue")


def document(number: int) -> bytes:
    """A small page whose size, and so whose content, no other number has."""
    return encode(page((120 + number % 100, 160 + number // 100)), "PNG")


def put(key: str, content: bytes) -> str:
    """Store an object: its version id."""
    to = connection.connect_local()
    return to.s3.put_object(Bucket=to.bucket, Key=key, Body=content)["VersionId"]


def history(key: str) -> list[Record]:
    to = connection.connect_local()
    return Results(to.table).history(f"{to.bucket}/{key}")


def wait_until(holds: Callable[[], bool], what: str, timeout: float = 60) -> None:
    until = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def waiting(stack: Stack) -> int:
    """Messages in the inbox queue, those being worked on included."""
    assert stack.inbox_queue_url
    return deployment.queue_length(stack.inbox_queue_url, int(stack.endpoint_url.rsplit(":", 1)[-1]))


def deliver(stack: Stack, events: Sequence[dict[str, Any]]) -> None:
    """Deliver events all at once, in the way of the stack's ingest, and wait until each was dealt with."""
    to = connection.connect_local()

    def send(event: dict[str, Any]) -> None:
        if stack.inbox_queue_url:
            to.sqs.send_message(QueueUrl=stack.inbox_queue_url, MessageBody=json.dumps(event))
        else:
            orchestrator_invoker(to)(event)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, events))
    if stack.inbox_queue_url:
        wait_until(lambda: waiting(stack) == 0, "the queue does not run empty")


def failures(stack: Stack) -> list[str]:
    """The bodies of the dead letters, which are left where they are."""
    sqs = connection.connect_local().sqs
    answer = sqs.receive_message(QueueUrl=stack.dead_letter_queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", [])]


class TestEitherWay:
    def test_an_upload_becomes_a_complete_record(self, either: Stack) -> None:
        key = f"{either.ingest}/Größe 50% + Ä.png"
        version = put(key, document(1))
        wait_until(lambda: len(history(key)) == 1, "no record")
        [record] = history(key)
        assert (record.status, record.upload.version_id) == (Status.COMPLETE, version)

    def test_events_that_come_twice_late_and_out_of_order_change_nothing(self, either: Stack) -> None:
        key = f"{either.ingest}/again.png"
        versions = [put(key, document(number)) for number in (2, 3, 4)]
        wait_until(lambda: len(history(key)) == len(versions), "no three records")
        before = history(key)
        events = [notification_for(record.upload) for record in before] * 3
        deliver(either, random.Random(0).sample(events, len(events)))
        assert [record.as_dict() for record in history(key)] == [record.as_dict() for record in before]
        assert [record.upload.version_id for record in reversed(before)] == versions
        assert {record.revision for record in before} == {1}

    def test_only_a_queue_paces_who_drops_documents(self, either: Stack) -> None:
        assert (connection.connect_local().max_in_flight is None) == (either.ingest == "queue")
        assert (either.inbox_queue_url is not None) == (either.ingest == "queue")


class TestQueue:
    def test_a_burst_loses_nothing(self, queued: Stack) -> None:
        """More at once than the machine can take: without the queue, the emulator would drop what it cannot run."""
        keys = [f"burst/{number}.png" for number in range(BURST)]
        with ThreadPoolExecutor(16) as pool:
            versions = list(pool.map(put, keys, map(document, range(BURST))))
        to = connection.connect_local()
        results = Results(to.table)
        found: dict[str, list[Record]] = {}

        def complete() -> bool:
            for key in keys:
                if key not in found and (records := results.history(f"{to.bucket}/{key}")):
                    found[key] = records
            return len(found) == BURST

        wait_until(complete, "records are missing", timeout=240)
        for key, version in zip(keys, versions, strict=True):
            [record] = found[key]
            assert record.upload.version_id == version
            assert record.status in (Status.COMPLETE, Status.PARTIAL)  # a busy machine may miss the three seconds
        wait_until(lambda: waiting(queued) == 0, "the queue does not run empty", timeout=120)
        assert not [body for body in failures(queued) if "burst/" in body]

    def test_a_record_that_lacks_a_version_is_completed_by_the_queue(self, queued: Stack, home: Home) -> None:
        stop_service("v1", home=home)
        try:
            put("v1-down.png", document(5))
            wait_until(lambda: len(history("v1-down.png")) == 1, "no record")
            [partial] = history("v1-down.png")
            assert (partial.status, sorted(partial.answered())) == (Status.PARTIAL, ["v2", "v3"])
        finally:
            start_service("v1", home=home)
        wait_until(lambda: history("v1-down.png")[0].status is Status.COMPLETE, "nothing retried it")
        [whole] = history("v1-down.png")
        assert sorted(whole.answered()) == VERSIONS
        assert {name: whole.predictions[name] for name in ("v2", "v3")} == partial.answered()
        wait_until(lambda: waiting(queued) == 0, "the message stays, though its document is done")

    def test_what_nobody_can_read_holds_up_nothing_and_ends_among_the_dead_letters(self, queued: Stack) -> None:
        assert queued.inbox_queue_url
        sqs = connection.connect_local().sqs
        poison = '{"this is": "no notification"}'
        sqs.send_message(QueueUrl=queued.inbox_queue_url, MessageBody=poison)
        put("beside.png", document(6))
        wait_until(lambda: len(history("beside.png")) == 1, "held up")
        assert history("beside.png")[0].status is Status.COMPLETE
        wait_until(lambda: poison in failures(queued), "not among the dead letters", timeout=90)
        assert waiting(queued) == 0
        for message in sqs.receive_message(QueueUrl=queued.dead_letter_queue_url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            if message["Body"] == poison:  # leave the queue as it was found
                sqs.delete_message(QueueUrl=queued.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])


class TestSwitching:
    def test_it_keeps_every_document_and_record(self, home: Home, queued: Stack) -> None:
        version = put("kept.png", document(7))
        wait_until(lambda: len(history("kept.png")) == 1, "no record")
        before = history("kept.png")

        after = start_stack(home=home, ingest="direct")

        assert (after.bucket, after.table, after.inbox_queue_url) == (queued.bucket, queued.table, None)
        assert history("kept.png") == before
        to = connection.connect_local()
        assert to.s3.head_object(Bucket=to.bucket, Key="kept.png")["VersionId"] == version
        put("kept.png", document(8))
        wait_until(lambda: len(history("kept.png")) == 2, "no record after the switch")


def test_the_orchestrator_takes_from_the_queue_and_may_do_nothing_else_to_it(home: Home, stack: Stack) -> None:
    queued = start_stack(home=home, ingest="queue")  # whatever the tests before have left
    queue = {"QueueUrl": queued.inbox_queue_url}
    beyond: dict[str, dict[str, Any]] = {
        "send_message": {"MessageBody": "{}"},
        "send_message_batch": {"Entries": [{"Id": "1", "MessageBody": "{}"}]},
        "purge_queue": {},
        "delete_queue": {},
        "set_queue_attributes": {"Attributes": {"VisibilityTimeout": "0"}},
    }
    with probe(queued, role_of(queued)) as attempt:
        assert attempt("sqs", "get_queue_attributes", **queue, AttributeNames=["QueueArn"])["outcome"] == "allowed"
        outcomes = {action: attempt("sqs", action, **queue, **more)["outcome"] for action, more in beyond.items()}
    assert set(outcomes.values()) <= {"AccessDenied", "AccessDeniedException"}, outcomes

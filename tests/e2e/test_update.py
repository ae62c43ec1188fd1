"""Updates in place of a stack in use: a new handler, a new model, another ingest, and data of the previous release."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import TypeDeserializer

from records.policy import POLICY_KEY
from records.record import Record, Status
from records.reviews import Queue
from testkit.template import ROOT
from tests.support.account import wait_for
from tests.support.checkouts import Checkout, copy_checkout
from tests.support.commands import run_triptych
from tests.support.pages import encode, page
from tests.support.probe import client
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.review.reviews import Reviews
from triptych.stack import Home, Stack, deployment, fingerprints, services, start_stack
from triptych.stack.state import StackState
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

# About a minute on an idle machine, minutes on a busy one. Updates by parameter are tested without --full as well.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

POLICY_SECONDS = 3
"""Longer than the time for which the local stack's orchestrator caches the policy."""

Item = dict[str, Any]


def previous_items() -> dict[tuple[str, str], Item]:
    """Return the items that release 0.1 wrote, by key."""
    deserialize = TypeDeserializer().deserialize
    content = json.loads((ROOT / "tests" / "data" / "items_v0_1.json").read_text())
    items = [{name: deserialize(value) for name, value in item.items()} for item in content]
    return {(item["document"], item["sequencer"]): item for item in items}


ITEMS = previous_items()
WAITING = ("inbox/audit/waiting.pdf", "0055AED6DCD902000B00000000000000")
LABELLED = ("inbox/partial/labelled.pdf", "0055AED6DCD902000500000000000000")
"""A record with a label and without a prediction of v3."""


@pytest.fixture
def checkout(tmp_path: Path, home: Home, stack: Stack) -> Iterator[Checkout]:
    """A copy of the sources. After the test, the shared stack is deployed from the repository again."""
    yield copy_checkout(tmp_path)
    start_stack(home=home, ingest="direct")


@contextmanager
def deployed_from(checkout: Checkout) -> Iterator[None]:
    """Make the local stack use the sources of a checkout for the duration of the context."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (deployment, fingerprints, services):
            patch.setattr(module, "REPOSITORY", checkout.path)
        yield


@pytest.fixture
def adopted(connection: StackConnection, results: Results) -> Iterator[Record]:
    """The shared stack's table with the items of release 0.1 and its policies only.

    Returns:
        The record of release 0.1 that belongs to an object in the bucket.
    """
    table = connection.table
    policies = table.query(KeyConditionExpression=Key("document").eq(POLICY_KEY))["Items"]
    for policy in policies:
        table.delete_item(Key={name: policy[name] for name in ("document", "sequencer")})
    for item in ITEMS.values():
        table.put_item(Item=item)
    upload = put(connection, results, "previous-release.png", 310).to_item()
    identity = {name: upload[name] for name in ("document", "bucket", "key", "sequencer", "etag", "version_id", "size")}
    table.put_item(Item={**ITEMS[LABELLED], **identity})
    [record] = results.history(upload["document"])
    yield record
    written = table.query(KeyConditionExpression=Key("document").eq(POLICY_KEY))["Items"]
    for document, sequencer in [*ITEMS, *((policy["document"], policy["sequencer"]) for policy in written)]:
        table.delete_item(Key={"document": document, "sequencer": sequencer})
    for policy in policies:
        table.put_item(Item=policy)
    time.sleep(POLICY_SECONDS)


def put(connection: StackConnection, results: Results, key: str, size: int) -> Record:
    """Upload a page, and return its record."""
    connection.s3.put_object(Bucket=connection.bucket, Key=key, Body=encode(page((size, size)), "PNG"))
    history = wait_for(lambda: results.history(f"{connection.bucket}/{key}"))
    assert isinstance(history[0], Record)
    return history[0]


def response_to_empty_event(stack: Stack) -> dict[str, Any]:
    """Return the orchestrator's response to an event without uploads."""
    invocation = client(stack, "lambda").invoke(
        FunctionName=stack.function, Qualifier="live", Payload='{"Records": []}'
    )
    response = json.loads(invocation["Payload"].read())
    assert isinstance(response, dict)
    return response


def change_handler(checkout: Checkout) -> None:
    """Make the handler add a field to its response."""
    handler = checkout.path / "orchestrator" / "handler.py"
    changed = handler.read_text().replace('return {"records": [', 'return {"release": "next", "records": [')
    assert changed != handler.read_text()
    handler.write_text(changed)


def replace_model(checkout: Checkout, version: str, *, by: str) -> None:
    """Replace the model of a version by that of another one, as a training replaces it."""
    models = checkout.path / "models"
    manifest = json.loads((models / by / "manifest.json").read_text())
    shutil.rmtree(models / version)
    shutil.copytree(models / by, models / version)
    (models / version / "manifest.json").write_text(json.dumps({**manifest, "version": version}))


def digests(record: Record) -> dict[str, str]:
    """Return the digest of the weights behind each prediction."""
    return {name: prediction.model_sha256 for name, prediction in record.answered().items()}


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in after if after[name] != before[name]}


def test_updates_keep_records_policies_and_labels(
    stack: Stack, home: Home, connection: StackConnection, results: Results, checkout: Checkout, adopted: Record
) -> None:
    with deployed_from(checkout):
        first = put(connection, results, "before-updates.png", 300)
        assert first.status is Status.COMPLETE
        running = StackState.load(home).services

        change_handler(checkout)
        updated = start_stack(home=home)
        assert response_to_empty_event(updated)["release"] == "next"
        assert (updated.bucket, updated.table) == (stack.bucket, stack.table)
        assert updated.dead_letter_queue_url == stack.dead_letter_queue_url
        second = put(connection, results, "after-handler.png", 301)

        replace_model(checkout, "v3", by="v2")
        start_stack(home=home)
        assert changed_keys(running, StackState.load(home).services) == {"v3"}
        third = put(connection, results, "after-model.png", 302)
        assert third.status is Status.COMPLETE
        assert changed_keys(digests(second), digests(third)) == {"v3"}

        assert start_stack(home=home, ingest="queue").inbox_queue_url
        put(connection, results, "after-ingest.png", 303)

    restored = start_stack(home=home, ingest="direct")
    assert "release" not in response_to_empty_event(restored)
    for record in (first, second, third):
        assert [each.as_dict() for each in results.history(record.upload.document)] == [record.as_dict()]
    check_records_of_previous_release(connection, results)
    check_policies_of_previous_release(connection, results)
    check_retry_of_previous_record(connection, results, adopted)


def check_records_of_previous_release(connection: StackConnection, results: Results) -> None:
    """Check that records and labels are read, and that a waiting record can be labelled."""
    for (document, _), item in ITEMS.items():
        if document != POLICY_KEY:
            [record] = results.history(document)
            verdict = record.verdict.label if record.verdict else None
            assert (record.status, verdict) == (item["status"], item.get("label"))
    reviewed = {record["document"] for record in run_triptych("results", "--reviewed", "--limit", "500", "--json").json}
    assert reviewed >= {document for (document, _), item in ITEMS.items() if "review" in item}

    Reviews(connection.table).label(*WAITING, "receipt", "cy")

    [record] = results.history(WAITING[0])
    assert record.review is not None
    assert (record.review.label, record.review.by, record.review.queue) == ("receipt", "cy", Queue.AUDIT)
    report = run_triptych("report", "--json").json
    assert (
        sum(report["labelled"][stratum] for stratum in ("review", "evidence", "audit")) >= 3
    )  # without the two of the queue `other`


def check_policies_of_previous_release(connection: StackConnection, results: Results) -> None:
    """Check that the newest policy is in force, and that the next promotion continues the history."""
    sizes = iter(range(320, 400))
    wait_for(lambda: put(connection, results, f"policy/{(size := next(sizes))}.png", size).policy == "p2")
    promoted = run_triptych("promote", "v2", "--why", "tests", "--by", "cy", "--json").json
    assert promoted["id"] == "p3"
    assert [policy["id"] for policy in run_triptych("policy", "--json").json] == ["p3", "p2", "p1", "p0"]


def check_retry_of_previous_record(connection: StackConnection, results: Results, before: Record) -> None:
    """Check that a retry calls the missing version only, and keeps the predictions and the label."""
    assert before.status is Status.PARTIAL
    orchestrator_invoker(connection)(notification_for(before.upload))

    [record] = results.history(before.upload.document)
    assert (record.status, record.revision) == (Status.COMPLETE, before.revision + 1)
    assert record.answered().items() > before.answered().items()
    assert set(record.answered()) - set(before.answered()) == {"v3"}
    assert (record.review, record.earlier_reviews) == (before.review, before.earlier_reviews)

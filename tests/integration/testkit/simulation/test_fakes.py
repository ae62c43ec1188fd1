"""Protects: the simulated table and bucket answer as moto's do, for any sequence of the operations that the project
uses. The simulation is only as true as they are."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from testkit.simulation.aws import Client, World
from testkit.simulation.bucket import BucketClient, SimulatedBucket
from testkit.simulation.scenario import FaultSource
from testkit.simulation.scheduler import Process, Scheduler
from testkit.simulation.table import SimulatedTable, TableClient
from testkit.template import table_definition

REGION = "us-east-1"
DOCUMENTS = ("inbox/a", "inbox/b")
SEQUENCERS = ("01", "02", "03")
SHARDS = ("all#0", "all#1")
TIMES = ("2026-03-02T12:00:00.000Z", "2026-03-02T12:00:01.000Z")

documents, sequencers = st.sampled_from(DOCUMENTS), st.sampled_from(SEQUENCERS)
conditions = st.sampled_from([None, Attr("document").not_exists(), *[Attr("revision").eq(number) for number in (1, 2)]])
items = st.fixed_dictionaries(
    {
        "document": documents,
        "sequencer": sequencers,
        "revision": st.sampled_from([1, 2]),
        "event_time": st.sampled_from(TIMES),
    },
    optional={"time_shard": st.sampled_from(SHARDS), "review_shard": st.just("audit#0")},
)
table_operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), items, conditions),
        st.tuples(st.just("get"), documents, sequencers),
        st.tuples(st.just("history"), documents, st.booleans(), st.sampled_from([1, 2, 9])),
        st.tuples(st.just("index"), st.sampled_from(SHARDS), st.sampled_from(TIMES), st.sampled_from([1, 2, 9])),
        st.tuples(st.just("count"), st.sampled_from(SHARDS), st.sampled_from([1, 2, 9])),
    ),
    max_size=10,
)

keys = st.sampled_from(["a", "b"])
bodies = st.sampled_from([b"one", b"two"])
bucket_operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, bodies, st.booleans()),
        st.tuples(st.just("get"), keys, st.sampled_from([None, 0, 1]), st.sampled_from([None, b"one", b"two"])),
        st.tuples(st.just("head"), keys, st.sampled_from([None, 0, 1])),
        st.tuples(st.just("delete"), keys),
        st.tuples(st.just("list"), st.sampled_from(["", "a"])),
    ),
    max_size=10,
)


@pytest.fixture(scope="module", autouse=True)
def aws() -> Iterator[None]:
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        yield


def outcome(call: Callable[[], Any]) -> Any:
    """Return a result, or the code of the error."""
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]


def in_task(scheduler: Scheduler, call: Callable[[], Any]) -> Any:
    done = scheduler.spawn(lambda: outcome(call), Process(scheduler, "test"), "test")
    scheduler.run(scheduler.now + 10)
    return done.result()


def run_on_table(table: Any, operation: tuple[Any, ...]) -> Any:
    match operation:
        case "put", item, condition:
            given = {} if condition is None else {"ConditionExpression": condition}
            table.put_item(Item=item, **given)
            return None
        case "get", document, sequencer:
            key = {"document": document, "sequencer": sequencer}
            return table.get_item(Key=key, ConsistentRead=True).get("Item")
        case "history", document, forward, limit:
            query = {"KeyConditionExpression": Key("document").eq(document), "ConsistentRead": True}
            return pages(table, {**query, "ScanIndexForward": forward, "Limit": limit})
        case "index", shard, since, limit:
            condition = Key("time_shard").eq(shard) & Key("event_time").between(since, TIMES[-1])
            found = pages(table, {"IndexName": "by_time", "KeyConditionExpression": condition, "Limit": limit})
            return sorted(found, key=lambda item: (item["event_time"], item["document"], item["sequencer"]))
        case "count", shard, limit:
            condition = Key("time_shard").eq(shard)
            query = {"IndexName": "by_time", "KeyConditionExpression": condition, "Select": "COUNT", "Limit": limit}
            return table.query(**query)["Count"]
    raise AssertionError(operation)


def pages(table: Any, query: dict[str, Any]) -> list[Any]:
    """Return the items of all pages."""
    found: list[Any] = []
    while True:
        page = table.query(**query)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@given(operations=table_operations)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_simulated_table_answers_as_dynamodb(operations: list[tuple[Any, ...]]) -> None:
    scheduler = Scheduler()
    world = World(scheduler, FaultSource({}), ())
    simulated = TableClient(SimulatedTable(world, lambda: 0.0, lambda *_: None), Client(world, "table"))
    real = boto3.resource("dynamodb").create_table(**table_definition("records"))
    try:
        for operation in operations:
            expected = outcome(lambda operation=operation: run_on_table(real, operation))  # type: ignore[misc]
            assert in_task(scheduler, lambda operation=operation: run_on_table(simulated, operation)) == expected  # type: ignore[misc]
    finally:
        real.delete()


def run_on_bucket(
    s3: Any, bucket: str, operation: tuple[Any, ...], versions: list[str], etag: Callable[[bytes], str]
) -> Any:
    match operation:
        case "put", key, body, only_new:
            stored = s3.put_object(Bucket=bucket, Key=key, Body=body, **({"IfNoneMatch": "*"} if only_new else {}))
            versions.append(stored.get("VersionId", "null"))
            return stored["ETag"]
        case "get", key, version, content:
            condition = {"IfMatch": etag(content)} if content else {}
            found = s3.get_object(Bucket=bucket, Key=key, **named(version, versions), **condition)
            return found["Body"].read(), found["ContentLength"], found["ETag"]
        case "head", key, version:
            found = s3.head_object(Bucket=bucket, Key=key, **named(version, versions))
            return found["ContentLength"], found["ETag"]
        case "list", prefix:
            found = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
            return [(each["Key"], each["Size"]) for page in found for each in page.get("Contents", [])]
    raise AssertionError(operation)


def named(version: int | None, versions: list[str]) -> dict[str, str]:
    """Return the argument for the n-th version that was written, whichever key it belongs to."""
    if version is None or version >= len(versions) or versions[version] == "null":
        return {}
    return {"VersionId": versions[version]}


def md5(content: bytes) -> str:
    return SimulatedBucket(Scheduler(), versioned=True).put("any", content).etag


@pytest.mark.parametrize("versioned", [True, False])
@given(operations=bucket_operations)
@example(operations=[("put", "a", b"one", False), ("delete", "a"), ("get", "a", 0, None), ("head", "a", None)])
@example(operations=[("put", "a", b"one", False), ("put", "a", b"two", True), ("get", "a", None, b"two")])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_simulated_bucket_answers_as_s3(versioned: bool, operations: list[tuple[Any, ...]]) -> None:
    scheduler = Scheduler()
    bucket = SimulatedBucket(scheduler, versioned=versioned)
    simulated = BucketClient(bucket, Client(World(scheduler, FaultSource({}), ()), "bucket"))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="inbox")
    if versioned:
        s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
    numbers: tuple[list[str], list[str]] = ([], [])
    try:
        for operation in operations:
            if operation[0] == "delete":
                s3.delete_object(Bucket="inbox", Key=operation[1])
                bucket.delete(operation[1])
                continue
            expected = outcome(lambda o=operation: run_on_bucket(s3, "inbox", o, numbers[0], md5))  # type: ignore[misc]
            found = in_task(scheduler, lambda o=operation: run_on_bucket(simulated, "inbox", o, numbers[1], md5))  # type: ignore[misc]
            assert found == expected, operation
    finally:
        boto3.resource("s3").Bucket("inbox").object_versions.delete()
        s3.delete_bucket(Bucket="inbox")

"""Documents through the whole rollout: dropped by the command, classified by real services, read back, checked."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from typer.testing import CliRunner

from records.outcomes import ModelFailure
from records.record import Record, Status
from testkit.template import ROOT
from tests.support.samples import EXPECTED, FOLDER, READABLE, REJECTED, sample
from triptych.cli import app
from triptych.stack import Home, Stack, start_service, stop_service
from triptych.stack.state import StackState
from triptych.storage import connection
from triptych.storage.results import Results

VERSIONS = ("v1", "v2", "v3")
BUDGET_MS = 3000
"""The promise of the design, from the handler's start to the record."""


@pytest.fixture(scope="module")
def to(stack: Stack) -> connection.StackConnection:
    return connection.connect_local()


@pytest.fixture(scope="module")
def results(to: connection.StackConnection) -> Results:
    return Results(to.table)


def triptych(*arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    """Run the command with --json: its exit code and what it printed."""
    done = CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def put(path: Path, prefix: str) -> dict[str, Any]:
    code, [record] = triptych("put", path, "--wait", "--prefix", prefix)
    assert code == 0
    return record


@pytest.fixture(scope="module")
def records(stack: Stack) -> dict[str, dict[str, Any]]:
    """The record of every sample, dropped as one folder."""
    code, found = triptych("put", FOLDER, "--wait", "--prefix", "samples/")
    assert code == 0
    return {record["key"].removeprefix("samples/"): record for record in found}


class TestSamples:
    def test_every_sample_has_its_record(self, records: dict[str, dict[str, Any]]) -> None:
        assert sorted(records) == sorted(EXPECTED)

    @pytest.mark.parametrize("name", READABLE)
    def test_a_readable_document_has_three_predictions_by_the_models_of_the_checkout(
        self, records: dict[str, dict[str, Any]], name: str
    ) -> None:
        record = records[name]
        assert record["status"] == "COMPLETE"
        assert sorted(record["predictions"]) == list(VERSIONS)
        for version, said in record["predictions"].items():
            manifest = json.loads((ROOT / "models" / version / "manifest.json").read_text())
            assert said["model_sha256"] == manifest["sha256"]
            assert sorted(said["probabilities"]) == sorted(manifest["labels"])
            assert said["pages"] == EXPECTED[name]["pages"]
        assert record["latency_ms"] <= BUDGET_MS

    def test_most_verdicts_are_right(self, records: dict[str, dict[str, Any]]) -> None:
        wrong = {name: records[name]["label"] for name in READABLE if records[name]["label"] != EXPECTED[name]["label"]}
        assert len(wrong) <= len(READABLE) // 4, f"wrong: {wrong}"

    @pytest.mark.parametrize("name", REJECTED)
    def test_what_cannot_be_read_is_rejected_with_its_reason(
        self, records: dict[str, dict[str, Any]], name: str
    ) -> None:
        record = records[name]
        assert record["status"] == "REJECTED"
        assert record["reason"]["kind"] == EXPECTED[name]["rejected"]
        assert record["reason"]["detail"]
        assert "label" not in record

    def test_they_are_found_by_every_question(self, records: dict[str, dict[str, Any]]) -> None:
        def keys(*filters: str) -> set[str]:
            _, found = triptych("results", "--limit", "200", *filters)
            return {record["key"].removeprefix("samples/") for record in found} & set(EXPECTED)

        assert keys() == set(EXPECTED)
        assert keys("--status", "REJECTED") == set(REJECTED)
        assert keys("--status", "COMPLETE") == set(READABLE)
        assert keys("--review") == {name for name in READABLE if records[name]["needs_review"]}
        label = records["invoice-2024-0117.pdf"]["label"]
        assert keys("--label", label) == {name for name in READABLE if records[name]["label"] == label}
        assert keys("--until", "2020-01-01T00:00:00Z") == set()


class TestEvents:
    def test_a_strange_name_keeps_its_record_apart(self, stack: Stack, tmp_path: Path) -> None:
        path = tmp_path / "Größe 50% + Ä&Ö=.png"
        path.write_bytes(sample("slide-07.png").read_bytes())
        record = put(path, "a b/ünï/")
        assert record["key"] == "a b/ünï/Größe 50% + Ä&Ö=.png"
        assert record["status"] == "COMPLETE"

    def test_an_empty_file_is_rejected_as_empty(self, stack: Stack, tmp_path: Path) -> None:
        (tmp_path / "empty.pdf").touch()
        record = put(tmp_path / "empty.pdf", "empty/")
        assert (record["status"], record["reason"]["kind"]) == ("REJECTED", "empty")

    def test_the_same_name_again_is_a_record_of_its_own(self, stack: Stack, results: Results) -> None:
        for name in ("slide-07.png", "receipt-lunch.jpg"):
            path = sample(name)
            to = connection.connect_local()
            to.s3.put_object(Bucket=to.bucket, Key="again/same.name", Body=path.read_bytes())
            time.sleep(0.05)
        newest, oldest = wait_for(results, "again/same.name", count=2)
        assert newest.upload.sequencer > oldest.upload.sequencer
        assert newest.upload.size == sample("receipt-lunch.jpg").stat().st_size

    def test_a_repeated_event_changes_nothing(self, to: connection.StackConnection, results: Results) -> None:
        record = put(sample("invoice-2024-0117.pdf"), "repeated/")
        deliver(to, record)
        [only] = results.history(record["document"])
        assert (only.revision, only.status) == (1, Status.COMPLETE)


class TestFailures:
    def test_a_version_that_is_down_costs_its_own_prediction_and_a_retry_completes_the_item(
        self, to: connection.StackConnection, home: Home, results: Results
    ) -> None:
        stop_service("v2", home=home)
        try:
            record = put(sample("paper.pdf"), "v2-down/")
            assert record["status"] == "PARTIAL"
            assert record["latency_ms"] <= BUDGET_MS
            assert {version for version, said in record["predictions"].items() if "label" in said} == {"v1", "v3"}
            assert record["predictions"]["v2"]["error"]["kind"] == "unreachable"
        finally:
            start_service("v2", home=home)
        [repaired] = wait_for(results, record["key"], status=Status.COMPLETE)  # Lambda's own retry, nobody else's
        assert sorted(repaired.answered()) == list(VERSIONS)
        first = {name: said for name, said in repaired.as_dict()["predictions"].items() if name != "v2"}
        assert first == {name: said for name, said in record["predictions"].items() if name != "v2"}

    def test_a_version_that_hangs_costs_its_own_prediction_within_the_budget(
        self, to: connection.StackConnection, home: Home, results: Results
    ) -> None:
        with frozen("v3", home):
            record = put(sample("paper.pdf"), "v3-hangs/")
            assert record["status"] == "PARTIAL"
            assert record["latency_ms"] <= BUDGET_MS
            assert record["predictions"]["v3"]["error"]["kind"] == "timeout"
        deliver(to, record)
        [repaired] = wait_for(results, record["key"], status=Status.COMPLETE)
        assert not isinstance(repaired.predictions["v3"], ModelFailure)


def wait_for(results: Results, key: str, *, count: int = 1, status: Status | None = None) -> list[Record]:
    """The history of a key, once it has so many records (of that status)."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = results.history(f"{connection.connect_local().bucket}/{key}")
        if len(found) == count and all(status in (None, record.status) for record in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{key}: {[record.as_dict() for record in found]}")


def deliver(to: connection.StackConnection, record: dict[str, Any]) -> None:
    """Deliver a record's event again, as S3 may."""
    thing = {
        "key": quote_plus(record["key"]),
        "size": record["size"],
        "eTag": record["etag"],
        "versionId": record["version_id"],
        "sequencer": record["sequencer"].rstrip("0"),
    }
    event = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": record["event_time"],
        "s3": {"bucket": {"name": record["bucket"]}, "object": thing},
    }
    answer = to.lambdas.invoke(FunctionName=to.function, Qualifier="live", Payload=json.dumps({"Records": [event]}))
    assert "FunctionError" not in answer, answer["Payload"].read()


@contextmanager
def frozen(version: str, home: Home) -> Iterator[None]:
    """The service of a version accepts connections and never answers."""
    pid = StackState.load(home).services[version].process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)

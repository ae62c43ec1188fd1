"""Protects: documents uploaded by the command are classified by real services and read back, failures included."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from records.outcomes import ModelFailure
from records.record import Record, Status
from testkit.template import ROOT
from tests.e2e.conftest import VERSIONS
from tests.support.commands import run_triptych
from tests.support.polling import wait_until
from tests.support.samples import EXPECTED, FOLDER, READABLE, REJECTED, sample
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.stack import Home, start_service, stop_service
from triptych.stack.state import StackState
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

BUDGET_MS = 3000
"""Maximum time from the handler's start to the record."""


def put(path: Path, prefix: str) -> dict[str, Any]:
    """Upload a file with the command, and return its record."""
    [record] = run_triptych("put", path, "--wait", "--prefix", prefix, "--json").json
    return dict(record)


@pytest.fixture(scope="module")
def records(connection: StackConnection) -> dict[str, dict[str, Any]]:
    """The record of each sample; all are uploaded as one folder."""
    found = run_triptych("put", FOLDER, "--wait", "--prefix", "samples/", "--json").json
    return {record["key"].removeprefix("samples/"): record for record in found}


class TestSamples:
    def test_every_sample_has_a_record(self, records: dict[str, dict[str, Any]]) -> None:
        assert sorted(records) == sorted(EXPECTED)

    @pytest.mark.parametrize("name", READABLE)
    def test_readable_document_has_three_predictions_of_the_current_models(
        self, records: dict[str, dict[str, Any]], name: str
    ) -> None:
        record = records[name]
        assert record["status"] == "COMPLETE"
        assert sorted(record["predictions"]) == list(VERSIONS)
        for version, prediction in record["predictions"].items():
            manifest = json.loads((ROOT / "models" / version / "manifest.json").read_text())
            assert prediction["model_sha256"] == manifest["sha256"]
            assert sorted(prediction["probabilities"]) == sorted(manifest["labels"])
            assert prediction["pages"] == EXPECTED[name]["pages"]
        assert record["latency_ms"] <= BUDGET_MS

    def test_most_verdicts_are_right(self, records: dict[str, dict[str, Any]]) -> None:
        wrong = {name: records[name]["label"] for name in READABLE if records[name]["label"] != EXPECTED[name]["label"]}
        assert len(wrong) <= len(READABLE) // 4, f"wrong: {wrong}"

    @pytest.mark.parametrize("name", REJECTED)
    def test_unreadable_document_is_rejected_with_a_reason(self, records: dict[str, dict[str, Any]], name: str) -> None:
        record = records[name]
        assert record["status"] == "REJECTED"
        assert record["reason"]["kind"] == EXPECTED[name]["rejected"]
        assert record["reason"]["detail"]
        assert "label" not in record

    def test_every_filter_finds_its_records(self, records: dict[str, dict[str, Any]]) -> None:
        def keys(*filters: str) -> set[str]:
            found = run_triptych("results", "--limit", "200", *filters, "--json").json
            return {record["key"].removeprefix("samples/") for record in found} & set(EXPECTED)

        assert keys() == set(EXPECTED)
        assert keys("--status", "REJECTED") == set(REJECTED)
        assert keys("--status", "COMPLETE") == set(READABLE)
        assert keys("--review") == {name for name in READABLE if records[name]["needs_review"]}
        label = records["invoice-2024-0117.pdf"]["label"]
        assert keys("--label", label) == {name for name in READABLE if records[name]["label"] == label}
        assert keys("--until", "2020-01-01T00:00:00Z") == set()


@pytest.mark.usefixtures("stack")
class TestEvents:
    def test_key_with_special_characters_is_decoded(self, tmp_path: Path) -> None:
        path = tmp_path / "Größe 50% + Ä&Ö=.png"
        path.write_bytes(sample("slide-07.png").read_bytes())
        record = put(path, "a b/ünï/")
        assert record["key"] == "a b/ünï/Größe 50% + Ä&Ö=.png"
        assert record["status"] == "COMPLETE"

    def test_empty_file_is_rejected(self, tmp_path: Path) -> None:
        (tmp_path / "empty.pdf").touch()
        record = put(tmp_path / "empty.pdf", "empty/")
        assert (record["status"], record["reason"]["kind"]) == ("REJECTED", "empty")

    def test_each_upload_of_the_same_key_has_its_own_record(
        self, connection: StackConnection, results: Results
    ) -> None:
        for name in ("slide-07.png", "receipt-lunch.jpg"):
            connection.s3.put_object(Bucket=connection.bucket, Key="again/same.name", Body=sample(name).read_bytes())
            time.sleep(0.05)
        document = f"{connection.bucket}/again/same.name"
        newest, oldest = wait_for_history(results, document, count=2)
        assert newest.upload.sequencer > oldest.upload.sequencer
        assert newest.upload.size == sample("receipt-lunch.jpg").stat().st_size

    def test_repeated_event_changes_nothing(self, connection: StackConnection, results: Results) -> None:
        document = put(sample("invoice-2024-0117.pdf"), "repeated/")["document"]
        repeat_event(connection, results, document)
        [only] = results.history(document)
        assert (only.revision, only.status) == (1, Status.COMPLETE)


class TestFailures:
    def test_unreachable_version_costs_only_its_prediction_and_a_retry_completes_the_record(
        self, home: Home, results: Results
    ) -> None:
        stop_service("v2", home=home)
        try:
            record = put(sample("paper.pdf"), "v2-down/")
            assert record["status"] == "PARTIAL"
            assert record["latency_ms"] <= BUDGET_MS
            assert {version for version, outcome in record["predictions"].items() if "label" in outcome} == {"v1", "v3"}
            assert record["predictions"]["v2"]["error"]["kind"] == "unreachable"
        finally:
            start_service("v2", home=home)
        [repaired] = wait_for_history(results, record["document"], status=Status.COMPLETE)  # by Lambda's own retry
        assert sorted(repaired.answered()) == list(VERSIONS)
        kept = {name: outcome for name, outcome in repaired.as_dict()["predictions"].items() if name != "v2"}
        assert kept == {name: outcome for name, outcome in record["predictions"].items() if name != "v2"}

    def test_unresponsive_version_costs_only_its_prediction_within_the_budget(
        self, connection: StackConnection, home: Home, results: Results
    ) -> None:
        with frozen_service("v3", home):
            record = put(sample("paper.pdf"), "v3-hangs/")
            assert record["status"] == "PARTIAL"
            assert record["latency_ms"] <= BUDGET_MS
            assert record["predictions"]["v3"]["error"]["kind"] == "timeout"
        repeat_event(connection, results, record["document"])
        [repaired] = wait_for_history(results, record["document"], status=Status.COMPLETE)
        assert not isinstance(repaired.predictions["v3"], ModelFailure)


def wait_for_history(results: Results, document: str, *, count: int = 1, status: Status | None = None) -> list[Record]:
    """Return the records of a document once there are `count`, all with the given status."""

    def complete() -> bool:
        found = results.history(document)
        return len(found) == count and all(status in (None, record.status) for record in found)

    wait_until(complete, 60, interval=0.1, reason=f"records of {document}")
    return results.history(document)


def repeat_event(connection: StackConnection, results: Results, document: str) -> None:
    """Deliver the event of a document's newest upload again, as S3 may."""
    [newest] = results.history(document, limit=1)
    event = notification_for(newest.upload)
    s3_object = event["Records"][0]["s3"]["object"]
    s3_object["sequencer"] = s3_object["sequencer"].rstrip("0")  # S3 does not pad it
    orchestrator_invoker(connection)(event)


@contextmanager
def frozen_service(version: str, home: Home) -> Iterator[None]:
    """Suspend the service of a version: it accepts connections and does not respond."""
    pid = StackState.load(home).services[version].process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)

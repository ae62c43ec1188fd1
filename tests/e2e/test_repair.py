"""Protects: a redrive completes failed documents, a backfill those without an event, and neither writes twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from records.record import Record, Status
from records.uploads import LATE_AFTER
from tests.e2e.conftest import RETRY_SECONDS, VERSIONS
from tests.support.commands import CommandResult, run_triptych
from tests.support.polling import wait_until
from tests.support.samples import sample
from triptych.commands import backfill as backfill_command
from triptych.repair.dead_letters import DeadLetter, DeadLetterQueue
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.stack import Home, start_service, stop_service
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

TIMEOUT_SECONDS = 3 * RETRY_SECONDS + 60
"""Three attempts and the delays between them, on a busy machine."""


def put(connection: StackConnection, key: str) -> str:
    """Upload a sample under a key, and return the key."""
    connection.s3.put_object(Bucket=connection.bucket, Key=key, Body=sample("invoice-2024-0117.pdf").read_bytes())
    return key


def wait_for_records(connection: StackConnection, *keys: str) -> list[Record]:
    """Return the only record of each key once all exist."""
    results = Results(connection.table)

    def histories() -> list[list[Record]]:
        return [results.history(f"{connection.bucket}/{key}") for key in keys]

    wait_until(lambda: all(histories()), TIMEOUT_SECONDS, interval=0.1, reason=f"records of {keys}")
    found = histories()
    assert [len(records) for records in found] == [1] * len(keys)
    return [records[0] for records in found]


def statuses(connection: StackConnection, *keys: str) -> set[Status]:
    return {record.status for record in wait_for_records(connection, *keys)}


def as_dicts(records: list[Record]) -> list[dict[str, Any]]:
    return [record.as_dict() for record in records]


def delete_record(connection: StackConnection, record: Record) -> None:
    """Delete a record, as if its event had never come."""
    connection.table.delete_item(Key={"document": record.upload.document, "sequencer": record.upload.sort_key})


@contextmanager
def dead_letters(connection: StackConnection) -> Iterator[tuple[DeadLetterQueue, dict[str, DeadLetter]]]:
    """The dead-letter queue, and its messages by the key of the upload; they are hidden until the block ends."""
    with DeadLetterQueue(connection.sqs, connection.dead_letter_queue_url) as queue:
        yield queue, {upload.key: letter for letter in queue.receive(1000) for upload in letter.uploads}


def wait_for_dead_letters(connection: StackConnection, *keys: str) -> None:
    """Wait until Lambda has moved the events of these documents to the dead-letter queue."""

    def all_dead() -> bool:
        with dead_letters(connection) as (_, found):
            return set(keys) <= set(found)

    wait_until(all_dead, TIMEOUT_SECONDS, interval=0.5, reason=f"dead letters of {keys}")


class TestRedrive:
    def test_dead_letters_and_partial_records_are_completed_once_the_version_answers(
        self, connection: StackConnection, home: Home
    ) -> None:
        """Of one document the dead letter is kept; of the other it is deleted, so that only the record is left."""
        stop_service("v2", home=home)
        try:
            kept, deleted = put(connection, "redrive/kept.pdf"), put(connection, "redrive/without its letter.pdf")
            wait_for_dead_letters(connection, kept, deleted)
            with dead_letters(connection) as (queue, found):
                queue.delete(found[deleted])
            failed = run_triptych("redrive", "--yes", "--json", check=False)
            left = {item["name"].partition("/")[2]: item["what"] for item in failed.json["left"]}
            assert (left[kept], left[deleted]) == ("dead letter", "PARTIAL record")
            assert "v2" in failed.error
            with dead_letters(connection) as (_, found):
                assert kept in found, "the message must be visible again at once"
        finally:
            start_service("v2", home=home)
        assert statuses(connection, kept, deleted) == {Status.PARTIAL}

        preview = run_triptych("redrive", "--preview", "--json", check=False).json
        assert {"dead letter", "PARTIAL record"} <= {row["what"] for row in preview["jobs"]}
        redrive = run_triptych("redrive", "--yes", "--json", check=False)
        assert redrive.json["handled"] >= 2
        assert (kept in redrive.error, deleted in redrive.error) == (False, False)
        assert statuses(connection, kept, deleted) == {Status.COMPLETE}
        with dead_letters(connection) as (_, found):
            assert kept not in found

    def test_unreadable_message_stays_and_is_named(self, connection: StackConnection) -> None:
        queue_url = connection.dead_letter_queue_url
        message_id = connection.sqs.send_message(QueueUrl=queue_url, MessageBody="no event")["MessageId"]
        redrive = run_triptych("redrive", "--yes", "--json", check=False)
        assert f"message {message_id} stays in the queue" in redrive.error
        assert message_id in [item["message"] for item in redrive.json["unreadable"]]
        with DeadLetterQueue(connection.sqs, queue_url) as queue:
            [dead_letter] = [item for item in queue.receive(1000) if item.id == message_id]
            queue.delete(dead_letter)


class TestBackfill:
    @pytest.fixture(autouse=True)
    def _accept_new_uploads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let a backfill process uploads of this minute: here their events are known to have been handled."""
        monkeypatch.setattr(backfill_command, "MIN_AGE", timedelta(minutes=-1))

    @staticmethod
    def backfill(prefix: str, *options: str | Path) -> CommandResult:
        soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        arguments = ("backfill", prefix, "--older-than", soon, "--rate", "20/s", *options, "--json")
        return run_triptych(*arguments, check=False)

    def test_documents_without_a_record_get_one_and_late_events_add_none(self, connection: StackConnection) -> None:
        keys = [put(connection, f"backfill/without/{number} + 50%.pdf") for number in range(4)]
        before = wait_for_records(connection, *keys)
        for record in before:
            delete_record(connection, record)

        backfill = self.backfill("backfill/without/")
        assert backfill.error == ""
        assert (backfill.json["succeeded"], backfill.json["already_there"]) == (4, 0)
        after = wait_for_records(connection, *keys)
        assert [(record.status, record.upload.backfilled) for record in after] == [(Status.COMPLETE, True)] * 4
        assert [record.upload.version_id for record in after] == [record.upload.version_id for record in before]
        assert [tuple(sorted(record.predictions)) for record in after] == [VERSIONS] * 4

        for record in before:
            late = replace(record.upload, event_time=datetime.now(UTC) - LATE_AFTER - timedelta(minutes=1))
            orchestrator_invoker(connection)(notification_for(late))
        assert as_dicts(wait_for_records(connection, *keys)) == as_dicts(after)
        assert self.backfill("backfill/without/").json["already_there"] == 4

    def test_documents_with_a_record_are_skipped(self, connection: StackConnection) -> None:
        keys = [put(connection, f"backfill/with/{number}.pdf") for number in range(3)]
        before = wait_for_records(connection, *keys)
        backfill = self.backfill("backfill/with/")
        assert backfill.error == ""
        assert (backfill.json["succeeded"], backfill.json["already_there"]) == (0, 3)
        assert as_dicts(wait_for_records(connection, *keys)) == as_dicts(before)

    def test_next_run_retries_what_failed(
        self, connection: StackConnection, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = put(connection, "backfill/fails/x.pdf")
        delete_record(connection, *wait_for_records(connection, key))
        monkeypatch.setattr("triptych.repair.backfill.PAUSES_S", ())
        stop_service("v3", home=home)
        try:
            failed = self.backfill("backfill/fails/")
        finally:
            start_service("v3", home=home)
        assert failed.json["failures"] == [{"key": key, "why": "PARTIAL"}]
        assert "Run the same command to retry these." in failed.error
        assert self.backfill("backfill/fails/").json["succeeded"] == 1
        assert statuses(connection, key) == {Status.COMPLETE}

    def test_large_backfill_becomes_a_batch_job_for_the_same_function(
        self, connection: StackConnection, tmp_path: Path
    ) -> None:
        keys = [put(connection, f"backfill/many/{number}.pdf") for number in range(3)]
        backfill = self.backfill("backfill/many/", "--max-here", "2", "--job-folder", tmp_path)
        assert backfill.json == {"job": str(tmp_path), "objects": 3}
        request = json.loads((tmp_path / "create-job.json").read_text())
        arn = connection.lambdas.get_alias(FunctionName=connection.function, Name="live")["AliasArn"]
        assert request["Operation"]["LambdaInvoke"]["FunctionArn"] == arn
        assert (tmp_path / "manifest.csv").read_text() == "".join(f"{connection.bucket},{key}\n" for key in keys)


@pytest.mark.slow  # half a minute; the handler is tested with slow documents in tests/integration/orchestrator
def test_a_slow_document_comes_to_an_end_by_itself(connection: StackConnection) -> None:
    """Its page takes several seconds to draw. How many versions decode it within their limit depends on the machine."""
    content = (Path(__file__).parents[1] / "data" / "cases" / "pdf-slow-vectors.pdf").read_bytes()
    connection.s3.put_object(Bucket=connection.bucket, Key="slow.pdf", Body=content)

    def is_final() -> bool:
        return all(record.final for record in wait_for_records(connection, "slow.pdf"))

    wait_until(is_final, TIMEOUT_SECONDS + 60, interval=0.5, reason="a final record")
    [record] = wait_for_records(connection, "slow.pdf")
    assert record.revision == 3
    if record.status is not Status.COMPLETE:
        assert record.reason
        assert (record.status in (Status.PARTIAL, Status.REJECTED), record.reason.kind) == (True, "too-slow")
    with dead_letters(connection) as (_, found):
        assert "slow.pdf" not in found

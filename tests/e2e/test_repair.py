"""What could not be finished is finished by a redrive, what never had an event by a backfill, and nothing twice."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from records.record import Record, Status
from records.uploads import LATE_AFTER
from tests.e2e.conftest import RETRY_SECONDS
from tests.support.samples import sample
from triptych.cli import app
from triptych.commands import backfill as backfill_command
from triptych.errors import TriptychError
from triptych.repair.dead_letters import DeadLetter, DeadLetterQueue
from triptych.repair.invocation import orchestrator_invoker
from triptych.repair.redrive import notification_for
from triptych.stack import Home, Stack, start_service, stop_service
from triptych.storage import connection
from triptych.storage.results import Results

PATIENCE_S = 3 * RETRY_SECONDS + 60
"""Three attempts and the waits between them, on a busy machine."""


@pytest.fixture(scope="module")
def to(stack: Stack) -> connection.StackConnection:
    return connection.connect_local()


def triptych(*arguments: str | Path) -> tuple[str, Any]:
    """Run the command with --json: what it complained of, and what it printed."""
    done = CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--json"])
    if done.exception and not isinstance(done.exception, TriptychError | SystemExit):
        raise done.exception
    return str(done.exception or ""), json.loads(done.stdout)


def put(to: connection.StackConnection, key: str) -> str:
    to.s3.put_object(Bucket=to.bucket, Key=key, Body=sample("invoice-2024-0117.pdf").read_bytes())
    return key


def history(to: connection.StackConnection, key: str) -> list[Record]:
    return Results(to.table).history(f"{to.bucket}/{key}")


def recorded(to: connection.StackConnection, *keys: str) -> list[Record]:
    """The only record of each key, once there is one."""
    until = time.monotonic() + PATIENCE_S
    while not all(history(to, key) for key in keys):
        assert time.monotonic() < until, f"no record: {[key for key in keys if not history(to, key)]}"
        time.sleep(0.1)
    found = [history(to, key) for key in keys]
    assert [len(records) for records in found] == [1] * len(keys)
    return [records[0] for records in found]


@contextmanager
def letters(to: connection.StackConnection) -> Iterator[tuple[DeadLetterQueue, dict[str, DeadLetter]]]:
    """What lies in the failure queue, by key, for as long as the block lasts."""
    with DeadLetterQueue(to.sqs, to.dead_letter_queue_url) as queue:
        yield queue, {upload.key: letter for letter in queue.receive(1000) for upload in letter.uploads}


def given_up(to: connection.StackConnection, *keys: str) -> None:
    """Wait until Lambda has given the events of these documents up."""
    until = time.monotonic() + PATIENCE_S
    while True:
        with letters(to) as (_, found):
            if set(keys) <= set(found):
                return
        assert time.monotonic() < until, f"only these are in the queue: {list(found)}"
        time.sleep(0.5)


class TestRedrive:
    def test_dead_letters_and_partial_records_are_finished_once_the_version_is_back(
        self, to: connection.StackConnection, home: Home
    ) -> None:
        """One document keeps its letter; the other's is lost, so that only its record tells of it."""
        stop_service("v2", home=home)
        try:
            kept, lost = put(to, "redrive/kept.pdf"), put(to, "redrive/lost its letter.pdf")
            given_up(to, kept, lost)
            with letters(to) as (queue, found):
                queue.delete(found[lost])
            said, told = triptych("redrive", "--yes")
            left = {item["name"].partition("/")[2]: item["what"] for item in told["left"]}
            assert (left[kept], left[lost]) == ("dead letter", "PARTIAL record")
            assert "v2" in said
            with letters(to) as (_, found):
                assert kept in found  # at once: nothing stays hidden
        finally:
            start_service("v2", home=home)
        assert {record.status for record in recorded(to, kept, lost)} == {Status.PARTIAL}

        _, told = triptych("redrive", "--preview")
        assert {"dead letter", "PARTIAL record"} <= {row["what"] for row in told["jobs"]}
        said, told = triptych("redrive", "--yes")
        assert told["handled"] >= 2
        assert (kept in said, lost in said) == (False, False)
        assert {record.status for record in recorded(to, kept, lost)} == {Status.COMPLETE}
        with letters(to) as (_, found):
            assert kept not in found

    def test_a_message_that_nobody_can_read_stays_and_is_named(self, to: connection.StackConnection) -> None:
        name = to.sqs.send_message(QueueUrl=to.dead_letter_queue_url, MessageBody="no event")["MessageId"]
        said, told = triptych("redrive", "--yes")
        assert f"message {name} stays in the queue" in said
        assert name in [item["message"] for item in told["unreadable"]]
        with DeadLetterQueue(to.sqs, to.dead_letter_queue_url) as queue:
            [letter] = [letter for letter in queue.receive(1000) if letter.id == name]
            queue.delete(letter)


class TestBackfill:
    @pytest.fixture(autouse=True)
    def _young(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take documents of this very minute: their events are known to have been handled."""
        monkeypatch.setattr(backfill_command, "YOUNGEST", timedelta(minutes=-1))

    @staticmethod
    def backfill(prefix: str, *options: str | Path) -> tuple[str, Any]:
        soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        return triptych("backfill", prefix, "--older-than", soon, "--rate", "20/s", *options)

    def test_documents_without_a_record_get_one_and_late_events_no_second(self, to: connection.StackConnection) -> None:
        keys = [put(to, f"backfill/without/{number} + 50%.pdf") for number in range(4)]
        before = recorded(to, *keys)
        for record in before:
            to.table.delete_item(
                Key={"document": record.upload.document, "sequencer": record.upload.sort_key}
            )  # as if their events had never come

        said, told = self.backfill("backfill/without/")
        assert (said, told["succeeded"], told["already_there"]) == ("", 4, 0)
        after = recorded(to, *keys)
        assert [(record.status, record.upload.backfilled) for record in after] == [(Status.COMPLETE, True)] * 4
        assert [record.upload.version_id for record in after] == [record.upload.version_id for record in before]
        assert [record.predictions.keys() for record in after] == [{"v1", "v2", "v3"}] * 4

        for record in before:  # and now they come
            late = replace(record.upload, event_time=datetime.now(UTC) - LATE_AFTER - timedelta(minutes=1))
            orchestrator_invoker(to)(notification_for(late))
        assert [record.as_dict() for record in recorded(to, *keys)] == [record.as_dict() for record in after]
        assert self.backfill("backfill/without/")[1]["already_there"] == 4

    def test_documents_that_their_events_brought_in_are_passed_over(self, to: connection.StackConnection) -> None:
        keys = [put(to, f"backfill/with/{number}.pdf") for number in range(3)]
        before = recorded(to, *keys)
        said, told = self.backfill("backfill/with/")
        assert (said, told["succeeded"], told["already_there"]) == ("", 0, 3)
        assert [record.as_dict() for record in recorded(to, *keys)] == [record.as_dict() for record in before]

    def test_what_fails_is_kept_for_the_next_run(
        self, to: connection.StackConnection, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [record] = recorded(to, put(to, "backfill/fails/x.pdf"))
        to.table.delete_item(Key={"document": record.upload.document, "sequencer": record.upload.sort_key})
        monkeypatch.setattr("triptych.repair.backfill.PAUSES_S", ())
        stop_service("v3", home=home)
        try:
            said, told = self.backfill("backfill/fails/")
        finally:
            start_service("v3", home=home)
        assert told["failures"] == [{"key": "backfill/fails/x.pdf", "why": "PARTIAL"}]
        assert "The same command tries these again." in said
        assert self.backfill("backfill/fails/")[1]["succeeded"] == 1
        assert [record.status for record in recorded(to, "backfill/fails/x.pdf")] == [Status.COMPLETE]

    def test_too_many_for_one_machine_become_a_batch_job_for_the_same_lambda(
        self, to: connection.StackConnection, tmp_path: Path
    ) -> None:
        keys = [put(to, f"backfill/many/{number}.pdf") for number in range(3)]
        _, told = self.backfill("backfill/many/", "--max-here", "2", "--job-folder", tmp_path)
        assert told == {"job": str(tmp_path), "objects": 3}
        request = json.loads((tmp_path / "create-job.json").read_text())
        arn = to.lambdas.get_alias(FunctionName=to.function, Name="live")["AliasArn"]
        assert request["Operation"]["LambdaInvoke"]["FunctionArn"] == arn
        assert (tmp_path / "manifest.csv").read_text() == "".join(f"{to.bucket},{key}\n" for key in keys)

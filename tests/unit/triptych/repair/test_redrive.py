"""Protects: a redrive finishes what can be finished, throws no letter away before that, and says what is left."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from records.notifications import parse_notification
from records.record import Reason, Record, Status
from records.table import RecordTable
from records.uploads import Upload
from tests.support.repair import down, items
from tests.support.servers import Server
from tests.support.uploads import model_failure, prediction, record
from triptych.cli import app
from triptych.commands.shared import format_age
from triptych.errors import TriptychError
from triptych.repair.backfill import batch_event
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.repair.invocation import Event, InvocationError, Invoke
from triptych.repair.redrive import (
    Redrive,
    RedriveKind,
    RedriveOutcome,
    RedrivePlan,
    RedriveTask,
    group_tasks,
    notification_for,
)
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results


def put(stack: StackConnection, key: str = "a b+c.pdf", sequencer: str = "0055AED6DCD90281E5") -> Upload:
    """Store a document, and give the upload that its event would announce."""
    answer = stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"%PDF-")
    at = datetime.now(UTC).replace(microsecond=0)
    return Upload(stack.bucket, key, sequencer, at, 5, answer["ETag"].strip('"'), answer["VersionId"])


def save(stack: StackConnection, made: Record) -> None:
    RecordTable(stack.table).save(made, replacing=None)


def partial_of(upload: Upload) -> Record:
    return record({"v1": prediction(), "v2": model_failure("unreachable"), "v3": prediction()}, of=upload)


def partial(stack: StackConnection, upload: Upload) -> Record:
    made = partial_of(upload)
    save(stack, made)
    return made


def send(stack: StackConnection, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    stack.sqs.send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody=text)


def letters_of(stack: StackConnection) -> DeadLetterQueue:
    return DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url)


@contextmanager
def planned(stack: StackConnection, invoke: Invoke, *, records: bool = True) -> Iterator[tuple[Redrive, RedrivePlan]]:
    with letters_of(stack) as letters:
        repair = Redrive(letters, Results(stack.table), invoke)
        yield repair, repair.plan(limit=100, records=records)


def redriven(stack: StackConnection, invoke: Invoke, *, at_once: int = 4) -> list[RedriveOutcome]:
    outcomes: list[RedriveOutcome] = []
    with planned(stack, invoke) as (repair, plan):
        repair.run(plan, at_once=at_once, done=outcomes.append)
    return outcomes


@pytest.mark.parametrize("wrapped", [True, False], ids=["Lambda's envelope", "as it lay in the queue"])
def test_a_dead_letter_s_document_gets_its_record_and_the_letter_leaves(
    stack: StackConnection, invoke: Invoke, wrapped: bool
) -> None:
    event = notification_for(put(stack))
    send(stack, {"requestPayload": event, "responsePayload": {"errorType": "RecordsUnavailable"}} if wrapped else event)
    [outcome] = redriven(stack, invoke)
    assert (outcome.job.kind, outcome.left) == (RedriveKind.DEAD_LETTER, "")
    [made] = items(stack)
    assert (made.upload.key, made.status) == ("a b+c.pdf", Status.COMPLETE)
    assert letters_of(stack).approximate_count() == 0
    assert redriven(stack, invoke) == []


def test_a_letter_whose_document_stays_incomplete_stays_and_tells_why(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    services.behaviour = down("v2")
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, invoke)
    [made] = items(stack)
    assert made.reason
    assert "v2" in made.reason.detail
    assert outcome.left == f"IncompleteRecords: inbox/a b+c.pdf is PARTIAL: {made.reason.detail}"
    assert letters_of(stack).approximate_count() == 1


@pytest.mark.parametrize("body", ["not JSON", {"hello": "world"}])
def test_a_letter_that_cannot_be_read_stays_untouched(stack: StackConnection, invoke: Invoke, body: Any) -> None:
    send(stack, body)
    with planned(stack, invoke) as (_, plan):
        assert plan.jobs == ()
        assert len(plan.unreadable) == 1
    [message] = stack.sqs.receive_message(QueueUrl=stack.dead_letter_queue_url)["Messages"]
    assert message["Body"] == (body if isinstance(body, str) else json.dumps(body))


def test_a_letter_that_announces_no_document_is_done(stack: StackConnection, invoke: Invoke) -> None:
    send(stack, {"Event": "s3:TestEvent", "Bucket": "inbox"})
    [outcome] = redriven(stack, invoke)
    assert outcome.left == ""
    assert letters_of(stack).approximate_count() == 0


def test_a_partial_record_of_a_deleted_object_is_redriven_once(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    upload = put(stack)
    partial(stack, upload)
    stack.s3.delete_object(Bucket=stack.bucket, Key=upload.key, VersionId=upload.version_id or "")
    [outcome] = redriven(stack, invoke)
    assert outcome.left == ""
    [made] = items(stack)
    assert (made.status, set(made.answered())) == (Status.PARTIAL, {"v1", "v3"})
    assert redriven(stack, invoke) == []


def test_what_has_come_to_its_end_takes_no_place_of_what_can_be_finished(
    stack: StackConnection, invoke: Invoke
) -> None:
    older = partial(stack, put(stack, "older.pdf"))
    for number in range(5):
        ended = put(stack, f"{number}.pdf")
        later = replace(ended, event_time=ended.event_time + timedelta(seconds=1))
        save(stack, replace(partial_of(later), reason=Reason("deleted", "gone")))
    with letters_of(stack) as letters:
        [job] = Redrive(letters, Results(stack.table), invoke).plan(limit=2).jobs
    assert job.name == older.upload.document


def test_a_partial_record_is_completed_in_place_by_the_missing_version_alone(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    before = partial(stack, put(stack))
    [outcome] = redriven(stack, invoke)
    assert (outcome.job.kind, outcome.left) == (RedriveKind.PARTIAL, "")
    [made] = items(stack)
    assert (made.status, made.revision) == (Status.COMPLETE, before.revision + 1)
    assert made.predictions["v1"] == before.predictions["v1"]
    assert [request.path.split("/")[1] for request in services.requests] == ["v2"]


def test_a_failed_record_is_started_again(stack: StackConnection, invoke: Invoke) -> None:
    reason = Reason("access-denied", "S3 does not let the orchestrator read the object")
    save(stack, record({}, of=put(stack), status=Status.FAILED, reason=reason))
    [outcome] = redriven(stack, invoke)
    assert (outcome.job.kind, outcome.job.why) == (RedriveKind.FAILED, reason.detail)
    assert [made.status for made in items(stack)] == [Status.COMPLETE]


def test_a_backfilled_record_is_completed_in_place_too(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    """Its sequencer is a stand-in, which no event of S3 brings."""
    stack.s3.put_object(Bucket=stack.bucket, Key="old.pdf", Body=b"%PDF-")
    services.behaviour = down("v3")
    invoke(batch_event(stack.bucket, "old.pdf"))
    [before] = items(stack)
    services.behaviour = down("none")
    redriven(stack, invoke)
    [after] = items(stack)
    assert (before.status, after.status) == (Status.PARTIAL, Status.COMPLETE)
    assert after.upload == before.upload


def test_an_upload_with_both_a_letter_and_a_record_is_redriven_once(stack: StackConnection, invoke: Invoke) -> None:
    upload = put(stack)
    before = partial(stack, upload)
    send(stack, notification_for(upload))
    [outcome] = redriven(stack, invoke)
    assert before.reason
    assert (outcome.job.kind, outcome.job.why) == (RedriveKind.DEAD_LETTER, before.reason.detail)
    assert [made.status for made in items(stack)] == [Status.COMPLETE]


def test_complete_and_rejected_records_are_left_alone(stack: StackConnection, invoke: Invoke, services: Server) -> None:
    save(stack, record({version: prediction() for version in ("v1", "v2", "v3")}, of=put(stack, "done.pdf")))
    refused = record({}, of=put(stack, "bad.pdf"), status=Status.REJECTED, reason=Reason("empty", "no bytes"))
    save(stack, refused)
    assert redriven(stack, invoke) == []
    assert services.requests == []


def test_letters_alone_are_taken_where_that_is_asked(stack: StackConnection, invoke: Invoke) -> None:
    partial(stack, put(stack, "partial.pdf"))
    send(stack, notification_for(put(stack, "letter.pdf")))
    with planned(stack, invoke, records=False) as (_, plan):
        assert [job.kind for job in plan.jobs] == [RedriveKind.DEAD_LETTER]


def test_nothing_is_ever_scanned(stack: StackConnection, invoke: Invoke) -> None:
    partial(stack, put(stack))
    table = stack.table
    operations: set[str] = set()
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.add(model.name))
    with letters_of(stack) as letters:
        Redrive(letters, Results(table), invoke).plan(limit=10)
    assert operations == {"Query"}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"records": []},
        {"records": [{"document": "inbox/x", "status": "COMPLETE", "final": True}]},
        {"records": [{"document": "inbox/a b+c.pdf", "status": "PARTIAL", "final": False}]},
        {"records": [{"document": "inbox/a b+c.pdf", "status": "FAILED"}]},
    ],
)
def test_an_answer_that_does_not_vouch_for_the_document_keeps_its_letter(
    stack: StackConnection, answer: dict[str, Any]
) -> None:
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, lambda _: answer)
    assert "no final record of inbox/a b+c.pdf" in outcome.left
    assert letters_of(stack).approximate_count() == 1


def test_an_orchestrator_from_before_final_was_told_is_believed_all_the_same(stack: StackConnection) -> None:
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, lambda _: {"records": [{"document": "inbox/a b+c.pdf", "status": "COMPLETE"}]})
    assert outcome.left == ""
    assert letters_of(stack).approximate_count() == 0


def test_ctrl_c_keeps_every_letter_that_was_not_handled(stack: StackConnection, invoke: Invoke) -> None:
    for number in range(5):
        send(stack, notification_for(put(stack, f"{number}.pdf")))
    outcomes: list[RedriveOutcome] = []

    def done(outcome: RedriveOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 2:
            raise KeyboardInterrupt

    def interrupted() -> None:
        with planned(stack, invoke) as (repair, plan):
            repair.run(plan, at_once=1, done=done)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(outcomes) == 2
    assert letters_of(stack).approximate_count() == 3
    assert len(items(stack)) == 2
    redriven(stack, invoke)
    assert len(items(stack)) == 5
    assert letters_of(stack).approximate_count() == 0


def test_a_letter_that_slipped_out_of_our_hands_is_not_driven(
    stack: StackConnection, services: Server, invoke: Invoke
) -> None:
    send(stack, notification_for(put(stack)))
    outcomes: list[RedriveOutcome] = []
    with planned(stack, invoke) as (repair, plan):
        stack.sqs.purge_queue(QueueUrl=stack.dead_letter_queue_url)  # as if someone else had finished it
        repair.run(plan, at_once=1, done=outcomes.append)
    assert "another reader" in outcomes[0].left
    assert services.requests == []


def test_an_orchestrator_that_cannot_be_asked_leaves_everything(stack: StackConnection) -> None:
    def refuse(_: Event) -> dict[str, Any]:
        raise InvocationError("TooManyRequestsException", "Rate exceeded")

    send(stack, notification_for(put(stack, "letter.pdf")))
    partial(stack, put(stack, "partial.pdf"))
    outcomes = redriven(stack, refuse)
    assert len(outcomes) == 2
    assert all(outcome.left.startswith("TooManyRequestsException: Rate exceeded") for outcome in outcomes)
    assert letters_of(stack).approximate_count() == 1


UPLOADS = st.builds(
    Upload,
    bucket=st.just("inbox"),
    key=st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda key: not key.endswith("/")),
    sequencer=st.text("0123456789ABCDEF", min_size=1, max_size=32),
    event_time=st.integers(0, 2_000_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC)),
    size=st.integers(0, 10**12),
    etag=st.text("0123456789abcdef-"),
    version_id=st.none() | st.text("abcXYZ019._-", min_size=1),
)


@given(UPLOADS)
def test_the_event_of_a_record_announces_the_very_same_item(upload: Upload) -> None:
    [announced] = parse_notification(json.loads(json.dumps(notification_for(upload))))
    assert (announced.document, announced.sort_key) == (upload.document, upload.sort_key)
    assert (announced.size, announced.etag, announced.version_id) == (upload.size, upload.etag, upload.version_id)
    assert abs(announced.event_time - upload.event_time).total_seconds() < 0.002  # records keep milliseconds
    [again] = parse_notification(notification_for(announced))
    assert again.sort_key == upload.sort_key


def test_jobs_are_told_by_kind_and_reason_the_most_first() -> None:
    def job(kind: RedriveKind, why: str) -> RedriveTask:
        return RedriveTask(kind, "x", datetime.now(UTC), why, {}, ())

    jobs = [
        job(RedriveKind.FAILED, "a"),
        job(RedriveKind.DEAD_LETTER, "b"),
        job(RedriveKind.DEAD_LETTER, "c"),
        job(RedriveKind.DEAD_LETTER, "c"),
    ]
    told = [(str(kind), why, len(members)) for kind, why, members in group_tasks(jobs)]
    assert told == [("dead letter", "c", 2), ("dead letter", "b", 1), ("FAILED record", "a", 1)]


class TestCommand:
    @pytest.fixture(autouse=True)
    def _found(self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "connect", lambda _: stack)
        monkeypatch.setattr("triptych.commands.redrive.orchestrator_invoker", lambda _: invoke)

    @staticmethod
    def run(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, ["redrive", *arguments], input=answer)

    def test_a_preview_changes_nothing(self, stack: StackConnection, services: Server) -> None:
        partial(stack, put(stack, "partial.pdf"))
        send(stack, notification_for(put(stack, "letter.pdf")))
        send(stack, "not JSON")
        done = self.run("--preview", "--json")
        assert done.exit_code == 0
        told = json.loads(done.stdout)
        assert [(row["what"], row["count"]) for row in told["jobs"]] == [("dead letter", 1), ("PARTIAL record", 1)]
        assert told["letters_waiting"] == 2
        assert len(told["unreadable"]) == 1
        assert (letters_of(stack).approximate_count(), services.requests) == (2, [])

    def test_the_preview_shows_what_how_many_since_when_and_why(self, stack: StackConnection) -> None:
        partial(stack, put(stack))
        shown = self.run("--dry-run").stderr
        for word in ("PARTIAL record", "v2 (unreachable)", "Oldest"):
            assert word in shown

    def test_it_redrives_and_ends_with_0_when_nothing_is_left(self, stack: StackConnection) -> None:
        partial(stack, put(stack))
        done = self.run("--yes", "--json")
        assert (done.exit_code, json.loads(done.stdout)["handled"]) == (0, 1)
        assert [made.status for made in items(stack)] == [Status.COMPLETE]

    def test_it_ends_with_1_and_names_what_is_left(self, stack: StackConnection, services: Server) -> None:
        services.behaviour = down("v1")
        send(stack, notification_for(put(stack)))
        send(stack, "not JSON")
        done = self.run("--json")
        assert isinstance(done.exception, TriptychError)
        assert "inbox/a b+c.pdf (dead letter): " in str(done.exception)
        assert "v1 (failed)" in str(done.exception)
        assert "stays in the queue" in str(done.exception)
        assert [item["name"] for item in json.loads(done.stdout)["left"]] == ["inbox/a b+c.pdf"]
        assert letters_of(stack).approximate_count() == 2

    @pytest.mark.parametrize(("answer", "status"), [("n\n", Status.PARTIAL), ("y\n", Status.COMPLETE)])
    def test_on_a_terminal_it_asks_first(
        self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch, answer: str, status: Status
    ) -> None:
        terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr("triptych.commands.redrive.sys", terminal)
        partial(stack, put(stack))
        self.run(answer=answer)
        assert [made.status for made in items(stack)] == [status]

    def test_more_letters_than_the_limit_are_told_of_and_wait(self, stack: StackConnection) -> None:
        for number in range(3):
            send(stack, notification_for(put(stack, f"{number}.pdf")))
        done = self.run("--limit", "2", "--no-partial")
        assert done.exit_code == 0
        assert "About 3 letters wait; these are the first 2." in done.stderr
        assert "2 handled, 0 left." in done.stderr
        assert letters_of(stack).approximate_count() == 1

    def test_of_many_complaints_the_first_are_printed_and_all_are_in_the_json(self, stack: StackConnection) -> None:
        for number in range(25):
            send(stack, f"no event {number}")
        done = self.run("--json")
        assert str(done.exception).count("stays in the queue") == 20
        assert "5 more" in str(done.exception)
        assert len(json.loads(done.stdout)["unreadable"]) == 25

    def test_ctrl_c_tells_what_was_done_and_ends_as_shells_expect(
        self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Event] = []

        def once(event: Event) -> Any:
            asked.append(event)
            if len(asked) > 1:
                raise KeyboardInterrupt
            return invoke(event)

        monkeypatch.setattr("triptych.commands.redrive.orchestrator_invoker", lambda _: once)
        monkeypatch.setattr("triptych.commands.redrive.MAX_CONCURRENT", 1)
        for number in range(3):
            send(stack, notification_for(put(stack, f"{number}.pdf")))
        done = self.run()
        assert done.exit_code == 130
        assert "1 handled, 0 left, 2 not begun." in done.stderr
        assert letters_of(stack).approximate_count() == 2

    def test_what_aws_refuses_is_a_sentence_and_no_traceback(self, stack: StackConnection) -> None:
        stack.sqs.delete_queue(QueueUrl=stack.dead_letter_queue_url)
        done = self.run()
        assert isinstance(done.exception, TriptychError)
        assert "AWS refused" in str(done.exception)

    def test_nothing_to_do_is_no_failure(self, stack: StackConnection) -> None:
        done = self.run()
        assert done.exit_code == 0
        assert "nothing to redrive" in done.stderr


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(days=3, hours=5), "3 d"),
        (timedelta(hours=1), "1 h"),
        (timedelta(seconds=119), "1 min"),
        (timedelta(seconds=8), "8 s"),
        (-timedelta(seconds=2), "0 s"),  # their clock is ahead of ours
    ],
)
def test_an_age_is_told_in_its_largest_unit(passed: timedelta, told: str) -> None:
    now = datetime.now(UTC)
    assert format_age(now - passed, now=now) == told

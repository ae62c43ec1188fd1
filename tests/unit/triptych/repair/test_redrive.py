"""Protects: a redrive finishes what it can, deletes no dead letter before that, and reports what is unfinished."""

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
from tests.support.repair import all_records, failing_version
from tests.support.servers import Request, Server, valid_answer
from tests.support.uploads import model_failure, prediction, record
from triptych.cli import app
from triptych.commands.shared import format_elapsed
from triptych.errors import TriptychError
from triptych.repair.backfill import batch_event
from triptych.repair.dead_letters import DeadLetterQueue
from triptych.repair.invocation import Event, InvocationError, Invoke
from triptych.repair.redrive import (
    PATIENT_BUDGET_S,
    Redrive,
    RedriveKind,
    RedriveOutcome,
    RedrivePlan,
    RedriveTask,
    group_tasks,
    notification_for,
)
from triptych.repair.remedies import remedy_for_records
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results


def put(stack: StackConnection, key: str = "a b+c.pdf", sequencer: str = "0055AED6DCD90281E5") -> Upload:
    """Store a document and return the upload that its event announces."""
    answer = stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"%PDF-")
    at = datetime.now(UTC).replace(microsecond=0)
    return Upload(stack.bucket, key, sequencer, at, 5, answer["ETag"].strip('"'), answer["VersionId"])


def save(stack: StackConnection, stored: Record) -> None:
    RecordTable(stack.table).save(stored, replacing=None)


def partial_of(upload: Upload) -> Record:
    return record({"v1": prediction(), "v2": model_failure("unreachable"), "v3": prediction()}, of=upload)


def partial(stack: StackConnection, upload: Upload) -> Record:
    stored = partial_of(upload)
    save(stack, stored)
    return stored


def send(stack: StackConnection, body: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    stack.sqs.send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody=text)


def queue_of(stack: StackConnection) -> DeadLetterQueue:
    return DeadLetterQueue(stack.sqs, stack.dead_letter_queue_url)


@contextmanager
def planned(stack: StackConnection, invoke: Invoke, *, records: bool = True) -> Iterator[tuple[Redrive, RedrivePlan]]:
    with queue_of(stack) as queue:
        redrive = Redrive(queue, Results(stack.table), invoke)
        yield redrive, redrive.plan(limit=100, records=records)


def redriven(stack: StackConnection, invoke: Invoke, *, max_concurrent: int = 4) -> list[RedriveOutcome]:
    outcomes: list[RedriveOutcome] = []
    with planned(stack, invoke) as (redrive, plan):
        redrive.run(plan, max_concurrent=max_concurrent, on_done=outcomes.append)
    return outcomes


@pytest.mark.parametrize("wrapped", [True, False], ids=["Lambda's envelope", "event alone"])
def test_a_dead_letter_is_deleted_once_its_document_has_a_record(
    stack: StackConnection, invoke: Invoke, wrapped: bool
) -> None:
    event = notification_for(put(stack))
    send(stack, {"requestPayload": event, "responsePayload": {"errorType": "RecordsUnavailable"}} if wrapped else event)
    [outcome] = redriven(stack, invoke)
    assert (outcome.task.kind, outcome.failure) == (RedriveKind.DEAD_LETTER, "")
    [stored] = all_records(stack)
    assert (stored.upload.key, stored.status) == ("a b+c.pdf", Status.COMPLETE)
    assert queue_of(stack).approximate_count() == 0
    assert redriven(stack, invoke) == []


def test_a_dead_letter_stays_and_the_reason_is_reported_if_its_document_is_incomplete(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    services.behaviour = failing_version("v2")
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, invoke)
    [stored] = all_records(stack)
    assert stored.reason
    assert "v2" in stored.reason.detail
    assert outcome.failure == f"IncompleteRecords: inbox/a b+c.pdf is PARTIAL: {stored.reason.detail}"
    assert queue_of(stack).approximate_count() == 1


@pytest.mark.parametrize("body", ["not JSON", {"hello": "world"}])
def test_an_unreadable_message_stays_in_the_queue(stack: StackConnection, invoke: Invoke, body: Any) -> None:
    send(stack, body)
    with planned(stack, invoke) as (_, plan):
        assert plan.tasks == ()
        assert len(plan.unreadable) == 1
    [message] = stack.sqs.receive_message(QueueUrl=stack.dead_letter_queue_url)["Messages"]
    assert message["Body"] == (body if isinstance(body, str) else json.dumps(body))


def test_a_dead_letter_without_documents_is_deleted(stack: StackConnection, invoke: Invoke) -> None:
    send(stack, {"Event": "s3:TestEvent", "Bucket": "inbox"})
    [outcome] = redriven(stack, invoke)
    assert outcome.failure == ""
    assert queue_of(stack).approximate_count() == 0


def test_a_partial_record_of_a_deleted_object_is_redriven_only_once(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    upload = put(stack)
    partial(stack, upload)
    stack.s3.delete_object(Bucket=stack.bucket, Key=upload.key, VersionId=upload.version_id or "")
    [outcome] = redriven(stack, invoke)
    assert outcome.failure == ""
    [stored] = all_records(stack)
    assert (stored.status, set(stored.answered())) == (Status.PARTIAL, {"v1", "v3"})
    assert redriven(stack, invoke) == []


def test_final_partial_records_do_not_count_toward_the_limit(stack: StackConnection, invoke: Invoke) -> None:
    older = partial(stack, put(stack, "older.pdf"))
    for number in range(5):
        ended = put(stack, f"{number}.pdf")
        later = replace(ended, event_time=ended.event_time + timedelta(seconds=1))
        save(stack, replace(partial_of(later), reason=Reason("deleted", "gone")))
    with queue_of(stack) as queue:
        [task] = Redrive(queue, Results(stack.table), invoke).plan(limit=2).tasks
    assert task.name == older.upload.document


def test_a_partial_record_is_completed_by_calling_only_the_missing_version(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    before = partial(stack, put(stack))
    [outcome] = redriven(stack, invoke)
    assert (outcome.task.kind, outcome.failure) == (RedriveKind.PARTIAL, "")
    [stored] = all_records(stack)
    assert (stored.status, stored.revision) == (Status.COMPLETE, before.revision + 1)
    assert stored.predictions["v1"] == before.predictions["v1"]
    assert [request.path.split("/")[1] for request in services.requests] == ["v2"]


def test_a_failed_record_is_classified_again(stack: StackConnection, invoke: Invoke) -> None:
    reason = Reason("access-denied", "S3 does not let the orchestrator read the object")
    save(stack, record({}, of=put(stack), status=Status.FAILED, reason=reason))
    [outcome] = redriven(stack, invoke)
    assert (outcome.task.kind, outcome.task.reason) == (RedriveKind.FAILED, reason.detail)
    assert [stored.status for stored in all_records(stack)] == [Status.COMPLETE]


def test_a_backfilled_record_is_completed_under_its_synthetic_sequencer(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    """Its sequencer is a stand-in, which no event of S3 brings."""
    stack.s3.put_object(Bucket=stack.bucket, Key="old.pdf", Body=b"%PDF-")
    services.behaviour = failing_version("v3")
    invoke(batch_event(stack.bucket, "old.pdf"))
    [before] = all_records(stack)
    services.behaviour = failing_version("none")
    redriven(stack, invoke)
    [after] = all_records(stack)
    assert (before.status, after.status) == (Status.PARTIAL, Status.COMPLETE)
    assert after.upload == before.upload


def test_an_upload_with_dead_letter_and_record_is_redriven_once(stack: StackConnection, invoke: Invoke) -> None:
    upload = put(stack)
    before = partial(stack, upload)
    send(stack, notification_for(upload))
    [outcome] = redriven(stack, invoke)
    assert before.reason
    assert (outcome.task.kind, outcome.task.reason) == (RedriveKind.DEAD_LETTER, before.reason.detail)
    assert [stored.status for stored in all_records(stack)] == [Status.COMPLETE]


def test_complete_and_rejected_records_are_not_redriven(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    save(stack, record({version: prediction() for version in ("v1", "v2", "v3")}, of=put(stack, "done.pdf")))
    refused = record({}, of=put(stack, "bad.pdf"), status=Status.REJECTED, reason=Reason("empty", "no bytes"))
    save(stack, refused)
    assert redriven(stack, invoke) == []
    assert services.requests == []


def test_records_can_be_excluded(stack: StackConnection, invoke: Invoke) -> None:
    partial(stack, put(stack, "partial.pdf"))
    send(stack, notification_for(put(stack, "letter.pdf")))
    with planned(stack, invoke, records=False) as (_, plan):
        assert [task.kind for task in plan.tasks] == [RedriveKind.DEAD_LETTER]


def test_planning_never_scans_the_table(stack: StackConnection, invoke: Invoke) -> None:
    partial(stack, put(stack))
    table = stack.table
    operations: set[str] = set()
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: operations.add(model.name))
    with queue_of(stack) as queue:
        Redrive(queue, Results(table), invoke).plan(limit=10)
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
def test_a_dead_letter_stays_unless_the_response_confirms_a_final_record(
    stack: StackConnection, answer: dict[str, Any]
) -> None:
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, lambda _: answer)
    assert "no final record returned for inbox/a b+c.pdf" in outcome.failure
    assert queue_of(stack).approximate_count() == 1


def test_a_response_without_the_final_field_is_judged_by_its_status(stack: StackConnection) -> None:
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, lambda _: {"records": [{"document": "inbox/a b+c.pdf", "status": "COMPLETE"}]})
    assert outcome.failure == ""
    assert queue_of(stack).approximate_count() == 0


def slow_document(request: Request) -> None:
    """Respond as a service does to a document that it cannot decode within its limit of 20 seconds."""
    timeout_ms = int(request.headers["X-Timeout-Ms"])
    if timeout_ms < 20_000:
        request.answer({"type": "urn:triptych:problem:deadline-exceeded", "detail": "No response in time."}, 504)
    else:
        request.answer({"type": "urn:triptych:problem:decoder-timeout", "detail": "Not decoded within 20 s."}, 422)


@pytest.mark.parametrize("origin", ["dead letter", "record"])
def test_a_slow_document_ends_as_too_slow(
    stack: StackConnection, invoke: Invoke, services: Server, origin: str
) -> None:
    services.behaviour = slow_document
    event = notification_for(put(stack))
    if origin == "dead letter":
        send(stack, event)
    else:
        with pytest.raises(InvocationError):
            invoke(event)
    [outcome] = redriven(stack, invoke)
    assert outcome.failure == ""
    [stored] = all_records(stack)
    assert stored.reason
    assert (stored.status, stored.reason.kind, stored.final) == (Status.REJECTED, "too-slow", True)
    assert "Not decoded within 20 s." in stored.reason.detail
    assert queue_of(stack).approximate_count() == 0
    assert redriven(stack, invoke) == []


def test_a_slow_document_that_a_patient_attempt_decodes_is_classified(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    def behave(request: Request) -> None:
        if int(request.headers["X-Timeout-Ms"]) < 20_000:
            slow_document(request)
        else:
            request.answer(valid_answer(request.path.split("/")[1]))

    services.behaviour = behave
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, invoke)
    assert outcome.failure == ""
    assert [stored.status for stored in all_records(stack)] == [Status.COMPLETE]


@pytest.mark.parametrize("problem", ["deadline-exceeded", "internal"])
def test_documents_are_not_rejected_and_one_patient_attempt_is_made_if_services_time_out(
    stack: StackConnection, invoke: Invoke, services: Server, problem: str
) -> None:
    """The services are overloaded or hang: the documents are not the cause."""
    timeouts_ms: list[int] = []

    def behave(request: Request) -> None:
        timeouts_ms.append(int(request.headers["X-Timeout-Ms"]))
        request.answer({"type": f"urn:triptych:problem:{problem}"}, 504)

    services.behaviour = behave
    for number in range(3):
        send(stack, notification_for(put(stack, f"{number}.pdf")))
    outcomes = redriven(stack, invoke)
    assert len(outcomes) == 3
    assert all("check their load" in outcome.remedy for outcome in outcomes)
    assert [stored.status for stored in all_records(stack)] == [Status.FAILED] * 3
    assert len(timeouts_ms) == 12  # four attempts of three versions
    assert sum(timeout_ms > 3000 for timeout_ms in timeouts_ms) == 3
    assert queue_of(stack).approximate_count() == 3


def test_a_version_that_times_out_alone_gets_no_patient_attempt(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    timeouts_ms: list[int] = []

    def behave(request: Request) -> None:
        timeouts_ms.append(int(request.headers["X-Timeout-Ms"]))
        version = request.path.split("/")[1]
        slow_document(request) if version == "v2" else request.answer(valid_answer(version))

    services.behaviour = behave
    send(stack, notification_for(put(stack)))
    [outcome] = redriven(stack, invoke)
    assert outcome.remedy == "Check the service of v2 (tasks, logs), then run the command again."
    assert max(timeouts_ms) <= 3000


def test_interrupting_a_patient_attempt_reports_the_slow_documents(
    stack: StackConnection, invoke: Invoke, services: Server
) -> None:
    services.behaviour = slow_document
    for number in range(2):
        send(stack, notification_for(put(stack, f"{number}.pdf")))

    def interrupted(event: Event) -> Any:
        if event["budget_seconds"] == PATIENT_BUDGET_S:
            raise KeyboardInterrupt
        return invoke(event)

    outcomes: list[RedriveOutcome] = []
    with pytest.raises(KeyboardInterrupt), planned(stack, interrupted) as (redrive, plan):
        redrive.run(plan, max_concurrent=1, on_done=outcomes.append)
    assert len(outcomes) == 2
    assert all(outcome.failure for outcome in outcomes)
    assert queue_of(stack).approximate_count() == 2


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (Reason("access-denied", "The orchestrator may not read the object"), "s3:GetObject"),
        (Reason("storage-error", "S3 returned an error"), "again later"),
        (Reason("versions-missing", "No answer from v1, v2, v3"), "Check the service of v1 and v2 and v3"),
    ],
)
def test_every_unfinished_record_has_a_remedy(reason: Reason, remedy: str) -> None:
    outcomes = {version: model_failure("unreachable") for version in ("v1", "v2", "v3")}
    failed = record(outcomes if reason.kind == "versions-missing" else {}, status=Status.FAILED, reason=reason)
    assert remedy in remedy_for_records([failed])


def test_interrupting_keeps_unprocessed_dead_letters(stack: StackConnection, invoke: Invoke) -> None:
    for number in range(5):
        send(stack, notification_for(put(stack, f"{number}.pdf")))
    outcomes: list[RedriveOutcome] = []

    def on_done(outcome: RedriveOutcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 2:
            raise KeyboardInterrupt

    def interrupted() -> None:
        with planned(stack, invoke) as (redrive, plan):
            redrive.run(plan, max_concurrent=1, on_done=on_done)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(outcomes) == 2
    assert queue_of(stack).approximate_count() == 3
    assert len(all_records(stack)) == 2
    redriven(stack, invoke)
    assert len(all_records(stack)) == 5
    assert queue_of(stack).approximate_count() == 0


def test_a_dead_letter_that_is_no_longer_held_is_not_redriven(
    stack: StackConnection, services: Server, invoke: Invoke
) -> None:
    send(stack, notification_for(put(stack)))
    outcomes: list[RedriveOutcome] = []
    with planned(stack, invoke) as (redrive, plan):
        stack.sqs.purge_queue(QueueUrl=stack.dead_letter_queue_url)  # as if another consumer had processed it
        redrive.run(plan, max_concurrent=1, on_done=outcomes.append)
    assert "another consumer" in outcomes[0].failure
    assert services.requests == []


def test_nothing_is_lost_if_the_orchestrator_cannot_be_invoked(stack: StackConnection) -> None:
    def refuse(_: Event) -> dict[str, Any]:
        raise InvocationError("TooManyRequestsException", "Rate exceeded")

    send(stack, notification_for(put(stack, "letter.pdf")))
    partial(stack, put(stack, "partial.pdf"))
    outcomes = redriven(stack, refuse)
    assert len(outcomes) == 2
    assert all(outcome.failure.startswith("TooManyRequestsException: Rate exceeded") for outcome in outcomes)
    assert queue_of(stack).approximate_count() == 1


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
def test_the_notification_for_a_record_leads_to_the_same_item(upload: Upload) -> None:
    [announced] = parse_notification(json.loads(json.dumps(notification_for(upload))))
    assert (announced.document, announced.sort_key) == (upload.document, upload.sort_key)
    assert (announced.size, announced.etag, announced.version_id) == (upload.size, upload.etag, upload.version_id)
    assert abs(announced.event_time - upload.event_time).total_seconds() < 0.002  # records keep milliseconds
    [again] = parse_notification(notification_for(announced))
    assert again.sort_key == upload.sort_key


def test_tasks_are_grouped_by_kind_and_reason_largest_first() -> None:
    def task(kind: RedriveKind, reason: str) -> RedriveTask:
        return RedriveTask(kind, "x", datetime.now(UTC), reason, {}, ())

    tasks = [
        task(RedriveKind.FAILED, "a"),
        task(RedriveKind.DEAD_LETTER, "b"),
        task(RedriveKind.DEAD_LETTER, "c"),
        task(RedriveKind.DEAD_LETTER, "c"),
    ]
    groups = [(str(kind), reason, len(members)) for kind, reason, members in group_tasks(tasks)]
    assert groups == [("dead letter", "c", 2), ("dead letter", "b", 1), ("FAILED record", "a", 1)]


class TestCommand:
    @pytest.fixture(autouse=True)
    def _found(self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "connect", lambda _: stack)
        monkeypatch.setattr("triptych.commands.redrive.orchestrator_invoker", lambda _: invoke)

    @staticmethod
    def run(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(app, ["redrive", *arguments], input=answer)

    def test_preview_changes_nothing(self, stack: StackConnection, services: Server) -> None:
        partial(stack, put(stack, "partial.pdf"))
        send(stack, notification_for(put(stack, "letter.pdf")))
        send(stack, "not JSON")
        done = self.run("--preview", "--json")
        assert done.exit_code == 0
        output = json.loads(done.stdout)
        assert [(row["what"], row["count"]) for row in output["jobs"]] == [("dead letter", 1), ("PARTIAL record", 1)]
        assert output["letters_waiting"] == 2
        assert len(output["unreadable"]) == 1
        assert (queue_of(stack).approximate_count(), services.requests) == (2, [])

    def test_preview_shows_kind_count_age_and_reason(self, stack: StackConnection) -> None:
        partial(stack, put(stack))
        shown = self.run("--dry-run").stderr
        for word in ("PARTIAL record", "v2 (unreachable)", "Oldest"):
            assert word in shown

    def test_redrive_exits_with_0_if_nothing_is_left(self, stack: StackConnection) -> None:
        partial(stack, put(stack))
        done = self.run("--yes", "--json")
        assert (done.exit_code, json.loads(done.stdout)["handled"]) == (0, 1)
        assert [stored.status for stored in all_records(stack)] == [Status.COMPLETE]

    def test_redrive_exits_with_1_and_names_what_is_left(self, stack: StackConnection, services: Server) -> None:
        services.behaviour = failing_version("v1")
        send(stack, notification_for(put(stack)))
        send(stack, "not JSON")
        done = self.run("--json")
        assert isinstance(done.exception, TriptychError)
        assert "inbox/a b+c.pdf (dead letter): " in str(done.exception)
        assert "v1 (failed)" in str(done.exception)
        assert "stays in the queue" in str(done.exception)
        assert [item["name"] for item in json.loads(done.stdout)["left"]] == ["inbox/a b+c.pdf"]
        assert queue_of(stack).approximate_count() == 2

    @pytest.mark.parametrize(("answer", "status"), [("n\n", Status.PARTIAL), ("y\n", Status.COMPLETE)])
    def test_redrive_asks_for_confirmation_on_a_terminal(
        self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch, answer: str, status: Status
    ) -> None:
        terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr("triptych.commands.redrive.sys", terminal)
        partial(stack, put(stack))
        self.run(answer=answer)
        assert [stored.status for stored in all_records(stack)] == [status]

    def test_dead_letters_beyond_the_limit_stay_and_are_mentioned(self, stack: StackConnection) -> None:
        for number in range(3):
            send(stack, notification_for(put(stack, f"{number}.pdf")))
        done = self.run("--limit", "2", "--no-partial")
        assert done.exit_code == 0
        assert "The queue has about 3 dead letters; these are the first 2." in done.stderr
        assert "2 finished, 0 still unfinished." in done.stderr
        assert queue_of(stack).approximate_count() == 1

    def test_at_most_twenty_failures_are_printed_and_json_has_all(self, stack: StackConnection) -> None:
        for number in range(25):
            send(stack, f"no event {number}")
        done = self.run("--json")
        assert str(done.exception).count("stays in the queue") == 20
        assert "5 more" in str(done.exception)
        assert len(json.loads(done.stdout)["unreadable"]) == 25

    def test_interrupting_prints_a_summary_and_exits_with_130(
        self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        invoked: list[Event] = []

        def once(event: Event) -> Any:
            invoked.append(event)
            if len(invoked) > 1:
                raise KeyboardInterrupt
            return invoke(event)

        monkeypatch.setattr("triptych.commands.redrive.orchestrator_invoker", lambda _: once)
        monkeypatch.setattr("triptych.commands.redrive.MAX_CONCURRENT", 1)
        for number in range(3):
            send(stack, notification_for(put(stack, f"{number}.pdf")))
        done = self.run()
        assert done.exit_code == 130
        assert "1 finished, 0 still unfinished, 2 not started." in done.stderr
        assert queue_of(stack).approximate_count() == 2

    def test_aws_errors_are_reported_without_traceback(self, stack: StackConnection) -> None:
        stack.sqs.delete_queue(QueueUrl=stack.dead_letter_queue_url)
        done = self.run()
        assert isinstance(done.exception, TriptychError)
        assert "AWS returned an error" in str(done.exception)

    def test_redrive_with_nothing_to_do_succeeds(self, stack: StackConnection) -> None:
        done = self.run()
        assert done.exit_code == 0
        assert "nothing to redrive" in done.stderr


@pytest.mark.parametrize(
    ("passed", "formatted"),
    [
        (timedelta(days=3, hours=5), "3 d"),
        (timedelta(hours=1), "1 h"),
        (timedelta(seconds=119), "1 min"),
        (timedelta(seconds=8), "8 s"),
        (-timedelta(seconds=2), "0 s"),  # the other clock is ahead
    ],
)
def test_age_is_formatted_in_its_largest_unit(passed: timedelta, formatted: str) -> None:
    now = datetime.now(UTC)
    assert format_elapsed(now - passed, now=now) == formatted

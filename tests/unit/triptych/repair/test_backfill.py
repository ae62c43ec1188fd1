"""Protects: every document below a prefix gets one record, at the requested rate, even after interruptions."""

import json
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from orchestrator.events import BatchInvocation, parse_event
from records.record import Status
from records.uploads import LATE_AFTER, Upload
from tests.support.repair import all_records, failing_version
from tests.support.servers import Request, Server
from triptych.cli import app
from triptych.commands import backfill as command
from triptych.errors import TriptychError, UsageError
from triptych.repair.backfill import (
    PAUSES_S,
    Backfill,
    BackfillOutcome,
    KeyListing,
    RateLimiter,
    batch_event,
    list_objects,
    select_keys,
)
from triptych.repair.invocation import Event, InvocationError, Invoke
from triptych.repair.progress import BackfillProgress
from triptych.repair.redrive import notification_for
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

NOW = datetime.now(UTC)
UNLIMITED = RateLimiter(1e9)


def put(stack: StackConnection, *keys: str, body: bytes = b"%PDF-") -> None:
    for key in keys:
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=body)


def backfilled(
    stack: StackConnection, invoke: Invoke, keys: Iterable[str], tmp_path: Path, pauses: list[float] | None = None
) -> tuple[dict[BackfillOutcome, int], BackfillProgress]:
    sleep = (pauses if pauses is not None else []).append
    backfill = Backfill(stack.s3, stack.bucket, Results(stack.table), invoke, UNLIMITED, sleep)
    progress = BackfillProgress.load(tmp_path / "progress.json", stack.bucket, "")
    listing = KeyListing(tuple(keys), too_young=0, first_too_young="", complete=True)
    backfill.run(listing, progress, max_concurrent=4, on_done=lambda: None)
    return dict(backfill.counts), progress


def test_every_document_gets_a_record_and_a_second_run_invokes_nothing(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    keys = ["a b+c.pdf", "from Zürich/50% off.pdf", "x.pdf"]
    put(stack, *keys)
    assert backfilled(stack, invoke, keys, tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 3}
    assert {(stored.upload.key, stored.status) for stored in all_records(stack)} == {
        (key, Status.COMPLETE) for key in keys
    }
    requests = len(services.requests)
    assert backfilled(stack, invoke, keys, tmp_path)[0] == {BackfillOutcome.ALREADY_THERE: 3}
    assert len(services.requests) == requests


def event_of(stack: StackConnection, key: str, at: datetime) -> Event:
    """Return the event that S3 sent when the object was stored."""
    found = stack.s3.head_object(Bucket=stack.bucket, Key=key)
    etag = found["ETag"].strip('"')
    upload = Upload(stack.bucket, key, "0055AED6DCD90281E5", at, found["ContentLength"], etag, found.get("VersionId"))
    return notification_for(upload)


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("event_first", [True, False])
def test_an_upload_found_by_event_and_backfill_has_one_record(
    stack: StackConnection, invoke: Invoke, tmp_path: Path, versioned: bool, event_first: bool
) -> None:
    if not versioned:
        stack.s3.put_bucket_versioning(Bucket=stack.bucket, VersioningConfiguration={"Status": "Suspended"})
    put(stack, "x.pdf")
    event = event_of(stack, "x.pdf", NOW - LATE_AFTER - timedelta(minutes=5))  # a backfill skips younger ones
    if event_first:
        invoke(event)
        assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.ALREADY_THERE: 1}
    else:
        assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 1}
        invoke(event)
    [only] = all_records(stack)
    assert (only.status, only.revision) == (Status.COMPLETE, 1)


def test_a_record_with_the_version_id_null_counts_as_the_record_of_an_unversioned_object(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    """HEAD and events report `null` where versioning is suspended; records of earlier releases contain it."""
    stack.s3.put_bucket_versioning(Bucket=stack.bucket, VersioningConfiguration={"Status": "Suspended"})
    put(stack, "x.pdf")
    invoke(event_of(stack, "x.pdf", NOW))
    [record] = all_records(stack)
    item = record.to_item() | {"version_id": "null"}
    stack.table.put_item(Item=item)
    requests = len(services.requests)
    assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.ALREADY_THERE: 1}
    assert len(services.requests) == requests


def test_a_record_of_an_earlier_upload_with_that_key_does_not_count(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    put(stack, "x.pdf", body=b"%PDF-first")
    backfilled(stack, invoke, ["x.pdf"], tmp_path)
    put(stack, "x.pdf", body=b"%PDF-second")
    assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 1}
    assert len(all_records(stack)) == 2


def test_a_partial_record_is_completed(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    put(stack, "x.pdf")

    def fail_once(request: Request) -> None:
        services.behaviour = failing_version("none") if request.path.startswith("/v2/") else fail_once
        failing_version("v2")(request)

    services.behaviour = fail_once
    pauses: list[float] = []
    assert backfilled(stack, invoke, ["x.pdf"], tmp_path, pauses)[0] == {BackfillOutcome.SUCCEEDED: 1}
    [stored] = all_records(stack)
    assert stored.status is Status.COMPLETE
    assert pauses == [PAUSES_S[0]]


def test_a_transient_failure_is_retried_with_growing_pauses_and_then_reported(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    put(stack, "a.pdf", "b.pdf")
    services.behaviour = failing_version("v1")
    pauses: list[float] = []
    counts, progress = backfilled(stack, invoke, ["a.pdf"], tmp_path, pauses)
    assert (counts, pauses) == ({BackfillOutcome.FAILED: 1}, list(PAUSES_S))
    assert progress.failed == {"a.pdf": "PARTIAL"}
    services.behaviour = failing_version("none")
    counts, progress = backfilled(stack, invoke, [*progress.failed, "b.pdf"], tmp_path)
    assert (counts, progress.failed, progress.after) == ({BackfillOutcome.SUCCEEDED: 2}, {}, "b.pdf")


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        ({"results": [{"resultCode": "PermanentFailure", "resultString": "no"}]}, 1),
        ({"results": [{"resultCode": "TemporaryFailure", "resultString": "no"}]}, len(PAUSES_S) + 1),
        (InvocationError("TooManyRequestsException", "no"), len(PAUSES_S) + 1),
    ],
)
def test_only_transient_failures_are_retried(
    stack: StackConnection, tmp_path: Path, answer: Any, attempts: int
) -> None:
    put(stack, "x.pdf")
    invoked: list[Event] = []

    def invoke(event: Event) -> dict[str, Any]:
        invoked.append(event)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer

    counts, progress = backfilled(stack, invoke, ["x.pdf"], tmp_path)
    assert (counts, len(invoked)) == ({BackfillOutcome.FAILED: 1}, attempts)
    assert "no" in progress.failed["x.pdf"]


def test_an_archived_object_is_classified_once_it_is_restored(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    stack.s3.put_object(Bucket=stack.bucket, Key="old.pdf", Body=b"%PDF-", StorageClass="GLACIER")
    invoke(event_of(stack, "old.pdf", NOW))
    [rejected] = all_records(stack)
    assert rejected.reason
    assert (rejected.status, rejected.reason.kind, rejected.final) == (Status.REJECTED, "archived", True)
    stack.s3.restore_object(Bucket=stack.bucket, Key="old.pdf", RestoreRequest={"Days": 1})
    assert backfilled(stack, invoke, ["old.pdf"], tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 1}
    [classified] = all_records(stack)
    assert (classified.status, classified.reason, classified.upload) == (Status.COMPLETE, None, rejected.upload)


def test_an_object_deleted_after_listing_is_not_a_failure(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    counts, progress = backfilled(stack, invoke, ["gone.pdf"], tmp_path)
    assert (counts, progress.failed) == ({BackfillOutcome.GONE: 1}, {})


def test_an_interrupted_backfill_resumes_and_leaves_nothing_out(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    keys = [f"{number:02}.pdf" for number in range(12)]
    put(stack, *keys)
    invoked: list[str] = []

    def interrupted_at_fifth(event: Event) -> Any:
        invoked.append(event["tasks"][0]["s3Key"])
        if len(invoked) == 5:
            raise KeyboardInterrupt
        return invoke(event)

    with pytest.raises(KeyboardInterrupt):
        backfilled(stack, interrupted_at_fifth, keys, tmp_path)
    left = BackfillProgress.load(tmp_path / "progress.json", stack.bucket, "")
    assert left.after
    rest = [key for key, _ in list_objects(stack.s3, stack.bucket, "", after=left.after)]
    assert len(rest) < len(keys)
    backfilled(stack, invoke, rest, tmp_path)
    assert sorted(stored.upload.key for stored in all_records(stack)) == keys


def test_listing_has_current_versions_below_the_prefix_and_no_folder_markers(stack: StackConnection) -> None:
    put(stack, "in/a.pdf", "in/b.pdf", "in/b.pdf", "in/deleted.pdf", "out/c.pdf")
    put(stack, "in/folder/", body=b"")
    put(stack, "in/empty.pdf", body=b"")
    stack.s3.delete_object(Bucket=stack.bucket, Key="in/deleted.pdf")
    found = [key for key, _ in list_objects(stack.s3, stack.bucket, "in/")]
    assert found == ["in/a.pdf", "in/b.pdf", "in/empty.pdf"]
    assert [key for key, _ in list_objects(stack.s3, stack.bucket, "in/", after="in/a.pdf")] == found[1:]


def test_young_objects_are_left_out() -> None:
    old, young = NOW - timedelta(hours=1), NOW - timedelta(minutes=1)
    found = select_keys([("a", old), ("b", young), ("c", old)], before=NOW - timedelta(minutes=15), limit=10)
    assert found == KeyListing(("a", "c"), too_young=1, first_too_young="b", complete=True)


@pytest.mark.parametrize(("limit", "complete"), [(2, False), (3, True), (4, True)])
def test_listing_states_whether_it_is_complete(limit: int, complete: bool) -> None:
    found = select_keys([(key, NOW) for key in "abc"], before=NOW + timedelta(1), limit=limit)
    assert (len(found.keys), found.complete) == (min(limit, 3), complete)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_the_orchestrator_decodes_the_key_of_a_task(key: str) -> None:
    invocation = parse_event(json.loads(json.dumps(batch_event("inbox", key))))
    assert isinstance(invocation, BatchInvocation)
    [task] = invocation.tasks
    assert (task.bucket, task.key, task.version_id) == ("inbox", key, None)


def test_the_rate_limit_applies_to_all_threads_together_and_idle_time_allows_no_burst() -> None:
    clock = [100.0]
    lock = threading.Lock()
    passed: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            passed.append(clock[0] + seconds)

    limiter = RateLimiter(4.0, clock=lambda: clock[0], sleep=sleep)
    threads = [threading.Thread(target=limiter.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [100 + number / 4 for number in range(8)]
    clock[0] = 200.0
    limiter.wait()
    limiter.wait()
    assert passed[-2:] == [200.0, 200.25]


class TestCommand:
    @pytest.fixture(autouse=True)
    def _found(self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(connection, "connect", lambda _: stack)
        monkeypatch.setattr(command, "orchestrator_invoker", lambda _: invoke)
        monkeypatch.setattr(command, "MIN_AGE", timedelta(minutes=-1))  # all objects in moto are young
        monkeypatch.setattr("triptych.repair.backfill.PAUSES_S", ())
        monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))

    @staticmethod
    def run(*arguments: str | Path) -> Result:
        ahead = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        texts = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, ["backfill", "--older-than", ahead, "--rate", "1000/s", *texts])

    def test_backfill_prints_what_happened_to_the_documents(self, stack: StackConnection) -> None:
        put(stack, "in/a.pdf", "in/b.pdf", "out.pdf")
        done = self.run("in/", "--json")
        assert done.exit_code == 0
        assert json.loads(done.stdout) == {
            "succeeded": 2,
            "already_there": 0,
            "gone": 0,
            "failed": 0,
            "too_young": 0,
            "failures": [],
            "job": None,
        }
        assert "2 already there." in self.run("in/").stderr
        assert sorted(stored.upload.key for stored in all_records(stack)) == ["in/a.pdf", "in/b.pdf"]

    def test_failures_are_named_and_retried_by_the_same_command(
        self, stack: StackConnection, services: Server, tmp_path: Path
    ) -> None:
        put(stack, "a.pdf", "b.pdf")
        services.behaviour = failing_version("v3")
        failed = self.run("", "--json")
        assert isinstance(failed.exception, TriptychError)
        assert "a.pdf: PARTIAL" in str(failed.exception)
        assert len(list((tmp_path / "home" / "backfill").iterdir())) == 1
        services.behaviour = failing_version("none")
        done = self.run("", "--json")
        assert json.loads(done.stdout)["succeeded"] == 2
        assert list((tmp_path / "home" / "backfill").iterdir()) == []

    @pytest.fixture
    def ages(self, stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> dict[str, timedelta]:
        """Ages by key, which override those of the objects in moto."""
        ages: dict[str, timedelta] = {}

        def list_with_ages(*arguments: Any, **options: Any) -> Iterator[tuple[str, datetime]]:
            for key, modified in list_objects(*arguments, **options):
                yield key, modified - ages.get(key, timedelta())

        monkeypatch.setattr(command, "list_objects", list_with_ages)
        return ages

    YOUNG = -timedelta(hours=1)

    def test_a_document_that_was_too_young_in_a_failed_run_is_processed_by_the_next(
        self, stack: StackConnection, invoke: Invoke, ages: dict[str, timedelta], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail_for_a(event: Event) -> Any:
            if event["tasks"][0]["s3Key"] == "a.pdf":
                raise InvocationError("TooManyRequestsException", "no")
            return invoke(event)

        monkeypatch.setattr(command, "orchestrator_invoker", lambda _: fail_for_a)
        put(stack, "a.pdf", "b.pdf", "c.pdf")
        ages["b.pdf"] = self.YOUNG
        self.run("")
        assert {record.upload.key for record in all_records(stack)} == {"c.pdf"}
        ages.clear()
        put(stack, "0-later.pdf")
        self.run("")
        assert {record.upload.key for record in all_records(stack)} == {"0-later.pdf", "b.pdf", "c.pdf"}

    def test_an_interrupted_run_resumes_before_a_document_that_was_too_young(
        self, stack: StackConnection, invoke: Invoke, ages: dict[str, timedelta], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt_at_d(event: Event) -> Any:
            if event["tasks"][0]["s3Key"] == "d.pdf":
                raise KeyboardInterrupt
            return invoke(event)

        monkeypatch.setattr(command, "MAX_CONCURRENT", 1)
        monkeypatch.setattr(command, "orchestrator_invoker", lambda _: interrupt_at_d)
        put(stack, "a.pdf", "b.pdf", "c.pdf", "d.pdf")
        ages["b.pdf"] = self.YOUNG
        assert self.run("").exit_code == 130
        ages.clear()
        monkeypatch.setattr(command, "orchestrator_invoker", lambda _: invoke)
        resumed = self.run("")
        assert "Resuming an interrupted run after 'a.pdf'" in resumed.stderr
        assert {record.upload.key for record in all_records(stack)} == {"a.pdf", "b.pdf", "c.pdf", "d.pdf"}

    def test_restart_ignores_the_progress_of_an_earlier_run(self, stack: StackConnection, tmp_path: Path) -> None:
        put(stack, "a.pdf")
        path = tmp_path / "progress.json"
        BackfillProgress(path, stack.bucket, "", after="z").save()
        assert "There are no documents to backfill." in self.run("", "--checkpoint", path).stderr
        BackfillProgress(path, stack.bucket, "", after="z").save()
        assert "1 succeeded." in self.run("", "--checkpoint", path, "--restart").stderr

    def test_more_documents_than_the_limit_become_a_batch_job(
        self, stack: StackConnection, services: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:orchestrator:live"
        monkeypatch.setattr(command, "_function_arn", lambda _: arn)
        put(stack, *(f"{number}.pdf" for number in range(5)))
        done = self.run("", "--max-here", "4", "--job-folder", tmp_path / "job", "--json")
        assert json.loads(done.stdout) == {"job": str(tmp_path / "job"), "objects": 5}
        assert len((tmp_path / "job" / "manifest.csv").read_text().splitlines()) == 5
        assert "submit.sh ROLE_ARN JOB_BUCKET" in done.stderr
        assert (all_records(stack), services.requests) == ([], [])

    @pytest.mark.parametrize("rate", ["0", "0/s", "fast", "5/d", "-1", ""])
    def test_an_invalid_rate_is_rejected(self, rate: str) -> None:
        assert isinstance(self.run("", "--rate", rate).exception, UsageError)

    def test_documents_whose_event_may_still_arrive_cannot_be_requested(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert LATE_AFTER < command.MIN_AGE
        done = CliRunner().invoke(app, ["backfill", "", "--older-than", "5m"])
        assert isinstance(done.exception, UsageError)
        assert "at least 11m" in str(done.exception)

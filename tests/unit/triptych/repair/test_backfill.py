"""Protects: every document below a prefix gets its one record, at the pace asked for, however often it is cut short."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from orchestrator.events import BatchInvocation, parse
from records.record import Status
from records.uploads import LATE_AFTER, Upload
from tests.support.repair import down, items
from tests.support.servers import Request, Server
from triptych.cli import app
from triptych.commands import backfill as command
from triptych.errors import TriptychError, UsageError
from triptych.repair.backfill import PAUSES_S, Backfill, BackfillOutcome, RateLimiter, batch_event, documents, listed
from triptych.repair.invocation import Event, InvocationError, Invoke
from triptych.repair.progress import BackfillProgress
from triptych.repair.redrive import notification_for
from triptych.storage import connection
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

NOW = datetime.now(UTC)
FREE = RateLimiter(1e9)


def put(stack: StackConnection, *keys: str, body: bytes = b"%PDF-") -> None:
    for key in keys:
        stack.s3.put_object(Bucket=stack.bucket, Key=key, Body=body)


def backfilled(
    stack: StackConnection, invoke: Invoke, keys: Iterable[str], tmp_path: Path, pauses: list[float] | None = None
) -> tuple[dict[BackfillOutcome, int], BackfillProgress]:
    sleep = (pauses if pauses is not None else []).append
    work = Backfill(stack.s3, stack.bucket, Results(stack.table), invoke, FREE, sleep)
    checkpoint = BackfillProgress.load(tmp_path / "progress.json", stack.bucket, "")
    work.run(keys, checkpoint, at_once=4, done=lambda: None)
    return dict(work.fates), checkpoint


def test_every_document_gets_a_record_and_a_second_run_asks_for_nothing(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    keys = ["a b+c.pdf", "from Zürich/50% off.pdf", "x.pdf"]
    put(stack, *keys)
    assert backfilled(stack, invoke, keys, tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 3}
    assert {(made.upload.key, made.status) for made in items(stack)} == {(key, Status.COMPLETE) for key in keys}
    asked = len(services.requests)
    assert backfilled(stack, invoke, keys, tmp_path)[0] == {BackfillOutcome.ALREADY_THERE: 3}
    assert len(services.requests) == asked


def announced(stack: StackConnection, key: str, at: datetime) -> Event:
    """The event that S3 sent when the object was stored."""
    found = stack.s3.head_object(Bucket=stack.bucket, Key=key)
    etag = found["ETag"].strip('"')
    upload = Upload(stack.bucket, key, "0055AED6DCD90281E5", at, found["ContentLength"], etag, found.get("VersionId"))
    return notification_for(upload)


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("event_first", [True, False])
def test_an_upload_met_both_ways_has_one_record(
    stack: StackConnection, invoke: Invoke, tmp_path: Path, versioned: bool, event_first: bool
) -> None:
    if not versioned:
        stack.s3.put_bucket_versioning(Bucket=stack.bucket, VersioningConfiguration={"Status": "Suspended"})
    put(stack, "x.pdf")
    event = announced(stack, "x.pdf", NOW - LATE_AFTER - timedelta(minutes=5))  # a backfill leaves younger ones alone
    if event_first:
        invoke(event)
        assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.ALREADY_THERE: 1}
    else:
        assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 1}
        invoke(event)
    [only] = items(stack)
    assert (only.status, only.revision) == (Status.COMPLETE, 1)


def test_another_upload_of_the_name_does_not_count_as_its_record(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    put(stack, "x.pdf", body=b"%PDF-first")
    backfilled(stack, invoke, ["x.pdf"], tmp_path)
    put(stack, "x.pdf", body=b"%PDF-second")
    assert backfilled(stack, invoke, ["x.pdf"], tmp_path)[0] == {BackfillOutcome.SUCCEEDED: 1}
    assert len(items(stack)) == 2


def test_a_partial_record_is_completed(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    put(stack, "x.pdf")

    def once_down(request: Request) -> None:
        services.behaviour = down("none") if request.path.startswith("/v2/") else once_down
        down("v2")(request)

    services.behaviour = once_down
    pauses: list[float] = []
    assert backfilled(stack, invoke, ["x.pdf"], tmp_path, pauses)[0] == {BackfillOutcome.SUCCEEDED: 1}
    [made] = items(stack)
    assert made.status is Status.COMPLETE
    assert pauses == [PAUSES_S[0]]


def test_what_may_pass_is_tried_again_with_growing_waits_and_then_kept_for_the_next_run(
    stack: StackConnection, invoke: Invoke, services: Server, tmp_path: Path
) -> None:
    put(stack, "a.pdf", "b.pdf")
    services.behaviour = down("v1")
    pauses: list[float] = []
    fates, checkpoint = backfilled(stack, invoke, ["a.pdf"], tmp_path, pauses)
    assert (fates, pauses) == ({BackfillOutcome.FAILED: 1}, list(PAUSES_S))
    assert checkpoint.failed == {"a.pdf": "PARTIAL"}
    services.behaviour = down("none")
    fates, checkpoint = backfilled(stack, invoke, [*checkpoint.failed, "b.pdf"], tmp_path)
    assert (fates, checkpoint.failed, checkpoint.after) == ({BackfillOutcome.SUCCEEDED: 2}, {}, "b.pdf")


@pytest.mark.parametrize(
    ("answer", "attempts"),
    [
        ({"results": [{"resultCode": "PermanentFailure", "resultString": "no"}]}, 1),
        ({"results": [{"resultCode": "TemporaryFailure", "resultString": "no"}]}, len(PAUSES_S) + 1),
        (InvocationError("TooManyRequestsException", "no"), len(PAUSES_S) + 1),
    ],
)
def test_only_what_may_pass_is_tried_again(stack: StackConnection, tmp_path: Path, answer: Any, attempts: int) -> None:
    put(stack, "x.pdf")
    asked: list[Event] = []

    def invoke(event: Event) -> dict[str, Any]:
        asked.append(event)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer

    fates, checkpoint = backfilled(stack, invoke, ["x.pdf"], tmp_path)
    assert (fates, len(asked)) == ({BackfillOutcome.FAILED: 1}, attempts)
    assert "no" in checkpoint.failed["x.pdf"]


def test_what_was_deleted_meanwhile_is_no_failure(stack: StackConnection, invoke: Invoke, tmp_path: Path) -> None:
    fates, checkpoint = backfilled(stack, invoke, ["gone.pdf"], tmp_path)
    assert (fates, checkpoint.failed) == ({BackfillOutcome.GONE: 1}, {})


def test_ctrl_c_leaves_a_checkpoint_from_which_the_next_run_finishes(
    stack: StackConnection, invoke: Invoke, tmp_path: Path
) -> None:
    keys = [f"{number:02}.pdf" for number in range(12)]
    put(stack, *keys)
    asked: list[str] = []

    def until_the_fifth(event: Event) -> Any:
        asked.append(event["tasks"][0]["s3Key"])
        if len(asked) == 5:
            raise KeyboardInterrupt
        return invoke(event)

    with pytest.raises(KeyboardInterrupt):
        backfilled(stack, until_the_fifth, keys, tmp_path)
    left = BackfillProgress.load(tmp_path / "progress.json", stack.bucket, "")
    assert left.resumes
    rest = [key for key, _ in documents(stack.s3, stack.bucket, "", after=left.after)]
    assert len(rest) < len(keys)
    backfilled(stack, invoke, rest, tmp_path)
    assert sorted(made.upload.key for made in items(stack)) == keys


def test_listing_takes_current_versions_below_the_prefix_and_no_folder_markers(stack: StackConnection) -> None:
    put(stack, "in/a.pdf", "in/b.pdf", "in/b.pdf", "in/deleted.pdf", "out/c.pdf")
    put(stack, "in/folder/", body=b"")
    put(stack, "in/empty.pdf", body=b"")
    stack.s3.delete_object(Bucket=stack.bucket, Key="in/deleted.pdf")
    found = [key for key, _ in documents(stack.s3, stack.bucket, "in/")]
    assert found == ["in/a.pdf", "in/b.pdf", "in/empty.pdf"]
    assert [key for key, _ in documents(stack.s3, stack.bucket, "in/", after="in/a.pdf")] == found[1:]


def test_young_objects_are_left_to_their_own_event() -> None:
    old, young = NOW - timedelta(hours=1), NOW - timedelta(minutes=1)
    found = listed([("a", old), ("b", young), ("c", old)], before=NOW - timedelta(minutes=15), limit=10)
    assert (found.keys, found.too_young, found.whole) == (("a", "c"), 1, True)


@pytest.mark.parametrize(("limit", "whole"), [(2, False), (3, True), (4, True)])
def test_whether_there_are_more_than_asked_for_is_told(limit: int, whole: bool) -> None:
    found = listed([(key, NOW) for key in "abc"], before=NOW + timedelta(1), limit=limit)
    assert (len(found.keys), found.whole) == (min(limit, 3), whole)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_the_orchestrator_reads_the_very_key_from_a_task(key: str) -> None:
    invocation = parse(json.loads(json.dumps(batch_event("inbox", key))))
    assert isinstance(invocation, BatchInvocation)
    [task] = invocation.tasks
    assert (task.bucket, task.key, task.version_id) == ("inbox", key, None)


def test_the_pace_is_kept_by_all_threads_together_and_a_pause_earns_no_burst() -> None:
    clock = [100.0]
    lock = threading.Lock()
    passed: list[float] = []

    def sleep(seconds: float) -> None:
        with lock:
            passed.append(clock[0] + seconds)

    pace = RateLimiter(4.0, clock=lambda: clock[0], sleep=sleep)
    threads = [threading.Thread(target=pace.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [100 + number / 4 for number in range(8)]
    clock[0] = 200.0
    pace.wait()
    pace.wait()
    assert passed[-2:] == [200.0, 200.25]


class TestCommand:
    @pytest.fixture(autouse=True)
    def _found(self, stack: StackConnection, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(connection, "connect", lambda _: stack)
        monkeypatch.setattr(command, "orchestrator_invoker", lambda _: invoke)
        monkeypatch.setattr(command, "YOUNGEST", timedelta(minutes=-1))  # what moto holds is always young
        monkeypatch.setattr("triptych.repair.backfill.PAUSES_S", ())
        monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))

    @staticmethod
    def run(*arguments: str | Path) -> Result:
        ahead = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
        given = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, ["backfill", "--older-than", ahead, "--rate", "1000/s", *given])

    def test_it_tells_what_became_of_the_documents(self, stack: StackConnection) -> None:
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
        assert sorted(made.upload.key for made in items(stack)) == ["in/a.pdf", "in/b.pdf"]

    def test_what_failed_is_named_and_tried_again_by_the_same_command(
        self, stack: StackConnection, services: Server, tmp_path: Path
    ) -> None:
        put(stack, "a.pdf", "b.pdf")
        services.behaviour = down("v3")
        failed = self.run("", "--json")
        assert isinstance(failed.exception, TriptychError)
        assert "a.pdf: PARTIAL" in str(failed.exception)
        assert len(list((tmp_path / "home" / "backfill").iterdir())) == 1
        services.behaviour = down("none")
        done = self.run("", "--json")
        assert "Going on after 'b.pdf'" in done.stderr
        assert json.loads(done.stdout)["succeeded"] == 2
        assert list((tmp_path / "home" / "backfill").iterdir()) == []

    def test_restart_forgets_an_earlier_run(self, stack: StackConnection, tmp_path: Path) -> None:
        put(stack, "a.pdf")
        path = tmp_path / "progress.json"
        BackfillProgress(path, stack.bucket, "", after="z").save()
        assert "no document" in self.run("", "--checkpoint", path).stderr
        BackfillProgress(path, stack.bucket, "", after="z").save()
        assert "1 succeeded." in self.run("", "--checkpoint", path, "--restart").stderr

    def test_too_many_become_a_batch_job_and_nothing_is_driven_here(
        self, stack: StackConnection, services: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:orchestrator:live"
        monkeypatch.setattr(command, "_function_arn", lambda _: arn)
        put(stack, *(f"{number}.pdf" for number in range(5)))
        done = self.run("", "--max-here", "4", "--job-folder", tmp_path / "job", "--json")
        assert json.loads(done.stdout) == {"job": str(tmp_path / "job"), "objects": 5}
        assert len((tmp_path / "job" / "manifest.csv").read_text().splitlines()) == 5
        assert "submit.sh ROLE_ARN JOB_BUCKET" in done.stderr
        assert (items(stack), services.requests) == ([], [])

    @pytest.mark.parametrize("rate", ["0", "0/s", "fast", "5/d", "-1", ""])
    def test_what_is_no_rate_is_named(self, rate: str) -> None:
        assert isinstance(self.run("", "--rate", rate).exception, UsageError)

    def test_documents_whose_event_may_be_under_way_cannot_be_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert LATE_AFTER < command.YOUNGEST
        done = CliRunner().invoke(app, ["backfill", "", "--older-than", "5m"])
        assert isinstance(done.exception, UsageError)
        assert "at least 11m" in str(done.exception)

"""Protects: the command's output and exit codes, which people's scripts rely on."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from records.table import RecordTable
from tests.support.uploads import NOON, prediction, record, upload
from triptych.cli import app, main
from triptych.commands.options import parse_time
from triptych.errors import StackUnavailable, TriptychError, UsageError
from triptych.storage import connection
from triptych.storage.connection import StackConnection

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


@pytest.fixture(autouse=True)
def _found(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_put_that_never_gets_a_record_ends_with_an_error_that_names_it(stack: StackConnection, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    done = run("put", tmp_path / "a.pdf", "--wait", "--timeout", "0.1")
    assert isinstance(done.exception, TriptychError)
    assert done.exception.exit_code == 1
    assert "a.pdf has no record" in str(done.exception)


def test_put_without_wait_says_what_was_stored(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    done = run("put", tmp_path / "a.pdf", "--json")
    assert done.exit_code == 0
    [stored] = json.loads(done.stdout)
    assert stored["document"] == "inbox/a.pdf"
    assert stored["version_id"]


def test_put_stores_what_it_can_and_names_the_rest(stack: StackConnection, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-")

    def refuse(params: dict[str, str], **_: object) -> None:
        if params["url_path"].endswith("b.pdf"):
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "reduce your rate"}}, "PutObject")

    stack.session.events.register("before-call.s3.PutObject", refuse)
    try:
        done = run("put", tmp_path)
    finally:
        stack.session.events.unregister("before-call.s3.PutObject", refuse)
    assert isinstance(done.exception, TriptychError)
    assert "b.pdf could not be stored" in str(done.exception)
    assert [found["Key"] for found in stack.s3.list_objects_v2(Bucket="inbox")["Contents"]] == ["a.pdf", "c.pdf"]


def test_put_of_nothing_is_a_mistake_of_use(tmp_path: Path) -> None:
    done = run("put", tmp_path / "nowhere")
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2


def test_results_as_json_is_one_array(stack: StackConnection) -> None:
    assert json.loads(run("results", "--json").stdout) == []
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    [found] = json.loads(run("results", "--json").stdout)
    assert (found["key"], found["status"], found["label"]) == ("cv.pdf", "COMPLETE", "invoice")


@pytest.mark.parametrize("name", ["cv.pdf", "inbox/cv.pdf"])
def test_one_document_s_history_is_found_by_key_or_by_bucket_and_key(stack: StackConnection, name: str) -> None:
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    [found] = json.loads(run("results", name, "--json").stdout)
    assert found["document"] == "inbox/cv.pdf"


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--label", "invoice"], 1),
        (["--label", "receipt"], 0),
        (["--status", "complete"], 1),
        (["--status", "PARTIAL"], 0),
        (["--review"], 0),
        (["--since", "2026-11-22T11:00:00Z"], 1),
        (["--until", "2026-11-22T11:00:00Z"], 0),
    ],
)
def test_filters_are_the_table_s_own_questions(stack: StackConnection, filters: list[str], count: int) -> None:
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    assert len(json.loads(run("results", *filters, "--json").stdout)) == count


def test_the_table_shows_the_document_and_counts(stack: StackConnection) -> None:
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    shown = run("results").stdout
    assert "cv.pdf" in shown
    assert "1 unanimous" in shown


@pytest.mark.parametrize(
    "arguments", [["--label", "invoice", "--review"], ["cv.pdf", "--review"], ["--since", "yesterday"]]
)
def test_questions_that_cannot_be_answered_are_mistakes_of_use(arguments: list[str]) -> None:
    assert isinstance(run("results", *arguments).exception, UsageError)


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", timedelta(seconds=90)), ("15m", timedelta(minutes=15)), ("2d", timedelta(days=2))]
)
def test_a_time_can_be_how_long_ago(text: str, ago: timedelta) -> None:
    assert parse_time(text, now=NOON) == NOON - ago


def test_a_time_can_be_iso_with_its_zone() -> None:
    assert parse_time("2026-11-22T13:00:00+01:00", now=NOON) == NOON


@pytest.mark.parametrize("text", ["", "soon", "5y", "2026-13-01", "999999999d"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(UsageError):
        parse_time(text, now=NOON)


def test_a_session_that_has_expired_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expired = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "Log in again"}}, "Query")
    monkeypatch.setattr(BaseClient, "_make_api_call", Mock(side_effect=expired))
    for arguments in (["results"], ["review"], ["review", "--export", "-"]):
        monkeypatch.setattr(sys, "argv", ["triptych", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert "Log in again" in capsys.readouterr().err


def test_a_stack_that_is_none_of_ours_is_named(stack: StackConnection) -> None:
    with pytest.raises(StackUnavailable, match="cannot be looked up"):
        connection.connect_deployed("nowhere", stack.session)
    with pytest.raises(StackUnavailable, match="no Triptych stack"):
        connection.from_outputs("other", {"InboxBucketName": "x"}, stack.session)

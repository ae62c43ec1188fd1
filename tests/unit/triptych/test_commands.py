"""Protects: output and exit codes of the commands, which scripts rely on."""

import importlib.metadata
import json
import os
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


def test_put_names_a_document_without_a_record_at_the_timeout(stack: StackConnection, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    done = run("put", tmp_path / "a.pdf", "--wait", "--timeout", "0.1")
    assert isinstance(done.exception, TriptychError)
    assert done.exception.exit_code == 1
    assert "a.pdf has no record" in str(done.exception)


def test_put_without_wait_prints_what_was_stored(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    done = run("put", tmp_path / "a.pdf", "--json")
    assert done.exit_code == 0
    [stored] = json.loads(done.stdout)
    assert stored["document"] == "inbox/a.pdf"
    assert stored["version_id"]


def test_put_stores_what_it_can_and_names_the_failures(stack: StackConnection, tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-")

    def refuse(params: dict[str, str], **_: object) -> None:
        if params["url_path"].endswith("b.pdf"):
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "reduce your rate"}}, "PutObject")

    stack.s3.meta.events.register("before-call.s3.PutObject", refuse)
    try:
        done = run("put", tmp_path)
    finally:
        stack.s3.meta.events.unregister("before-call.s3.PutObject", refuse)
    assert isinstance(done.exception, TriptychError)
    assert "b.pdf could not be stored" in str(done.exception)
    assert [found["Key"] for found in stack.s3.list_objects_v2(Bucket="inbox")["Contents"]] == ["a.pdf", "c.pdf"]


def test_put_stores_the_other_files_of_a_folder_with_a_name_that_is_not_utf8(
    stack: StackConnection, tmp_path: Path
) -> None:
    for name in (b"a.pdf", b"Pr\xfcfung.pdf", b"z.pdf"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"%PDF-")
    done = run("put", tmp_path)
    assert done.stdout.splitlines() == ["stored inbox/a.pdf", "stored inbox/z.pdf"]
    assert isinstance(done.exception, TriptychError)
    assert done.exception.exit_code == 1
    assert "Pr\ufffdfung.pdf could not be stored: its name is not UTF-8" in str(done.exception)
    assert [found["Key"] for found in stack.s3.list_objects_v2(Bucket="inbox")["Contents"]] == ["a.pdf", "z.pdf"]


def test_control_characters_in_names_do_not_reach_the_terminal(stack: StackConnection, tmp_path: Path) -> None:
    (tmp_path / "\x1b[2J\nx\u202e.pdf").write_bytes(b"%PDF-")
    printed = run("put", tmp_path).stdout
    printed += str(run("put", tmp_path, "--wait", "--timeout", "0.1").exception)
    RecordTable(stack.table).save(record(AGREED, of=upload("\x1b[2J\nx\u202e.pdf", bucket="inbox")), replacing=None)
    printed += run("results").stdout
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert printed.count("␛[2J␊x\ufffd.pdf") == 3
    [found] = json.loads(run("results", "--json").stdout)
    assert found["key"] == "\x1b[2J\nx\u202e.pdf"


def test_errors_are_printed_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["triptych", "put", "no-such\x1b[31m\u202efile"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "no-such␛[31m\ufffdfile" in printed


def test_version_is_that_of_the_package() -> None:
    done = run("--version")
    assert done.exit_code == 0
    assert done.stdout == f"triptych {importlib.metadata.version('triptych')}\n"


@pytest.mark.parametrize("command", [(), *((command.name,) for command in app.registered_commands)])
def test_every_command_has_a_help_text(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.exit_code == 0
    assert "Usage: " in done.stdout


def test_put_of_a_missing_path_is_a_usage_error(tmp_path: Path) -> None:
    done = run("put", tmp_path / "nowhere")
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 2


def test_results_prints_a_json_array(stack: StackConnection) -> None:
    assert json.loads(run("results", "--json").stdout) == []
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    [found] = json.loads(run("results", "--json").stdout)
    assert (found["key"], found["status"], found["label"]) == ("cv.pdf", "COMPLETE", "invoice")


@pytest.mark.parametrize("name", ["cv.pdf", "inbox/cv.pdf"])
def test_results_finds_a_document_by_key_or_by_bucket_and_key(stack: StackConnection, name: str) -> None:
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
def test_results_can_be_filtered(stack: StackConnection, filters: list[str], count: int) -> None:
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    assert len(json.loads(run("results", *filters, "--json").stdout)) == count


def test_results_table_shows_documents_and_counts(stack: StackConnection) -> None:
    RecordTable(stack.table).save(record(AGREED, of=upload("cv.pdf", bucket="inbox")), replacing=None)
    shown = run("results").stdout
    assert "cv.pdf" in shown
    assert "1 unanimous" in shown


@pytest.mark.parametrize(
    "arguments", [["--label", "invoice", "--review"], ["cv.pdf", "--review"], ["--since", "yesterday"]]
)
def test_unsupported_filters_are_usage_errors(arguments: list[str]) -> None:
    assert isinstance(run("results", *arguments).exception, UsageError)


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", timedelta(seconds=90)), ("15m", timedelta(minutes=15)), ("2d", timedelta(days=2))]
)
def test_a_time_can_be_an_age(text: str, ago: timedelta) -> None:
    assert parse_time(text, now=NOON) == NOON - ago


def test_a_time_can_be_iso_with_an_offset() -> None:
    assert parse_time("2026-11-22T13:00:00+01:00", now=NOON) == NOON


@pytest.mark.parametrize("text", ["", "soon", "5y", "2026-13-01", "999999999d"])
def test_an_invalid_time_is_rejected(text: str) -> None:
    with pytest.raises(UsageError):
        parse_time(text, now=NOON)


def test_expired_credentials_end_a_command_with_a_message(
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


def test_an_unknown_or_foreign_stack_is_rejected(stack: StackConnection) -> None:
    with pytest.raises(StackUnavailable, match="Cannot look up"):
        connection.connect_deployed("nowhere", stack.session)
    with pytest.raises(StackUnavailable, match="not a Triptych stack"):
        connection.from_outputs("other", {"InboxBucketName": "x"}, stack.session)

"""Protects: the output of `triptych export` and `triptych sql`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from records.record import Agreement, Verdict
from records.table import RecordTable
from tests.support.uploads import prediction, record, upload
from triptych.cli import app
from triptych.errors import UsageError
from triptych.storage import connection
from triptych.storage.connection import StackConnection


@pytest.fixture(autouse=True)
def _found(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)
    for name, label in (("a.pdf", "invoice"), ("b.pdf", "invoice"), ("c.pdf", "receipt")):
        outcomes = {version: prediction(label) for version in ("v1", "v2", "v3")}
        verdict = Verdict(label, 0.94, Agreement.UNANIMOUS, ())
        stored = record(outcomes, of=upload(name, bucket="inbox"), verdict=verdict)
        RecordTable(stack.table).save(stored, replacing=None)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_exported_records_are_queried_with_sql(tmp_path: Path) -> None:
    assert run("export", tmp_path).stdout == f"exported 3 records to {tmp_path}\n"
    query = "select label, count(*) as documents, avg(confidence)::decimal(3, 2) as mean, max(day) as day"
    done = run("sql", f"{query} from records group by label order by label", tmp_path, "--json")
    assert json.loads(done.stdout) == [
        {"label": "invoice", "documents": 2, "mean": 0.94, "day": "2026-11-22"},
        {"label": "receipt", "documents": 1, "mean": 0.94, "day": "2026-11-22"},
    ]


def test_sql_prints_a_table_with_safe_text(tmp_path: Path) -> None:
    run("export", tmp_path)
    done = run(
        "sql",
        "select label, chr(27) || '[/b]' as text, null as \"[red]\" from records where label = 'receipt'",
        tmp_path,
    )
    assert done.exit_code == 0
    assert "receipt" in done.stdout
    assert "[red]" in done.stdout
    assert "␛[/b]" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--format", "xlsx")])
def test_invalid_options_are_rejected(tmp_path: Path, arguments: tuple[str, str]) -> None:
    done = run("export", tmp_path, *arguments)
    assert done.exit_code == 2 or isinstance(done.exception, UsageError)


@pytest.mark.parametrize("arguments", [("export",), ("export", "out", "--athena"), ("export", "--athena")])
def test_an_export_needs_a_folder_or_a_stack_with_analytics(arguments: tuple[str, ...]) -> None:
    assert isinstance(run(*arguments).exception, UsageError)


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = run("export", tmp_path)
    assert isinstance(done.exception, UsageError)
    assert "make analysis" in str(done.exception)

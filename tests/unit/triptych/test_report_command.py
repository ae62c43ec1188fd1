"""Protects: `triptych report` reads the table by queries alone, and prints the report for users and scripts."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from typer.testing import CliRunner, Result

from records.record import Record
from records.table import PolicyTable, RecordTable
from tests.support.evidence import LABELS, simulate_records
from tests.support.uploads import policy
from triptych.cli import app
from triptych.errors import TriptychError
from triptych.storage import connection
from triptych.storage.connection import StackConnection


@pytest.fixture(autouse=True)
def _found(stack: StackConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect", lambda _: stack)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False, env={"COLUMNS": "100"})


def fill(stack: StackConnection, documents: int = 120, labels: Sequence[str] = LABELS) -> Sequence[Record]:
    """Store simulated records of some weeks, including the labels."""
    simulated = simulate_records(
        documents, {"v1": 0.6, "v2": 0.7, "v3": 0.95}, per_day=20, audit_share=0.3, labels=labels
    )
    labelled = {record.upload.key: record for record in simulated.labelled(reviewed=1.0)}
    records = [labelled.get(record.upload.key, record) for record in simulated.records]
    table = RecordTable(stack.table)
    for record in records:
        table.save(record, replacing=None)
    return records


def test_report_prints_json_or_tables_that_start_with_the_advice(stack: StackConnection) -> None:
    records = fill(stack)
    PolicyTable(stack.table).add(policy(weights={"v1": 1.0}, champion="v1"))
    report = json.loads(run("--json").stdout)
    assert report["population"] == 120
    assert report["champion"] == "v1"
    assert report["policy"] == "p1"
    assert sum(report["labelled"].values()) == sum(record.review is not None for record in records)
    assert [version["name"] for version in report["versions"]] == ["v1", "v2", "v3"]
    assert report["advice"]["version"] == "v3"
    first = run().stdout.splitlines()[0]
    assert first.startswith("v3 is better than v1: +")
    assert "safe to promote" in first


def test_the_period_selects_documents_and_labels(stack: StackConnection) -> None:
    records = fill(stack, 30)
    since = sorted(record.upload.event_time for record in records)[15]
    report = json.loads(run("--json", "--since", since.isoformat()).stdout)
    assert report["population"] == 15
    assert report["since"] == since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert sum(report["labelled"].values()) == sum(
        r.review is not None and r.upload.event_time >= since for r in records
    )
    assert any("start of the period" in note for note in report["notes"])


def test_bounds_are_wider_if_the_sample_may_be_a_moving_window(stack: StackConnection) -> None:
    fill(stack)
    complete, limited = (json.loads(run("--json", *options).stdout) for options in ((), ("--sample", "120")))
    assert complete["population"] == limited["population"] == 120
    for pair, other in zip(complete["pairs"], limited["pairs"], strict=True):
        assert pair["difference"]["value"] == other["difference"]["value"]
        assert other["difference"]["high"] > pair["difference"]["high"]


def test_markup_and_control_characters_in_labels_are_printed_harmlessly(stack: StackConnection) -> None:
    fill(stack, 40, labels=("[/red]invoice", "\x1b[2J\u202eform"))
    printed = run().stdout
    assert "[/red]invoice" in printed
    assert "␛[2J\ufffdform" in printed
    assert "\x1b" not in printed


def test_report_of_an_empty_stack_succeeds(stack: StackConnection) -> None:
    done = run()
    assert done.exit_code == 0
    assert "No version has classified" in done.stdout


def test_report_never_scans_the_table(operations: list[str], stack: StackConnection) -> None:
    fill(stack, 5)
    operations.clear()
    run("--json")
    assert set(operations) == {"Query"}


def test_an_unavailable_table_ends_the_command_with_an_error(
    stack: StackConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(stack, table_name="no-such-table")
    monkeypatch.setattr(connection, "connect", lambda _: gone)
    done = CliRunner().invoke(app, ["report"])
    assert done.exit_code == 1
    assert isinstance(done.exception, TriptychError)

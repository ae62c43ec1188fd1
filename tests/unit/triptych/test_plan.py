"""Protects: what `triptych plan` prints, for people, for scripts, and in docs/scaling.md."""

import json
import re
import shlex

import pytest
from typer.testing import CliRunner, Result

from testkit.template import ROOT
from triptych.cli import app
from triptych.errors import UsageError

PAGE = ROOT / "docs" / "scaling.md"


def run(line: str, columns: int = 120) -> Result:
    return CliRunner().invoke(app, ["plan", *shlex.split(line)], env={"COLUMNS": str(columns), "NO_COLOR": "1"})


def test_a_person_sees_the_bill_the_limits_and_what_to_do() -> None:
    done = run("--rate 0.33/s --page-mb 1")
    assert done.exit_code == 0, done.output
    for said in (
        "867,240 documents of 1 MB a month",
        "Load balancer",
        "Together",
        "Fargate vCPUs running (On-Demand)",
        "at once",
        "→ Set MinModelTasks=2",
        "--network public",
        "us-east-1, prices of",
    ):
        assert said in done.stdout, said


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_command_to_paste_is_one_line_on_any_screen(columns: int) -> None:
    lines = run("--rate 1/s --peak 100/s", columns).stdout.splitlines()
    [pasted] = [line for line in lines if line.startswith("sam deploy")]
    told = json.loads(run("--rate 1/s --peak 100/s --json").stdout)["parameters"]
    words = shlex.split(pasted)
    assert words[:3] == ["sam", "deploy", "--parameter-overrides"]
    assert dict(word.split("=") for word in words[3:]) == told


def test_options_arrive() -> None:
    told = json.loads(
        run(
            "--rate 30/min --peak 10/s --page-mb 0.5 --pages 2 --arch arm64 --spot extra --network public "
            "--ingest queue --task-cpu 2048 --min-tasks 3 --keep-months 6 --page-ms 40 --utilisation 0.4 "
            "--quota fargate_vcpus=64 --json"
        ).stdout
    )
    assert told["workload"] == {
        "rate": "0.5/s",
        "rate_per_s": 0.5,
        "peak_per_s": 10,
        "documents_a_month": 1_314_000,
        "document_mb": 1,
        "pages": 2,
        "keep_months": 6,
    }
    assert told["capacity"]["vcpu_ms_per_document_and_version"] == 80
    assert told["capacity"]["documents_per_s_per_task"] == pytest.approx(2 / 0.08 * 0.4)
    assert told["parameters"] == {
        "ModelCpu": "2048",
        "ModelArchitecture": "ARM64",
        "OrchestratorArchitecture": "arm64",
        "MinModelTasks": "3",
        "MaxModelTasks": "5",
        "RequestsPerTask": "600",
        "ModelSpot": "extra",
        "Network": "public",
        "Ingest": "queue",
        "InboxConcurrency": "5",
    }
    [vcpus] = [limit for limit in told["limits"] if limit["id"] == "fargate_vcpus"]
    assert vcpus["value"] == 64


def test_several_rates_are_an_array_and_a_table_side_by_side() -> None:
    told = json.loads(run("--rate 1/s --rate 10/s --json").stdout)
    assert [plan["workload"]["rate_per_s"] for plan in told] == [1, 10]
    first = run("--rate 1/s --rate 10/s", columns=40).stdout.splitlines()[0]
    assert [cell.strip() for cell in first.strip("|").split("|")] == ["", "1/s", "10/s"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--rate fast", "'fast' is no rate"),
        ("--rate 1/s --peak 0.5/s", "below the rate"),
        ("--rate 1/s --task-cpu 333", "not 333"),
        ("--rate 1/s --page-mb 30", "rejected unread"),
        ("--rate 1/s --quota vcpus=3", "is no quota"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(line: str, said: str) -> None:
    done = run(line)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert done.exception.exit_code == 2


def test_no_rate_and_no_such_choice_are_told_by_the_command_line() -> None:
    assert run("").exit_code == 2
    assert run("--rate 1/s --arch sparc").exit_code == 2


def test_the_page_shows_what_the_command_prints() -> None:
    """Each block after a `<!-- triptych plan … -->` is what that command says. To renew it, paste what is printed."""
    shown = re.findall(r"<!-- triptych plan (.*?) -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert len(shown) >= 2
    for line, block in shown:
        block = re.sub(r"^```\w*\n|\n```$", "", block.strip())
        printed = "\n".join(text.rstrip() for text in run(line, columns=110).stdout.strip().splitlines())
        assert block == printed, f"docs/scaling.md shows something else than: triptych plan {line}"


def test_the_pages_other_figures_are_computed_too() -> None:
    """The table of shares: when 99 of 100 documents have their three answers."""
    page = PAGE.read_text()
    [shares] = re.findall(r"^ *\| share \S+ \| (.*) \|$", page, re.MULTILINE)
    [within] = re.findall(r"^ *\| within, ms \| (.*) \|$", page, re.MULTILINE)
    for share, told in zip(shares.split(" | "), within.split(" | "), strict=True):
        options = f"--utilisation {share} --min-tasks 1 --json"
        full = json.loads(run(f"--rate 1/s {options}").stdout)["capacity"]["documents_per_s_per_task"]
        capacity = json.loads(run(f"--rate {full:.9f}/s {options}").stdout)["capacity"]
        assert f"{capacity['answers_p99_ms']:,.0f}" == told, share


def test_the_page_has_the_limits_in_order_and_at_their_rates() -> None:
    told = re.findall(r"^\| (at once|[\d,]+/s) \| \*\*", PAGE.read_text(), re.MULTILINE)
    rates = [0.0 if rate == "at once" else float(rate.removesuffix("/s").replace(",", "")) for rate in told]
    assert rates == sorted(rates)
    limits = json.loads(run("--rate 1/s --json").stdout)["limits"]
    met = {round(limit["met_at_per_s"]) for limit in limits if limit["met_at_per_s"] is not None}
    queue = json.loads(run("--rate 1/s --ingest queue --json").stdout)["capacity"]["handler_ms"]
    assert set(rates) - met == {round(1000 / 1.5 / (queue / 1000))}

"""Protects: the output of `triptych plan` in the terminal, as JSON, and in docs/scaling.md."""

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


def test_it_prints_the_bill_the_limits_and_recommendations() -> None:
    done = run("--rate 0.33/s --page-mb 1")
    assert done.exit_code == 0, done.output
    for text in (
        "867,240 documents of 1 MB per month",
        "Load balancer",
        "Total",
        "Fargate vCPUs running (On-Demand)",
        "immediately",
        "→ Set MinModelTasks=2",
        "--network public",
        "us-east-1, prices from",
    ):
        assert text in done.stdout, text


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_the_command_to_copy_is_one_line_at_any_width(columns: int) -> None:
    lines = run("--rate 1/s --peak 100/s", columns).stdout.splitlines()
    [command] = [line for line in lines if line.startswith("sam deploy")]
    content = json.loads(run("--rate 1/s --peak 100/s --json").stdout)["parameters"]
    words = shlex.split(command)
    assert words[:3] == ["sam", "deploy", "--parameter-overrides"]
    assert dict(word.split("=") for word in words[3:]) == content


def test_hosting_takes_effect_and_all_are_compared() -> None:
    content = json.loads(run("--rate 40/d --hosting lambda --json").stdout)
    assert content["parameters"]["ModelHosting"] == "lambda"
    assert content["usd_a_month"]["idle"] < 10
    assert content["usd_a_month"]["total"] < 12
    assert [each["hosting"] for each in content["hostings"]] == ["lambda", "single", "fargate"]


def test_every_option_takes_effect() -> None:
    content = json.loads(
        run(
            "--rate 30/min --peak 10/s --page-mb 0.5 --pages 2 --arch arm64 --spot extra --network public "
            "--ingest queue --task-cpu 2048 --min-tasks 3 --keep-months 6 --page-ms 40 --utilisation 0.4 "
            "--quota fargate_vcpus=64 --json"
        ).stdout
    )
    assert content["workload"] == {
        "rate": "0.5/s",
        "rate_per_s": 0.5,
        "peak_per_s": 10,
        "documents_a_month": 1_314_000,
        "document_mb": 1,
        "pages": 2,
        "keep_months": 6,
    }
    assert content["capacity"]["vcpu_ms_per_document_and_version"] == 80
    assert content["capacity"]["documents_per_s_per_task"] == pytest.approx(2 / 0.08 * 0.4)
    assert content["parameters"] == {
        "ModelHosting": "fargate",
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
    [vcpus] = [limit for limit in content["limits"] if limit["id"] == "fargate_vcpus"]
    assert vcpus["value"] == 64


def test_addresses_change_bill_limits_and_command() -> None:
    content = json.loads(run("--rate 10/s --transfer address --json").stdout)
    assert content["parameters"]["DocumentTransfer"] == "address"
    assert content["usd_a_month"]["by_service"]["Load balancer"] < 20
    assert [limit["demand"] for limit in content["limits"] if limit["id"] == "s3_get"] == [30]
    screen = run("--rate 10/s --transfer address").stdout
    assert "DocumentTransfer=address" in next(line for line in screen.splitlines() if line.startswith("sam deploy"))


def test_several_rates_are_an_array_and_a_comparison() -> None:
    content = json.loads(run("--rate 1/s --rate 10/s --json").stdout)
    assert [plan["workload"]["rate_per_s"] for plan in content] == [1, 10]
    first = run("--rate 1/s --rate 10/s", columns=40).stdout.splitlines()[0]
    assert [cell.strip() for cell in first.strip("|").split("|")] == ["", "1/s", "10/s"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--rate fast", "invalid rate 'fast'"),
        ("--rate 1/s --peak 0.5/s", "must not be below"),
        ("--rate 1/s --task-cpu 333", "not 333"),
        ("--rate 1/s --page-mb 30", "rejected unread"),
        ("--rate 1/s --quota vcpus=3", "invalid quota"),
    ],
)
def test_invalid_input_is_rejected_with_a_message(line: str, message: str) -> None:
    done = run(line)
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2


def test_missing_and_invalid_options_are_usage_errors() -> None:
    assert run("").exit_code == 2
    assert run("--rate 1/s --arch sparc").exit_code == 2


def test_the_page_shows_what_the_command_prints() -> None:
    """Each block after `<!-- triptych plan … -->` is the output of that command. To update it, paste the output."""
    shown = re.findall(r"<!-- triptych plan (.*?) -->\n(.*?)\n<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert len(shown) >= 2
    for line, block in shown:
        block = re.sub(r"^```\w*\n|\n```$", "", block.strip())
        printed = "\n".join(text.rstrip() for text in run(line, columns=110).stdout.strip().splitlines())
        assert block == printed, f"docs/scaling.md differs from the output of: triptych plan {line}"


def test_the_page_shows_the_computed_latencies() -> None:
    """The table of utilisations: p99 of the time until all three versions have answered."""
    page = PAGE.read_text()
    [utilisations] = re.findall(r"^ *\| utilisation \S+ \| (.*) \|$", page, re.MULTILINE)
    [latencies] = re.findall(r"^ *\| p99, ms \| (.*) \|$", page, re.MULTILINE)
    for utilisation, shown in zip(utilisations.split(" | "), latencies.split(" | "), strict=True):
        options = f"--utilisation {utilisation} --min-tasks 1 --json"
        full = json.loads(run(f"--rate 1/s {options}").stdout)["capacity"]["documents_per_s_per_task"]
        capacity = json.loads(run(f"--rate {full:.9f}/s {options}").stdout)["capacity"]
        assert f"{capacity['answers_p99_ms']:,.0f}" == shown, utilisation


def test_the_page_lists_the_limits_in_order_with_their_rates() -> None:
    content = re.findall(r"^\| (immediately|[\d,]+/s) \| \*\*", PAGE.read_text(), re.MULTILINE)
    rates = [0.0 if rate == "immediately" else float(rate.removesuffix("/s").replace(",", "")) for rate in content]
    assert rates == sorted(rates)
    limits = json.loads(run("--rate 1/s --json").stdout)["limits"]
    met = {round(limit["met_at_per_s"]) for limit in limits if limit["met_at_per_s"] is not None}
    queue = json.loads(run("--rate 1/s --ingest queue --json").stdout)["capacity"]["handler_ms"]
    assert set(rates) - met == {round(1000 / 1.5 / (queue / 1000))}

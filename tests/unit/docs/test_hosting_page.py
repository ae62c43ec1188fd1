"""Protects: docs/hosting.md prints the costs of each hosting that the plan computes."""

import json

import pytest
from typer.testing import CliRunner

from testkit.template import ROOT
from triptych.cli import app

RATES = ("40/d", "1000/h", "10/s", "1000/s")


@pytest.mark.parametrize(
    ("row_name", "options"),
    [
        ("`ModelHosting=fargate`", ["--hosting", "fargate"]),
        ("`ModelHosting=single`", ["--hosting", "single"]),
        ("`ModelHosting=lambda`", ["--hosting", "lambda"]),
        (
            "`ModelHosting=fargate` with `DocumentTransfer=address`",
            ["--hosting", "fargate", "--transfer", "address"],
        ),
        ("`ModelHosting=single` with `DocumentTransfer=address`", ["--hosting", "single", "--transfer", "address"]),
    ],
)
def test_page_prints_the_costs_of_the_stack(row_name: str, options: list[str]) -> None:
    rates = [part for rate in RATES for part in ("--rate", rate)]
    result = CliRunner().invoke(app, ["plan", *rates, *options, "--json"])
    totals = [plan["usd_a_month"]["total"] for plan in json.loads(result.stdout)]
    page = (ROOT / "docs" / "hosting.md").read_text()
    [row] = [line for line in page.splitlines() if line.startswith(f"| {row_name} |")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        f"{usd:,.2f}" if usd < 100 else f"{usd:,.0f}" for usd in totals
    ]

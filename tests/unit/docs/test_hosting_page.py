"""Protects: docs/hosting.md prints the costs of each hosting that the plan computes."""

import json

import pytest
from typer.testing import CliRunner

from testkit.template import ROOT
from triptych.cli import app

RATES = ("40/d", "1000/h", "10/s", "1000/s")


@pytest.mark.parametrize("hosting", ["fargate", "single", "lambda"])
def test_page_prints_the_costs_of_the_stack(hosting: str) -> None:
    rates = [part for rate in RATES for part in ("--rate", rate)]
    result = CliRunner().invoke(app, ["plan", *rates, "--hosting", hosting, "--json"])
    totals = [plan["usd_a_month"]["total"] for plan in json.loads(result.stdout)]
    page = (ROOT / "docs" / "hosting.md").read_text()
    [row] = [line for line in page.splitlines() if line.startswith(f"| `ModelHosting={hosting}` |")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        f"{usd:,.2f}" if usd < 100 else f"{usd:,.0f}" for usd in totals
    ]

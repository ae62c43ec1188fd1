"""Protects: the costs of other hosting options are computed from the prices of the plan; docs/hosting.md has them."""

import re
import subprocess
import sys

import pytest

from testkit.template import ROOT
from triptych.plan.reference import PRICES


@pytest.fixture(scope="module")
def costs() -> dict[str, list[str]]:
    """The printed costs by template, for the default rates."""
    command = [sys.executable, "-m", "benchmarks.hosting.costs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [re.findall(r"[^│\s]+", line) for line in done.stdout.splitlines() if "hosting/" in line]
    return {name: figures for name, *figures in rows}


def test_costs_are_those_of_the_prices(costs: dict[str, list[str]]) -> None:
    instance = PRICES["ec2.c7i_large"].usd * 730 + PRICES["ebs.gp3"].usd * 16
    assert float(costs["hosting/ec2.yaml"][0]) == round(instance, 2)
    variants = 3 * PRICES["sagemaker.ml_c7i_large"].usd * 730
    assert float(costs["hosting/sagemaker.yaml"][0]) == round(variants)


def test_page_prints_the_costs(costs: dict[str, list[str]]) -> None:
    assert set(costs) == {f"hosting/{path.name}" for path in (ROOT / "hosting").glob("*.yaml")}
    page = (ROOT / "docs" / "hosting.md").read_text()
    for name, figures in costs.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`") and line.endswith("|"))
        assert [cell.strip() for cell in row.split("|")[2:-1]] == figures

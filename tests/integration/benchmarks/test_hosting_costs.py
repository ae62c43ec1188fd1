"""Protects: the costs of other homes are computed from the prices of the plan."""

import subprocess
import sys

from testkit.template import ROOT
from triptych.plan.reference import PRICES


def test_costs_of_each_home_are_printed() -> None:
    command = [sys.executable, "-m", "benchmarks.hosting.costs", "--rate", "40/d", "10/s"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = {words[1]: words[3::2] for line in done.stdout.splitlines() if len(words := line.split()) > 4}
    assert {f"hosting/{name}.yaml" for name in ("ec2", "express", "lambda", "sagemaker")} <= rows.keys()
    instance = PRICES["ec2.c7i_large"].usd * 730 + PRICES["ebs.gp3"].usd * 16
    assert float(rows["hosting/ec2.yaml"][0]) == round(instance, 2)
    variants = 3 * PRICES["sagemaker.ml_c7i_large"].usd * 730
    assert float(rows["hosting/sagemaker.yaml"][0]) == round(variants)

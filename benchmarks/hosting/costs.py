"""Monthly cost of the three versions with the templates of hosting/: `python -m benchmarks.hosting.costs`.

Only the model service is counted; `triptych plan` computes the whole stack with each value of ModelHosting. Prices, the
measured time per document and the planned utilisation are those of the plan.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.table import Table

from testkit.reports import report_console
from triptych.plan import measurements
from triptych.plan.rates import per_second
from triptych.plan.reference import HOURS_PER_MONTH, PRICES
from triptych.plan.rollout import VERSIONS
from triptych.plan.workload import Workload

RATES: Final = ("40/d", "1000/h", "10/s", "1000/s")
UTILISATION: Final = 0.5
"""Planned share of the capacity of an instance, as in `triptych plan`."""

_INSTANCE_VCPUS: Final = 2
"""vCPUs of a c7i.large and of an ml.c7i.large."""
_DISK_GB: Final = 16
"""Size of the volume in hosting/ec2.yaml."""
_METERED_MB: Final = 0.512 * 1.024
"""Unit in which HTTP APIs meter requests: 512 KB."""
_FUNCTION_GB: Final = 1769 / 1024
"""Memory of the function in hosting/lambda.yaml, which is one vCPU."""
_EXPRESS_GB: Final = 3
"""Memory of a task in hosting/express.yaml, with one vCPU."""


def units(vcpu_seconds: float, vcpus: float) -> int:
    """Return how many instances or tasks of `vcpus` carry a load of `vcpu_seconds` per second, at least one."""
    return max(1, math.ceil(vcpu_seconds / (vcpus * UTILISATION) - 1e-9))


def ec2(workload: Workload) -> float:
    """Return the cost of instances that serve all versions each, behind nothing."""
    count = units(VERSIONS * workload.rate * workload.document_vcpu_s, _INSTANCE_VCPUS)
    each = PRICES["ec2.c7i_large"].usd * HOURS_PER_MONTH + PRICES["ebs.gp3"].usd * _DISK_GB
    return count * each


def sagemaker(workload: Workload) -> float:
    """Return the cost of an endpoint with a production variant for each version."""
    count = units(workload.rate * workload.document_vcpu_s, _INSTANCE_VCPUS)
    return VERSIONS * count * PRICES["sagemaker.ml_c7i_large"].usd * HOURS_PER_MONTH


def express(workload: Workload) -> float:
    """Return the cost of tasks that serve all versions each, behind the load balancer of ECS Express Mode."""
    count = units(VERSIONS * workload.rate * workload.document_vcpu_s, 1)
    task = PRICES["fargate.x86_64.vcpu"].usd + _EXPRESS_GB * PRICES["fargate.x86_64.gb"].usd
    megabytes = VERSIONS * workload.rate * workload.document_mb
    units_of_balancer = max(1.0, megabytes * 3600 / 1000)  # an LCU is a gigabyte per hour
    balancer = PRICES["alb.hour"].usd + units_of_balancer * PRICES["alb.lcu"].usd
    return (count * task + balancer) * HOURS_PER_MONTH


def http_api(workload: Workload) -> float:
    """Return the cost of a Lambda function behind an HTTP API, without cold starts."""
    requests = VERSIONS * workload.documents_per_month
    metered = requests * math.ceil(workload.document_mb / _METERED_MB)
    seconds = requests * workload.document_vcpu_s
    return (
        PRICES["apigateway.http"].cost_of(metered)
        + PRICES["lambda.request"].cost_of(requests)
        + PRICES["lambda.x86_64.gb_s"].cost_of(seconds * _FUNCTION_GB)
    )


HOSTING_OPTIONS: Final[Mapping[str, Callable[[Workload], float]]] = {
    "hosting/lambda.yaml": http_api,
    "hosting/ec2.yaml": ec2,
    "hosting/express.yaml": express,
    "hosting/sagemaker.yaml": sagemaker,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosting.costs", description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", nargs="+", default=list(RATES), help=f"documents per time (default: {RATES})")
    parser.add_argument("--page-mb", type=float, default=1.0, help="megabytes per document (default: 1)")
    options = parser.parse_args(arguments)
    rates = [per_second(text) for text in options.rate]
    table = Table(title=f"USD a month for three versions; times measured on {measurements.MEASURED_ON}")
    table.add_column("hosting")
    for text in options.rate:
        table.add_column(text, justify="right")
    for name, cost in HOSTING_OPTIONS.items():
        costs = (cost(Workload(rate, rate, page_mb=options.page_mb)) for rate in rates)
        table.add_row(name, *(f"{usd:,.2f}" if usd < 100 else f"{usd:,.0f}" for usd in costs))
    report_console().print(table)


if __name__ == "__main__":
    main()

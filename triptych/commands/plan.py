"""`triptych plan`: what a rate costs a month on AWS, and which quota it meets first."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from triptych.commands.options import Json
from triptych.errors import UsageError
from triptych.plan import template
from triptych.plan.planning import Plan, fitting_cpu
from triptych.plan.planning import plan as plan_for
from triptych.plan.prices import REGION, priced_on
from triptych.plan.quotas import granted
from triptych.plan.units import per_second
from triptych.plan.workload import Arch, Ingest, Network, Setup, Spot, Workload
from triptych.terminal import plan_tables


def plan(
    rate: Annotated[
        list[str], typer.Option(help="Documents over time: 0.33/s, 20/min, 50k/d, 2M/month. Several: side by side.")
    ],
    page_mb: Annotated[float, typer.Option(help="Millions of bytes of a page.")] = 1.0,
    pages: Annotated[int, typer.Option(help="Pages of a document.")] = 1,
    peak: Annotated[str | None, typer.Option(help="The rate of the busiest minutes. Without it: as the rate.")] = None,
    arch: Annotated[Arch, typer.Option(help="Processor of tasks and handler.")] = Arch.X86_64,
    spot: Annotated[Spot, typer.Option(help="Which tasks run on Spot (ModelSpot).")] = Spot.NONE,
    network: Annotated[Network, typer.Option(help="Private subnets with endpoints, or public ones.")] = Network.PRIVATE,
    ingest: Annotated[Ingest | None, typer.Option(help="How uploads come in.", show_default="what suits")] = None,
    task_cpu: Annotated[int | None, typer.Option(help="ModelCpu: 1024 is one vCPU.", show_default="what suits")] = None,
    min_tasks: Annotated[int, typer.Option(help="Tasks that each version always runs.")] = 2,
    keep_months: Annotated[float, typer.Option(help="Months that documents and records are kept.")] = 1.0,
    page_ms: Annotated[
        float | None, typer.Option(help="Milliseconds of one vCPU for a page of yours.", show_default="measured")
    ] = None,
    quota: Annotated[
        list[str] | None, typer.Option(help="What your account has: fargate_vcpus=4000. As often as needed.")
    ] = None,
    utilisation: Annotated[float, typer.Option(help="Share of a task's capacity to plan with.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Say what a rate of documents costs a month on AWS, which quota it meets first, and what to deploy with.

    Nothing is asked of AWS: prices and quotas are dated tables, service times are measured (docs/scaling.md).
    With --json: an object; an array where --rate is given several times.
    """
    plans = []
    try:
        given = granted(quota or ())
        for text in rate:
            average = per_second(text)
            busiest = per_second(peak) if peak else average
            work = Workload(average, busiest, page_mb, pages, keep_months, page_ms)
            setup = Setup(task_cpu or template.USUAL_CPU, arch, network, spot, min_tasks, utilisation)
            setup = setup if task_cpu else setup.but(task_cpu=fitting_cpu(work, setup))
            plans.append(plan_for(work, setup, ingest, given))
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    if as_json:
        found = [plan.as_dict() for plan in plans]
        typer.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))
    else:
        _print(plans)


def _print(plans: list[Plan]) -> None:
    console = Console(highlight=False)
    if len(plans) > 1:
        typer.echo(plan_tables.markdown(plans))
        return
    for part in plan_tables.screen(plans[0]):
        console.print(part, soft_wrap=isinstance(part, Text))
    oldest, newest = priced_on()
    console.print(
        f"{REGION}, prices of {oldest} to {newest}, without free tiers and taxes.", style="dim", soft_wrap=True
    )

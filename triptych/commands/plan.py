"""`triptych plan`: estimate the monthly cost of a rate on AWS and the quota that it reaches first."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from triptych.commands.options import JsonOption
from triptych.errors import UsageError
from triptych.plan import rollout
from triptych.plan.estimate import Plan, fitting_cpu, make_plan
from triptych.plan.rates import per_second
from triptych.plan.reference import REGION, parse_quotas, price_dates
from triptych.plan.workload import Arch, Hosting, Ingest, NetworkMode, Setup, Spot, Transfer, Workload
from triptych.terminal import plan_tables


def plan(
    rate: Annotated[
        list[str], typer.Option(help="Documents per time: 0.33/s, 20/min, 50k/d, 2M/month. Repeat it to compare rates.")
    ],
    page_mb: Annotated[float, typer.Option(help="Megabytes per page.")] = 1.0,
    pages: Annotated[int, typer.Option(help="Pages per document.")] = 1,
    peak: Annotated[str | None, typer.Option(help="Rate in the busiest minutes.", show_default="the rate")] = None,
    hosting: Annotated[Hosting, typer.Option(help="Where the versions run (ModelHosting).")] = Hosting.FARGATE,
    transfer: Annotated[
        Transfer, typer.Option(help="What a request to a service contains (DocumentTransfer).")
    ] = Transfer.CONTENT,
    arch: Annotated[Arch, typer.Option(help="Processor architecture.")] = Arch.X86_64,
    spot: Annotated[Spot, typer.Option(help="Tasks that run on Spot (ModelSpot).")] = Spot.NONE,
    network: Annotated[
        NetworkMode, typer.Option(help="Private subnets with endpoints, or public subnets.")
    ] = NetworkMode.PRIVATE,
    ingest: Annotated[Ingest | None, typer.Option(help="Ingest mode.", show_default="recommended")] = None,
    task_cpu: Annotated[
        int | None, typer.Option(help="ModelCpu: 1024 is one vCPU.", show_default="recommended")
    ] = None,
    min_tasks: Annotated[int, typer.Option(help="Minimum tasks per version.")] = 2,
    converter_tasks: Annotated[
        int, typer.Option(help="Tasks of the converter of office documents, mail and archives (OfficeFormats).")
    ] = 0,
    events: Annotated[
        bool, typer.Option("--events", help="Each change of a record becomes an event (Results=events).")
    ] = False,
    analytics: Annotated[
        bool, typer.Option("--analytics", help="Each change of a record becomes a row for Athena (Analytics=events).")
    ] = False,
    snap_start: Annotated[
        bool, typer.Option("--snap-start", help="The orchestrator starts from snapshots (SnapStart=orchestrator).")
    ] = False,
    keep_months: Annotated[float, typer.Option(help="Retention of documents and records in months.")] = 1.0,
    page_ms: Annotated[
        float | None,
        typer.Option(help="Milliseconds of one vCPU per page, as measured on your pages.", show_default="measured"),
    ] = None,
    quota: Annotated[
        list[str] | None, typer.Option(help="Quota of your account, as in fargate_vcpus=4000. Repeatable.")
    ] = None,
    utilisation: Annotated[float, typer.Option(help="Planned share of a task's capacity.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Estimate the monthly cost of a rate on AWS, the quota that it reaches first, and the parameters to deploy with.

    Calls no AWS API: prices and quotas come from a dated table, service times are measured (docs/scaling.md).
    --json prints an object, or an array if --rate is repeated.
    """
    plans = []
    try:
        quotas = parse_quotas(quota or ())
        for text in rate:
            average = per_second(text)
            work = Workload(average, per_second(peak) if peak else average, page_mb, pages, keep_months, page_ms)
            setup = Setup(
                task_cpu or rollout.DEFAULT_CPU,
                arch,
                network,
                spot,
                min_tasks,
                utilisation,
                converter_tasks,
                events,
                analytics,
                hosting,
                snap_start,
                transfer,
            )
            setup = setup if task_cpu else setup.changed(task_cpu=fitting_cpu(work, setup))
            plans.append(make_plan(work, setup, ingest, quotas))
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    if as_json:
        content = [plan.as_dict() for plan in plans]
        typer.echo(json.dumps(content[0] if len(content) == 1 else content, indent=2, ensure_ascii=False))
    else:
        _print(plans)


def _print(plans: list[Plan]) -> None:
    console = Console(highlight=False)
    if len(plans) > 1:
        typer.echo(plan_tables.markdown(plans))
        return
    for part in plan_tables.screen(plans[0]):
        console.print(part, soft_wrap=isinstance(part, Text))
    oldest, newest = price_dates()
    console.print(
        f"{REGION}, prices from {oldest} to {newest}, excluding free tiers and taxes.", style="dim", soft_wrap=True
    )

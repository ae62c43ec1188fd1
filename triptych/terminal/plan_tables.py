"""Plans as tables: one plan for the terminal, several in comparison as Markdown."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from triptych.plan import costs
from triptych.plan.estimate import Plan
from triptych.plan.limits import Limit
from triptych.plan.rates import format_rate
from triptych.plan.workload import Hosting

_LIMITS_SHOWN = 8
"""The remaining limits are in --json."""
_NO_WRAP_WIDTH = 1000
"""Width in columns at which no table wraps."""
_MIN_SAVING_USD = 0.5
"""Monthly savings below this are not shown."""


def screen(plan: Plan) -> Iterator[RenderableType]:
    """Yield the parts of one plan for the terminal. Texts must not be wrapped: one of them is a command to copy."""
    yield _title(plan)
    yield _bill(plan)
    yield _limits(plan.limits)
    yield _hostings(plan)
    yield from _advice(plan)
    yield from _cheaper(plan)


def markdown(plans: Sequence[Plan]) -> str:
    """Return two Markdown tables with a column per plan: the bill, and the demand for each limit."""
    return f"{_as_text(_bill_comparison(plans))}\n\n{_as_text(_limit_comparison(plans))}"


def _as_text(table: Table) -> str:
    console = Console(width=_NO_WRAP_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())


def _bill_comparison(plans: Sequence[Plan]) -> Table:
    bills = [costs.by_service(plan.items) for plan in plans]
    table = _columns("", plans)
    table.add_row(
        "documents per month", *(f"{_round(plan.workload.documents_per_month / 1e6)} million" for plan in plans)
    )
    table.add_row("tasks per version", *map(_tasks, plans))
    table.add_row("ingest", *(plan.ingest for plan in plans))
    table.add_row(
        "concurrent executions", *(_round(plan.capacity.concurrent_executions(plan.workload.peak)) for plan in plans)
    )
    for service in dict.fromkeys(service for bill in bills for service in bill):
        table.add_row(service, *(dollars(bill[service]) if service in bill else "" for bill in bills))
    table.add_row("**per month**", *(f"**{dollars(plan.usd)}**" for plan in plans))
    table.add_row("idle", *(dollars(plan.idle_usd) for plan in plans))
    table.add_row("1,000 documents", *(dollars(plan.usd / plan.workload.documents_per_month * 1000) for plan in plans))
    table.add_row("each further month of retention", *(dollars(plan.storage_growth_usd) for plan in plans))
    return table


def _tasks(plan: Plan) -> str:
    return f"{plan.capacity.tasks} of {plan.setup.vcpus:g} vCPU" if plan.setup.services else "none"


def _limit_comparison(plans: Sequence[Plan]) -> Table:
    """Return a row for every limit that some rate reaches, in that order; demand above the limit is bold."""
    table = _columns("demand", plans)
    table.add_column("available", no_wrap=True)
    by_id = [{limit.id: limit for limit in plan.limits} for plan in plans]
    named = {limit.id: limit for plan in plans for limit in plan.limits if limit.reached_at is not None}
    for limit in sorted(named.values(), key=lambda limit: limit.reached_at or 0):
        cells = [_demand(limits[limit.id]) if limit.id in limits else "" for limits in by_id]
        table.add_row(limit.quota.name, *cells, f"{limit.value:,.0f} {limit.quota.unit}")
    return table


def _demand(limit: Limit) -> str:
    return f"**{_round(limit.demand)}**" if limit.demand > limit.value else _round(limit.demand)


def _columns(first: str, plans: Sequence[Plan]) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(first, no_wrap=True)
    for plan in plans:
        table.add_column(format_rate(plan.workload.rate), justify="right", no_wrap=True)
    return table


def _title(plan: Plan) -> Text:
    work, size = plan.workload, plan.capacity
    peak = f", peak {format_rate(work.peak)}" if work.peak > work.rate else ""
    text = Text()
    text.append(f"{format_rate(work.rate)}{peak}", style="bold")
    text.append(f" · {work.documents_per_month:,.0f} documents of {work.document_mb:g} MB per month\n")
    text.append(_places(plan), style="bold")
    text.append(f", {size.peak_tasks} at peak" if size.peak_tasks > size.tasks else "")
    text.append(
        (f" · {size.per_task:.3g}/s per task at {plan.setup.utilisation:.0%}" if size.tasks else "")
        + f" · three answers in {size.answers_p99_s * 1000:,.0f} ms (p99)"
        f" · {_round(size.concurrent_executions(work.peak))} concurrent executions\n"
    )
    return text


def _places(plan: Plan) -> str:
    """Return where versions run, such as `2 tasks of 1 vCPU per version`."""
    if plan.setup.hosting is Hosting.LAMBDA:
        return f"a function of {plan.setup.function_gb:.2g} GB per version"
    tasks = "1 task" if plan.capacity.tasks == 1 else f"{plan.capacity.tasks} tasks"
    owner = "for all versions" if plan.setup.hosting is Hosting.SINGLE else "per version"
    return f"{tasks} of {plan.setup.vcpus:g} vCPU {owner}"


def _bill(plan: Plan) -> Table:
    table = _table("Per month", "", "USD", right={2})
    for service, usd in costs.by_service(plan.items).items():
        parts = [f"{item.what} {dollars(item.usd)}" for item in plan.items if item.service == service]
        table.add_row(service, Text(" · ".join(parts), style="dim"), dollars(usd))
    table.add_section()
    growth = f"idle {dollars(plan.idle_usd)} · each further month of retention + {dollars(plan.storage_growth_usd)}"
    each = dollars(plan.usd / plan.workload.documents_per_month * 1000)
    table.add_row(
        Text("Total", style="bold"), f"{growth} · 1,000 documents {each}", Text(dollars(plan.usd), style="bold")
    )
    return table


_PLACES = {
    Hosting.FARGATE: "a service for each version",
    Hosting.SINGLE: "one service for all versions",
    Hosting.LAMBDA: "a Lambda function for each version",
}
"""Description of each value of ModelHosting."""


def _hostings(plan: Plan) -> Table:
    table = _table("ModelHosting", "", "USD", "idle", "functions are cheaper", right={2, 3})
    for cost in plan.hostings:
        rate = plan.break_even.get(cost.hosting)
        until = "" if cost.hosting is Hosting.LAMBDA else f"up to {format_rate(rate)}" if rate else "at every rate"
        name = Text(cost.hosting, style="bold" if cost.hosting is plan.setup.hosting else "")
        table.add_row(name, Text(_PLACES[cost.hosting], style="dim"), dollars(cost.usd), dollars(cost.idle_usd), until)
    return table


def _limits(limits: Sequence[Limit]) -> Table:
    table = _table("Limit, in the order reached", "demand", "of", "", "headroom", "reached at", right={1, 2, 4, 5})
    for limit in [limit for limit in limits if limit.reached_at is not None][:_LIMITS_SHOWN]:
        style = "red" if limit.demand > limit.value else "yellow" if limit.tight else ""
        name = Text.assemble((limit.quota.name, style), (f"  {limit.id}", "dim"))
        headroom = f"{_round(limit.headroom)} times" if limit.demand else ""
        table.add_row(name, _round(limit.demand), f"{limit.value:,.0f}", limit.quota.unit, headroom, _reached(limit))
    return table


def _reached(limit: Limit) -> str:
    if limit.reached_at is None:
        return "never"
    return f"{_round(limit.reached_at)}/s" if limit.reached_at else "immediately"


def _round(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def _advice(plan: Plan) -> Iterator[RenderableType]:
    yield from (Text(f"→ {sentence}") for sentence in (*plan.advice.sentences, plan.hosting_advice))
    yield from (Text(f"! {warning}", style="yellow") for warning in plan.advice.warnings)
    overrides = " ".join(f"{name}={value}" for name, value in plan.parameters.items())
    yield Text(f"\nsam deploy --parameter-overrides {overrides}\n", style="bold")


def _cheaper(plan: Plan) -> Iterator[RenderableType]:
    alternatives = sorted(
        (saving for saving in plan.savings if saving[1] >= _MIN_SAVING_USD), key=lambda saving: -saving[1]
    )
    if alternatives:
        table = _table("Cheaper setup", "saves", "drawback", right={1})
        for change, usd, drawback in alternatives:
            table.add_row(change, dollars(usd), Text(drawback, style="dim"))
        yield table


def _table(*names: str, right: set[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column, name in enumerate(names):
        table.add_column(name, justify="right" if column in right else "left", no_wrap=column in right)
    return table


def dollars(usd: float) -> str:
    """Format dollars, with cents only below 100."""
    if usd >= 100:
        return f"${usd:,.0f}"
    return f"${usd:.2f}" if usd >= 0.1 or not usd else f"${usd:.2g}"

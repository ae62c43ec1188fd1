"""Plans as tables: one for a person's screen, several side by side as Markdown."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from triptych.plan import costs
from triptych.plan.headroom import Limit
from triptych.plan.planning import Plan
from triptych.plan.units import rate_text

_SHOWN = 8
"""Limits shown; the others are farther away, and in --json."""
_WIDE = 1000
"""Columns for a table that is not to be wrapped."""
_WORTH_SAYING = 0.5
"""Dollars a month below which a saving is none."""


def screen(plan: Plan) -> Iterator[RenderableType]:
    """All that a person wants to know of one plan, part by part. Texts are not to be wrapped: one is to be pasted."""
    yield _title(plan)
    yield _bill(plan)
    yield _limits(plan.limits)
    yield from _advice(plan)
    yield from _cheaper(plan)


def markdown(plans: Sequence[Plan]) -> str:
    """Plans side by side, a column each, as two tables in Markdown: the bill, and what is taken of each limit."""
    return f"{_drawn(_bills(plans))}\n\n{_drawn(_takings(plans))}"


def _drawn(table: Table) -> str:
    console = Console(width=_WIDE, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines() if line.strip())


def _bills(plans: Sequence[Plan]) -> Table:
    bills = [costs.by_service(plan.items) for plan in plans]
    table = _columns("", plans)
    table.add_row("documents a month", *(f"{_round(plan.workload.documents_a_month / 1e6)} million" for plan in plans))
    table.add_row("tasks a version", *(f"{plan.capacity.tasks} of {plan.setup.vcpus:g} vCPU" for plan in plans))
    table.add_row("ingest", *(plan.ingest for plan in plans))
    table.add_row("handlers at once", *(_round(plan.capacity.handlers(plan.workload.peak)) for plan in plans))
    for service in dict.fromkeys(service for bill in bills for service in bill):
        table.add_row(service, *(dollars(bill[service]) if service in bill else "" for bill in bills))
    table.add_row("**a month**", *(f"**{dollars(plan.usd)}**" for plan in plans))
    table.add_row("when idle", *(dollars(plan.idle_usd) for plan in plans))
    table.add_row("1,000 documents", *(dollars(plan.usd / plan.workload.documents_a_month * 1000) for plan in plans))
    table.add_row("each further month kept", *(dollars(plan.storage_growth_usd) for plan in plans))
    return table


def _takings(plans: Sequence[Plan]) -> Table:
    """Rows: every limit that some rate meets, as the last plan orders them; what is more than there is in bold."""
    table = _columns("what is taken of it", plans)
    table.add_column("there is", no_wrap=True)
    found = [{limit.id: limit for limit in plan.limits} for plan in plans]
    named = {limit.id: limit for plan in plans for limit in plan.limits if limit.met_at is not None}
    for limit in sorted(named.values(), key=lambda limit: limit.met_at or 0):
        cells = [_taking(limits[limit.id]) if limit.id in limits else "" for limits in found]
        table.add_row(limit.quota.name, *cells, f"{limit.value:,.0f} {limit.quota.unit}")
    return table


def _taking(limit: Limit) -> str:
    return f"**{_round(limit.demand)}**" if limit.demand > limit.value else _round(limit.demand)


def _columns(first: str, plans: Sequence[Plan]) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(first, no_wrap=True)
    for plan in plans:
        table.add_column(rate_text(plan.workload.rate), justify="right", no_wrap=True)
    return table


def _title(plan: Plan) -> Text:
    work, size = plan.workload, plan.capacity
    peak = f", {rate_text(work.peak)} at the peak" if work.peak > work.rate else ""
    text = Text()
    text.append(f"{rate_text(work.rate)}{peak}", style="bold")
    text.append(f" · {work.documents_a_month:,.0f} documents of {work.document_mb:g} MB a month\n")
    tasks = "1 task" if size.tasks == 1 else f"{size.tasks} tasks"
    text.append(f"{tasks} of {plan.setup.vcpus:g} vCPU a version", style="bold")
    text.append(f", {size.peak_tasks} at the peak" if size.peak_tasks > size.tasks else "")
    text.append(
        f" · {size.per_task:.3g}/s a task at {plan.setup.utilisation:.0%}"
        f" · three answers within {size.answers_p99_s * 1000:,.0f} ms (p99)"
        f" · {_round(size.handlers(work.peak))} handlers at once\n"
    )
    return text


def _bill(plan: Plan) -> Table:
    table = _table("A month", "", "USD", right={2})
    for service, usd in costs.by_service(plan.items).items():
        whats = [f"{item.what} {dollars(item.usd)}" for item in plan.items if item.service == service]
        table.add_row(service, Text(" · ".join(whats), style="dim"), dollars(usd))
    table.add_section()
    grows = f"idle {dollars(plan.idle_usd)} · each further month kept + {dollars(plan.storage_growth_usd)}"
    each = dollars(plan.usd / plan.workload.documents_a_month * 1000)
    table.add_row(
        Text("Together", style="bold"), f"{grows} · 1,000 documents {each}", Text(dollars(plan.usd), style="bold")
    )
    return table


def _limits(limits: Sequence[Limit]) -> Table:
    table = _table("Limit (met first on top)", "the peak takes", "of", "", "fits", "met at", right={1, 2, 4, 5})
    for limit in [limit for limit in limits if limit.met_at is not None][:_SHOWN]:
        style = "red" if limit.demand > limit.value else "yellow" if limit.tight else ""
        name = Text.assemble((limit.quota.name, style), (f"  {limit.id}", "dim"))
        fits = f"{_round(limit.headroom)} times" if limit.demand else ""
        table.add_row(name, _round(limit.demand), f"{limit.value:,.0f}", limit.quota.unit, fits, _met(limit))
    return table


def _met(limit: Limit) -> str:
    if limit.met_at is None:
        return "never"
    return f"{_round(limit.met_at)}/s" if limit.met_at else "at once"


def _round(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


def _advice(plan: Plan) -> Iterator[RenderableType]:
    yield from (Text(f"→ {sentence}") for sentence in plan.advice.sentences)
    yield from (Text(f"! {warning}", style="yellow") for warning in plan.advice.warnings)
    pasted = " ".join(f"{name}={value}" for name, value in plan.parameters.items())
    yield Text(f"\nsam deploy --parameter-overrides {pasted}\n", style="bold")


def _cheaper(plan: Plan) -> Iterator[RenderableType]:
    found = sorted((saving for saving in plan.savings if saving[1] >= _WORTH_SAYING), key=lambda saving: -saving[1])
    if found:
        table = _table("Cheaper", "saves", "but", right={1})
        for change, usd, but in found:
            table.add_row(change, dollars(usd), Text(but, style="dim"))
        yield table


def _table(*names: str, right: set[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column, name in enumerate(names):
        table.add_column(name, justify="right" if column in right else "left", no_wrap=column in right)
    return table


def dollars(usd: float) -> str:
    """Dollars as a person reads them: cents only where they count."""
    if usd >= 100:
        return f"${usd:,.0f}"
    return f"${usd:.2f}" if usd >= 0.1 or not usd else f"${usd:.2g}"

"""Tables of the figures."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.evidence.measure import QUANTILES


def print_tables(figures: Mapping[str, Any], console: Console) -> None:
    """Print one table for each setting, and one of the error rates."""
    for name, band in figures["bands"].items():
        title = f"{name} points ahead, {band['triples']} triples" if "triples" in band else f"simulated: {name} %"
        console.print(_labels_table(f"{title}: labels until the best of three is named", band))
        console.print(_labels_table(f"{title}: labels of disagreements of the best two", band["pair"]))
    table = Table(title="Share of runs with an error, with a look after every label", **_STYLE)
    for heading in ("Method", "Wrong version named (worst setting)", "Equal versions: one named or promoted"):
        table.add_column(heading)
    wrong, false = figures["wrong"], figures["false_promotions"]
    for method in {**wrong, **false}:
        table.add_row(method, *(f"{share[method]:.1%}" if method in share else "" for share in (wrong, false)))
    console.print(table)
    console.print(_promise_table(figures["promise"]))


def _promise_table(years: Mapping[str, Mapping[str, float | None]]) -> Table:
    table = Table(title="Years with a promise of at most 1 % wrong; errors of (1 - confidence)^exponent", **_STYLE)
    headings = (
        "Exponent",
        "Kept or alarm",
        "At every look",
        "Certified",
        "Automated",
        "Possible",
        "False alarm",
        "Audits to alarm",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "Exponent" else "right")
    for exponent, found in years.items():
        shares = (
            found[name] for name in ("held", "held_at_every_look", "certified", "automated", "possible", "false_alarms")
        )
        delay = found["audits_until_alarm"]
        table.add_row(exponent, *(f"{share:.1%}" for share in shares), "-" if delay is None else f"{delay:.0f}")
    return table


def _labels_table(title: str, band: Mapping[str, Mapping[str, float | None]]) -> Table:
    table = Table(title=title, **_STYLE)
    for heading in ("Method", "Median", "80th percentile", "95th percentile", "Undecided"):
        table.add_column(heading, justify="left" if heading == "Method" else "right")
    for method, undecided in band["undecided"].items():
        cells = [band[name].get(method) for name in QUANTILES]
        table.add_row(method, *("-" if cell is None else f"{cell:,.0f}" for cell in cells), f"{undecided or 0:.0%}")
    return table


_STYLE: Mapping[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "title_justify": "left"}

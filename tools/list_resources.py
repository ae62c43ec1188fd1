"""Write docs/resources.md, the resources of template.yaml with purpose and cost: `python -m tools.list_resources`."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from testkit.template import ROOT, rollout, template
from triptych.plan.reference import HOURS_PER_MONTH, PRICES, REGION, Price, price_dates

PAGE = ROOT / "docs" / "resources.md"
_DESCRIPTIONS = Path(__file__).parent / "resources.toml"
_VERSION = re.compile(r"V[1-3]$")
_MILLION = 1_000_000
_SMALL_USD = 0.001
"""Prices of use below this are printed for a million units."""

_HEAD = """\
# Resources

Every resource of [template.yaml](../template.yaml): its purpose, the parameters with which it exists, and its cost in
{region} in US dollars, without taxes and free tiers. **Idle** costs are for a month of {hours:.0f} hours without
documents; costs of use come on top. With the defaults, an idle stack costs **{total} per month**; `triptych plan`
computes the cost of a rate of documents ([scaling.md](scaling.md)). The prices are from {oldest} to {newest}
([triptych/plan/aws.toml](../triptych/plan/aws.toml)).

This page is generated: `python -m tools.list_resources`. The SAM CLI adds versions and the alias `live` to each
function, and an application of CodeDeploy to the orchestrator, all free of charge."""


def resources_page() -> str:
    """Return the page."""
    oldest, newest = price_dates()
    lines = [
        _HEAD.format(region=REGION, hours=HOURS_PER_MONTH, total=_dollars(default_cost()), oldest=oldest, newest=newest)
    ]
    for name, entry in descriptions().items():
        if "group" in entry:
            lines += [f"\n## {entry['group']}\n", "| resource | type | purpose | exists if | idle per month | use |"]
            lines += ["|---|---|---|---|---|---|"]
        lines.append(_row(name, entry))
    return "\n".join(lines) + "\n"


def descriptions() -> dict[str, dict[str, Any]]:
    """Return the descriptions in resources.toml, by name."""
    return tomllib.loads(_DESCRIPTIONS.read_text(encoding="utf-8"))


def described_name(resource: str) -> str:
    """Return the name under which a resource is described: `TaskV*` for `TaskV1`."""
    return _VERSION.sub("V*", resource)


def default_cost() -> float:
    """Return the dollars per month of an idle stack with the defaults."""
    entries = descriptions()
    return sum(fixed_cost(entries[described_name(name)], body) for name, body in rollout().resources.items())


def fixed_cost(entry: Mapping[str, Any], body: Mapping[str, Any]) -> float:
    """Return the dollars per month that a resource costs idle."""
    if body["Type"] == "AWS::CloudWatch::Alarm":
        metrics = body["Properties"].get("Metrics", [{"MetricStat": True}])
        return PRICES["alarm"].usd * sum("MetricStat" in metric for metric in metrics)
    total: float = sum(_monthly(PRICES[key]) * number for key, number in entry.get("fixed", []))
    return total


def _monthly(price: Price) -> float:
    return price.usd * (HOURS_PER_MONTH if "hour" in price.unit else 1)


def _row(name: str, entry: Mapping[str, Any]) -> str:
    names = [name.replace("V*", f"V{number}") for number in (1, 2, 3)] if name.endswith("V*") else [name]
    body = template()["Resources"][names[0]]
    kept = "; kept when the stack is deleted" if body.get("DeletionPolicy", "").startswith("Retain") else ""
    idle = fixed_cost(entry, body)
    cells = [
        ", ".join(f"`{each}`" for each in names),
        body["Type"].removeprefix("AWS::"),
        entry["purpose"] + kept,
        _condition({"Condition": body["Condition"]}) if "Condition" in body else "always",
        _dollars(idle) + (" each" if len(names) > 1 else "") if idle else "",
        ", ".join(f"`{key}` {_usage(PRICES[key])}" for key in entry.get("use", [])),
    ]
    return f"| {' | '.join(cells)} |"


def _dollars(usd: float) -> str:
    return f"{usd:.2f} USD"


def _usage(price: Price) -> str:
    if price.usd < _SMALL_USD:
        return f"{price.usd * _MILLION:g} USD per million {price.unit}s"
    return f"{price.usd:g} USD per {price.unit}"


def _condition(part: Any, negated: bool = False) -> str:
    """Return a condition in terms of parameters, such as `Network=private`."""
    [(function, arguments)] = part.items()
    if function == "Condition":
        return _condition(template()["Conditions"][arguments], negated)
    if function == "Not":
        return _condition(arguments[0], not negated)
    if function == "Equals":
        return _comparison(arguments, negated)
    word = "and" if (function == "And") is not negated else "or"
    return f" {word} ".join(dict.fromkeys(_condition(each, negated) for each in arguments))


def _comparison(sides: list[Any], negated: bool) -> str:
    parameter, value = sides[0]["Ref"], sides[1]
    if parameter == "LocalEndpoint":
        return "on the local stack" if negated else "on AWS"
    if isinstance(value, dict):
        return f"`{parameter}` {'differs from' if negated else 'equals'} `{value['Ref']}`"
    if value == "":
        return f"`{parameter}` is {'given' if negated else 'empty'}"
    return f"`{parameter}` is not `{value}`" if negated else f"`{parameter}={value}`"


def undescribed() -> Iterator[str]:
    """Yield resources without description, and descriptions without resource."""
    yield from {described_name(name) for name in template()["Resources"]} ^ set(descriptions())


def main() -> None:
    """Write the page."""
    if missing := sorted(undescribed()):
        raise SystemExit(f"Describe in {_DESCRIPTIONS.name}, or delete there: {', '.join(missing)}")
    PAGE.write_text(resources_page(), encoding="utf-8")


if __name__ == "__main__":
    main()

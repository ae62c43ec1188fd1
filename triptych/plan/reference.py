"""Prices and quotas of AWS, read from `aws.toml`: each with its source, date and how it was verified."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

HOURS_PER_MONTH: Final = 730.0


class Verification(StrEnum):
    """How a figure was verified; `aws.toml` describes each way."""

    QUOTED = "quoted"
    REPORTED = "reported"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Price:
    """US dollars for one `unit`.

    `bands` are volume discounts, each (monthly quantity from which it applies, dollars).
    """

    usd: float
    unit: str
    page: str
    as_of: date
    check: Verification
    bands: tuple[tuple[float, float], ...] = ()

    def cost_of(self, quantity: float) -> float:
        """Return the dollars for a monthly quantity; each band's price applies only to the part inside the band."""
        edges = [(0.0, self.usd), *self.bands]
        ends = [start for start, _ in edges[1:]] + [float("inf")]
        return sum(
            usd * (min(quantity, end) - start)
            for (start, usd), end in zip(edges, ends, strict=True)
            if quantity > start
        )


@dataclass(frozen=True)
class Quota:
    """A limit of `value` `unit`, and how to raise or avoid it.

    `service` and `code` identify it for Service Quotas; both are empty where it cannot be raised there.
    """

    name: str
    value: float
    unit: str
    remedy: str
    page: str
    as_of: date
    check: Verification
    service: str = ""
    code: str = ""

    @property
    def adjustable(self) -> bool:
        """Whether Service Quotas accepts a request for an increase."""
        return bool(self.service)


def _price(fields: dict[str, Any]) -> Price:
    bands = tuple((start, usd) for start, usd in fields.pop("bands", ()))
    return Price(**fields | {"check": Verification(fields["check"]), "bands": bands})


def _quota(fields: dict[str, Any]) -> Quota:
    return Quota(**fields | {"check": Verification(fields["check"])})


_DATA: Final = tomllib.loads((Path(__file__).parent / "aws.toml").read_text(encoding="utf-8"))

REGION: Final[str] = _DATA["region"]
PRICES: Final[Mapping[str, Price]] = {name: _price(fields) for name, fields in _DATA["prices"].items()}
QUOTAS: Final[Mapping[str, Quota]] = {name: _quota(fields) for name, fields in _DATA["quotas"].items()}


def price_dates() -> tuple[date, date]:
    """Return the oldest and the newest date of the prices."""
    dates = [price.as_of for price in PRICES.values()]
    return min(dates), max(dates)


def parse_quotas(texts: Iterable[str]) -> dict[str, float]:
    """Read an account's quotas, each written as `fargate_vcpus=4000`.

    Raises:
        ValueError: A name is unknown or a value is not a positive number; the message lists the names.
    """
    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in QUOTAS or not value.replace(".", "", 1).isdecimal() or float(value) == 0:
            names = ", ".join(name for name, quota in QUOTAS.items() if quota.adjustable)
            raise ValueError(
                f"invalid quota {text!r}: use a name and a positive number, as in fargate_vcpus=4000 ({names})"
            )
        values[name] = float(value)
    return values

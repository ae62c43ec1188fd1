"""What AWS charges in us-east-1 (N. Virginia), in US dollars: each price with its page, date and how it was checked.

Not counted: taxes, support, discounts (Savings Plans, agreements), and free tiers, for an account has those only once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

REGION = "us-east-1"
HOURS = 730.0
"""Of a month."""


class Check(StrEnum):
    """How a figure came here. None was read off AWS's own page by this project: those pages draw prices by script."""

    QUOTED = "quoted"
    """AWS's own page or price list, as somebody else quotes it word for word on that date."""
    REPORTED = "reported"
    """Others name it as the price on that date, and they agree."""
    UNVERIFIED = "unverified"
    """Believed, and not found anywhere that was looked at."""


@dataclass(frozen=True)
class Price:
    """US dollars for one `unit`. `bands`: (from this quantity a month on, dollars), where quantity makes it cheaper."""

    usd: float
    unit: str
    page: str
    as_of: date
    check: Check
    bands: tuple[tuple[float, float], ...] = ()

    def of(self, quantity: float) -> float:
        """Dollars for that much in a month; each band's price holds only for what falls into it."""
        edges = [(0.0, self.usd), *self.bands]
        ends = [start for start, _ in edges[1:]] + [float("inf")]
        return sum(
            usd * (min(quantity, end) - start)
            for (start, usd), end in zip(edges, ends, strict=True)
            if quantity > start
        )


_FARGATE = "https://aws.amazon.com/fargate/pricing/"
_ELB = "https://aws.amazon.com/elasticloadbalancing/pricing/"
_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
_S3 = "https://aws.amazon.com/s3/pricing/"
_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
_TB = 1000.0  # GB


PRICES: Mapping[str, Price] = {
    # The page's own example has these by the second: $0.000011244, $0.000001235; ARM $0.0000089944, $0.0000009889.
    "fargate.x86_64.vcpu": Price(0.04048, "vCPU-hour", _FARGATE, date(2026, 10, 9), Check.QUOTED),
    "fargate.x86_64.gb": Price(0.004445, "GB-hour", _FARGATE, date(2026, 10, 9), Check.QUOTED),
    "fargate.arm64.vcpu": Price(0.03238, "vCPU-hour", _FARGATE, date(2026, 10, 9), Check.QUOTED),
    "fargate.arm64.gb": Price(0.00356, "GB-hour", _FARGATE, date(2026, 10, 9), Check.QUOTED),
    # Spot moves with supply and demand, "up to 70 %" below. x86 is what was last seen; ARM takes over x86's discount.
    "fargate_spot.x86_64.vcpu": Price(0.01246287, "vCPU-hour", _FARGATE, date(2024, 1, 31), Check.REPORTED),
    "fargate_spot.x86_64.gb": Price(0.00136851, "GB-hour", _FARGATE, date(2024, 1, 31), Check.REPORTED),
    "fargate_spot.arm64.vcpu": Price(0.00996906, "vCPU-hour", _FARGATE, date(2024, 1, 31), Check.UNVERIFIED),
    "fargate_spot.arm64.gb": Price(0.00109604, "GB-hour", _FARGATE, date(2024, 1, 31), Check.UNVERIFIED),
    "alb.hour": Price(0.0225, "hour", _ELB, date(2026, 9, 20), Check.QUOTED),
    "alb.lcu": Price(0.008, "LCU-hour", _ELB, date(2026, 9, 20), Check.QUOTED),
    "lambda.request": Price(0.20e-6, "request", _LAMBDA, date(2024, 12, 31), Check.REPORTED),
    "lambda.x86_64.gb_s": Price(
        0.0000166667, "GB-second", _LAMBDA, date(2024, 12, 31), Check.REPORTED, ((6e9, 0.000015), (15e9, 0.0000133334))
    ),
    "lambda.arm64.gb_s": Price(
        0.0000133334,
        "GB-second",
        _LAMBDA,
        date(2024, 12, 31),
        Check.REPORTED,
        ((7.5e9, 0.0000120001), (18.75e9, 0.0000106667)),
    ),
    "dynamodb.write": Price(0.625e-6, "write unit", _DYNAMODB, date(2026, 6, 30), Check.REPORTED),
    "dynamodb.read": Price(0.125e-6, "read unit", _DYNAMODB, date(2026, 6, 30), Check.REPORTED),
    "dynamodb.storage": Price(0.25, "GB-month", _DYNAMODB, date(2026, 6, 30), Check.REPORTED),
    "dynamodb.pitr": Price(0.20, "GB-month", _DYNAMODB, date(2026, 6, 30), Check.REPORTED),
    "s3.put": Price(0.005e-3, "request", _S3, date(2026, 3, 13), Check.REPORTED),
    "s3.get": Price(0.0004e-3, "request", _S3, date(2026, 3, 13), Check.REPORTED),
    "s3.storage": Price(
        0.023, "GB-month", _S3, date(2026, 3, 13), Check.REPORTED, ((50 * _TB, 0.022), (500 * _TB, 0.021))
    ),
    "endpoint.hour": Price(
        0.01, "endpoint-hour and zone", "https://aws.amazon.com/privatelink/pricing/", date(2026, 5, 31), Check.REPORTED
    ),
    "endpoint.gb": Price(0.01, "GB", "https://aws.amazon.com/privatelink/pricing/", date(2026, 5, 31), Check.QUOTED),
    "ipv4.hour": Price(
        0.005, "address-hour", "https://aws.amazon.com/vpc/pricing/", date(2026, 10, 16), Check.REPORTED
    ),
    "logs.in": Price(0.50, "GB", _CLOUDWATCH, date(2026, 6, 13), Check.REPORTED),
    "logs.storage": Price(0.03, "GB-month", _CLOUDWATCH, date(2026, 6, 13), Check.REPORTED),
    "metric": Price(0.30, "metric", _CLOUDWATCH, date(2026, 2, 15), Check.REPORTED),
    "alarm": Price(0.10, "alarm metric", _CLOUDWATCH, date(2026, 9, 29), Check.QUOTED),
    "dashboard": Price(3.00, "dashboard", _CLOUDWATCH, date(2026, 6, 13), Check.REPORTED),
    "sqs.request": Price(0.40e-6, "request", "https://aws.amazon.com/sqs/pricing/", date(2026, 6, 13), Check.REPORTED),
    "ecr.storage": Price(0.10, "GB-month", "https://aws.amazon.com/ecr/pricing/", date(2026, 3, 15), Check.REPORTED),
}


def priced_on() -> tuple[date, date]:
    """The oldest and the newest date of the table."""
    dates = [price.as_of for price in PRICES.values()]
    return min(dates), max(dates)

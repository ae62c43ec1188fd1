"""Protects: every price and quota names its source and date, and volume discounts are applied by band."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.reference import PRICES, QUOTAS, Price, Verification, parse_quotas, price_dates

STORAGE = PRICES["s3.storage"]


@pytest.mark.parametrize("name", PRICES)
def test_each_price_names_its_source_and_date(name: str) -> None:
    price = PRICES[name]
    assert price.page.startswith("https://aws.amazon.com/")
    assert date(2024, 1, 1) <= price.as_of <= date.today()
    assert price.check in Verification
    assert price.usd > 0
    assert [usd for _, usd in price.bands] == sorted((usd for _, usd in price.bands), reverse=True)


def test_the_oldest_and_newest_dates_are_known() -> None:
    oldest, newest = price_dates()
    assert oldest == PRICES["fargate_spot.x86_64.vcpu"].as_of
    assert newest == PRICES["firehose.ingest"].as_of


@pytest.mark.parametrize(
    ("gigabytes", "usd"),
    [
        (0, 0),
        (1, 0.023),
        (50_000, 1150),
        (50_001, 1150.022),
        (500_000, 1150 + 450_000 * 0.022),
        (600_000, 1150 + 9900 + 100_000 * 0.021),
    ],
)
def test_each_band_applies_only_to_its_part_of_the_quantity(gigabytes: float, usd: float) -> None:
    """Calculated by hand: 50 TB at 2.3 cents a GB are 1,150 dollars, the next 450 TB at 2.2 are 9,900."""
    assert STORAGE.cost_of(gigabytes) == pytest.approx(usd)


@given(st.sampled_from(sorted(PRICES)), st.floats(0, 1e12), st.floats(0, 1e12))
def test_more_never_costs_less(name: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert PRICES[name].cost_of(less) <= PRICES[name].cost_of(more)


def test_without_bands_the_cost_is_a_product() -> None:
    assert Price(0.5, "GB", "", date(2026, 1, 1), Verification.QUOTED).cost_of(7) == 3.5


@pytest.mark.parametrize("name", QUOTAS)
def test_each_quota_names_its_source_and_a_remedy(name: str) -> None:
    quota = QUOTAS[name]
    assert quota.page.startswith("https://")
    assert quota.remedy
    assert bool(quota.service) == bool(quota.code)
    assert quota.code == "" or (quota.code.startswith("L-") and len(quota.code) == len("L-3032A538"))


def test_quota_codes_are_unique() -> None:
    codes = [quota.code for quota in QUOTAS.values() if quota.adjustable]
    assert len(set(codes)) == len(codes)


def test_an_accounts_quotas_are_parsed() -> None:
    assert parse_quotas(["fargate_vcpus=4000", "lambda_concurrency=10"]) == {
        "fargate_vcpus": 4000,
        "lambda_concurrency": 10,
    }
    assert parse_quotas([]) == {}


@pytest.mark.parametrize(
    "text", ["fargate_vcpus", "fargate_vcpus=", "fargate_vcpus=0", "fargate_vcpus=-1", "vcpus=3", "=3", "x=y"]
)
def test_invalid_quotas_are_rejected_and_the_valid_names_listed(text: str) -> None:
    with pytest.raises(ValueError, match=r"fargate_vcpus=4000 \(fargate_vcpus, .*lambda_concurrency"):
        parse_quotas([text])

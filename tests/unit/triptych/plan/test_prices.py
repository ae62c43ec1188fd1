"""Protects: that every price says where and when it was found, and that a band is for what falls into it only."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.prices import PRICES, Check, Price, priced_on

STORAGE = PRICES["s3.storage"]


@pytest.mark.parametrize("name", PRICES)
def test_each_has_its_page_and_its_day(name: str) -> None:
    price = PRICES[name]
    assert price.page.startswith("https://aws.amazon.com/")
    assert date(2024, 1, 1) <= price.as_of <= date(2026, 11, 22)
    assert price.check in Check
    assert price.usd > 0
    assert [usd for _, usd in price.bands] == sorted((usd for _, usd in price.bands), reverse=True)


def test_the_table_knows_its_oldest_and_newest_day() -> None:
    oldest, newest = priced_on()
    assert oldest == PRICES["fargate_spot.x86_64.vcpu"].as_of
    assert newest == PRICES["ipv4.hour"].as_of


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
def test_each_band_is_for_what_falls_into_it(gigabytes: float, usd: float) -> None:
    """Figures by hand: 50 TB at 2.3 cents a GB are 1,150 dollars, the next 450 TB at 2.2 are 9,900."""
    assert STORAGE.of(gigabytes) == pytest.approx(usd)


@given(st.sampled_from(sorted(PRICES)), st.floats(0, 1e12), st.floats(0, 1e12))
def test_more_never_costs_less(name: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert PRICES[name].of(less) <= PRICES[name].of(more)


def test_without_bands_it_is_a_product() -> None:
    assert Price(0.5, "GB", "", date(2026, 1, 1), Check.QUOTED).of(7) == 3.5

"""Protects: that what can be asked for has a name to ask by, and that an account's own figures are heeded."""

import pytest

from triptych.plan.quotas import QUOTAS, granted


@pytest.mark.parametrize("name", QUOTAS)
def test_each_says_where_it_stands_and_what_to_do(name: str) -> None:
    quota = QUOTAS[name]
    assert quota.page.startswith("https://")
    assert quota.way_out
    assert bool(quota.service) == bool(quota.code)
    assert quota.code == "" or (quota.code.startswith("L-") and len(quota.code) == len("L-3032A538"))


def test_codes_are_all_different() -> None:
    codes = [quota.code for quota in QUOTAS.values() if quota.adjustable]
    assert len(set(codes)) == len(codes)


def test_an_accounts_own_quotas_are_read() -> None:
    assert granted(["fargate_vcpus=4000", "lambda_concurrency=10"]) == {"fargate_vcpus": 4000, "lambda_concurrency": 10}
    assert granted([]) == {}


@pytest.mark.parametrize(
    "text", ["fargate_vcpus", "fargate_vcpus=", "fargate_vcpus=0", "fargate_vcpus=-1", "vcpus=3", "=3", "x=y"]
)
def test_others_are_refused_and_the_right_ones_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"fargate_vcpus=4000 \(fargate_vcpus, .*lambda_concurrency"):
        granted([text])

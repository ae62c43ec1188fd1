"""Protects: percentiles of reports are values that were measured."""

from testkit.reports import percentile


def test_percentile_is_a_measured_value() -> None:
    values = [float(number) for number in range(1, 21)]
    assert [percentile(values, rank) for rank in (50, 95, 99, 100)] == [10, 19, 20, 20]
    assert percentile([7.0], 99) == 7

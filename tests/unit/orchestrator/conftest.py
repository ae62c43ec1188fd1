"""Metrics of this package's tests, independent of the tests before them."""

import pytest

from orchestrator import telemetry


@pytest.fixture(autouse=True)
def empty_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable metrics, and discard those that earlier tests added while metrics were disabled."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    telemetry.metrics.clear_metrics()

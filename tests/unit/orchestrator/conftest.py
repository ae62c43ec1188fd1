"""Metrics of this package's tests, independent of the tests before them, and objects that hang."""

from collections.abc import Iterator

import pytest

from orchestrator import telemetry
from tests.support.pipelines import HangingDocuments


@pytest.fixture(autouse=True)
def empty_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable metrics, and discard those that earlier tests added while metrics were disabled."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    telemetry.metrics.clear_metrics()


@pytest.fixture
def hanging() -> Iterator[HangingDocuments]:
    """Objects whose content arrives when the test has ended."""
    documents = HangingDocuments()
    yield documents
    documents.release.set()

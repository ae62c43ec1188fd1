"""Protects: a document that takes too long to decode comes to an end, with the real service."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from orchestrator.settings import OrchestratorSettings
from records.record import Record, Status
from testkit.slow_documents import slow_pdf
from tests.support.pages import encode, page
from tests.support.pipelines import FakeDocuments, FakeRecords, pipeline
from tests.support.service import ServiceProcess, running_service
from tests.support.tiny_model import write_tiny_model
from tests.support.uploads import upload

CASE = Path(__file__).parents[2] / "data" / "cases" / "pdf-slow-vectors.pdf"
"""A page with so many vectors that it takes several seconds to draw."""
USUAL = Budget(0.8, 0.1)
PRODUCTION = Budget(3.0, 0.3)
PRODUCTION_PATIENT_S = OrchestratorSettings("table", {}).patient_s
PATIENT_S = 20.0
"""Longer than both services need until they reach their limit, also on a busy machine."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Two versions that decode a document for at most one second."""
    models = tmp_path_factory.mktemp("models")
    for seed, version in enumerate(("v1", "v2")):
        write_tiny_model(models, version, seed=seed)
    with running_service(models, "v1,v2", WORKERS="2", MAX_DECODE_SECONDS="1") as running:
        yield running


def line_to(service: ServiceProcess, documents: FakeDocuments, down: bool = False) -> Pipeline:
    urls = {version: f"{service.url}/{version}" for version in ("v1", "v2")}
    if down:
        urls["v2"] = "http://127.0.0.1:9/v2"
    return pipeline(documents, ModelClient(urls, time.monotonic), FakeRecords(), budget=USUAL, clock=time.monotonic)


def test_slow_document_fails_in_the_usual_budget_and_is_rejected_by_a_patient_attempt(service: ServiceProcess) -> None:
    documents = FakeDocuments(CASE.read_bytes())
    line = line_to(service, documents)
    first = line.classify(upload()).record
    assert (first.status, first.final) == (Status.FAILED, False)
    assert {failure.kind for failure in first.failures().values()} == {"timeout"}

    last = line.classify(upload(), budget_s=PATIENT_S).record

    assert (last.status, last.final) == (Status.REJECTED, True)
    assert last.reason
    assert last.reason.kind == "too-slow"
    assert "not decoded within 1 s" in last.reason.detail
    documents.content = encode(page(), "JPEG")
    assert line.classify(upload("next.jpg"), budget_s=PATIENT_S).record.status is Status.COMPLETE


def test_slow_document_is_not_rejected_while_a_version_is_down(service: ServiceProcess) -> None:
    """Of two versions, only one confirms that the document is slow."""
    line = line_to(service, FakeDocuments(CASE.read_bytes()), down=True)
    stored = line.classify(upload(), budget_s=PATIENT_S).record
    assert (stored.status, stored.final) == (Status.FAILED, False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_four_slow_documents_at_once_come_to_an_end_at_the_limits_of_production(tmp_path: Path) -> None:
    """The last of Lambda's three attempts ends, although the four share one CPU and would need minutes of it."""
    write_tiny_model(tmp_path, size=(256, 256))
    documents = [slow_pdf(120_000, seed) for seed in range(4)]
    with running_service(tmp_path, WORKERS="1") as running, ThreadPoolExecutor(4) as handlers:
        models = ModelClient({"v1": f"{running.url}/v1"}, time.monotonic)

        def deliver(document: bytes) -> list[Record]:
            line = pipeline(FakeDocuments(document), models, FakeRecords(), budget=PRODUCTION, clock=time.monotonic)
            return [line.classify(upload(), patient_s=PRODUCTION_PATIENT_S).record for _ in range(3)]

        for first, second, last in handlers.map(deliver, documents):
            assert (first.status, second.status, second.final) == (Status.FAILED, Status.FAILED, False)
            assert last.reason
            assert (last.status, last.reason.kind, last.final) == (Status.REJECTED, "too-slow", True)

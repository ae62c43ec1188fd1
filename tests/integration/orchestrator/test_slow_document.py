"""Protects: a document that takes too long to decode comes to an end, with the real service."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget, Pipeline
from records.record import Status
from tests.support.pages import encode, page
from tests.support.pipelines import FakeDocuments, FakeRecords, pipeline
from tests.support.service import ServiceProcess, running_service
from tests.support.tiny_model import write_tiny_model
from tests.support.uploads import upload

CASE = Path(__file__).parents[2] / "data" / "cases" / "pdf-slow-vectors.pdf"
"""A page with so many vectors that it takes several seconds to draw."""
USUAL = Budget(0.8, 0.1)
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

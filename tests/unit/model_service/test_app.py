"""Protects: every response has its documented form, and every error is a problem."""

import base64
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from starlette.testclient import TestClient

from decoding.isolation.pool import DecoderPool
from model_service import health
from model_service.app import create_service_app, load_classifier
from model_service.classifier import Classification, Classifier
from model_service.lifecycle import Lifecycle
from model_service.object_address import OBJECT_TYPE, RequestedObject
from model_service.settings import ServiceSettings
from tests.support.pages import encode, every_format, page, several_pages, text_pdf
from tests.support.polling import wait_until
from tests.support.tiff_files import TiffLayout, write_tiff
from tests.support.tiny_model import LABELS, write_tiny_model

DOCUMENT = encode(page(), "JPEG")
LARGEST = 300_000
CASES = Path(__file__).parents[2] / "data" / "cases"
BLANK = np.full((40, 30, 1), 255)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    models = tmp_path_factory.mktemp("models")
    write_tiny_model(models, "v1")
    write_tiny_model(models, "v2", seed=1)
    return ServiceSettings(
        models_dir=models, models=("v1", "v2"), max_bytes=LARGEST, max_pixels=1_000_000, max_pages=2, workers=1
    )


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def classifier(settings: ServiceSettings, decoders: DecoderPool) -> Classifier:
    return load_classifier(settings, decoders)


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


@pytest.fixture
def client(
    settings: ServiceSettings, classifier: Classifier, decoders: DecoderPool, lifecycle: Lifecycle
) -> Iterator[TestClient]:
    app = create_service_app(classifier, settings, decoders, lifecycle)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def problem(response: Any) -> str:
    """Check the form of a problem, and return the last part of its type."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "request_id"}
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return str(body["type"]).removeprefix("urn:triptych:problem:")


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/v1/predict", "/v1/invocations"])
@pytest.mark.parametrize(
    "sent",
    [
        {"content": DOCUMENT},
        {"content": DOCUMENT, "headers": {"content-type": "text/plain"}},
        {"files": {"file": ("scan.exe", DOCUMENT)}},
        {"json": {"content": base64.b64encode(DOCUMENT).decode()}},
    ],
    ids=["raw", "raw-mislabelled", "form", "json"],
)
def test_a_document_is_classified_from_every_kind_of_body(client: TestClient, path: str, sent: dict[str, Any]) -> None:
    response = client.post(path, **sent)

    result = response.json()
    assert response.status_code == 200
    assert result["model"] == "v1"
    assert set(result) == set(Classification.__dataclass_fields__)
    assert list(result["probabilities"]) == list(LABELS)
    assert result["timings_ms"]["total"] >= result["timings_ms"]["decode"] + result["timings_ms"]["infer"] - 0.01


@pytest.mark.parametrize(
    ("path", "version"),
    [("/predict", "v1"), ("/predict?model=v2", "v2"), ("/v2/predict", "v2"), ("/v2/predict?model=v2", "v2")],
)
def test_the_version_is_chosen_by_path_or_query(client: TestClient, path: str, version: str) -> None:
    assert client.post(path, content=DOCUMENT).json()["model"] == version


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "kind"),
    [
        ("POST", "/predict", {"content": b""}, 400, "empty-document"),
        ("POST", "/predict", {"files": {"file": ("x", b"")}}, 400, "empty-document"),
        ("POST", "/predict", {"json": {"content": ""}}, 400, "empty-document"),
        ("POST", "/predict", {"json": {"document": "x"}}, 400, "invalid-request"),
        ("POST", "/predict", {"files": {"other": ("x", DOCUMENT)}}, 400, "invalid-request"),
        ("POST", "/predict", {"content": DOCUMENT, "headers": {"X-Timeout-Ms": "soon"}}, 400, "invalid-request"),
        ("POST", "/predict", {"content": DOCUMENT, "headers": {"X-Timeout-Ms": "0"}}, 400, "invalid-request"),
        ("POST", "/v1/predict?model=v2", {"content": DOCUMENT}, 400, "invalid-request"),
        ("POST", "/predict?model=v9", {"content": DOCUMENT}, 404, "unknown-model"),
        ("GET", "/models/v9", {}, 404, "unknown-model"),
        ("POST", "/v9/predict", {"content": DOCUMENT}, 404, "not-found"),
        ("GET", "/secrets", {}, 404, "not-found"),
        ("GET", "/predict", {}, 405, "method-not-allowed"),
        ("DELETE", "/models", {}, 405, "method-not-allowed"),
        ("POST", "/predict", {"content": bytes(LARGEST + 1)}, 413, "document-too-large"),
        ("POST", "/predict", {"content": iter([bytes(LARGEST), b"1"])}, 413, "document-too-large"),
        ("POST", "/predict", {"files": {"file": ("x", bytes(LARGEST + 1))}}, 413, "document-too-large"),
        ("POST", "/predict", {"content": b"<html>Dear Sir</html>"}, 415, "unsupported-format"),
        ("POST", "/predict", {"content": DOCUMENT[:3000]}, 422, "corrupt-document"),
        ("POST", "/predict", {"content": text_pdf(["x"], encrypted=True)}, 422, "encrypted-document"),
        (
            "POST",
            "/predict",
            {"content": (CASES / "pdf-xfa-placeholder.pdf").read_bytes()},
            422,
            "unsupported-document",
        ),
        ("POST", "/predict", {"content": write_tiff(BLANK, TiffLayout(compression=34661))}, 422, "unsupported-coding"),
        ("POST", "/predict", {"content": encode(page((1200, 1600)), "PNG")}, 422, "decompression-bomb"),
    ],
)
def test_every_error_is_a_problem(
    client: TestClient, method: str, path: str, sent: dict[str, Any], status: int, kind: str
) -> None:
    response = client.request(method, path, **sent)

    assert (response.status_code, problem(response)) == (status, kind)


def test_an_internal_error_is_logged_and_not_sent_to_the_client(
    client: TestClient, classifier: Classifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("internal secret")

    monkeypatch.setattr(classifier.models["v1"], "assess", fail)

    response = client.post("/predict", content=DOCUMENT)

    assert (response.status_code, problem(response)) == (500, "internal-error")
    assert "secret" not in response.text
    assert "internal secret" in caplog.text
    assert client.post("/v2/predict", content=DOCUMENT).status_code == 200


def test_pages_that_were_not_read_are_reported(client: TestClient) -> None:
    result = client.post("/predict", content=several_pages(3, "PDF")).json()

    assert (result["pages"], result["truncated"]) == (2, True)


@pytest.mark.parametrize("prefix", ["", "/v1", "/v2"])
@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/ping", "/models", "/models/v2", "/metrics", "/openapi.json"]
)
def test_every_path_exists_below_the_version(client: TestClient, prefix: str, path: str) -> None:
    assert client.get(prefix + path).status_code == 200


def test_models_are_described(client: TestClient, classifier: Classifier) -> None:
    listed = client.get("/models").json()

    assert listed["default"] == "v1"
    assert [model["version"] for model in listed["models"]] == ["v1", "v2"]
    assert client.get("/models/v2").json()["sha256"] == classifier.models["v2"].manifest.sha256


def test_valid_ids_are_echoed_and_others_replaced(client: TestClient) -> None:
    trace = "Root=1-67891233-abcdef012345678912345678;Sampled=1"

    given = client.get("/health/live", headers={"X-Request-Id": "upload-17", "X-Amzn-Trace-Id": trace}).headers
    made = client.get("/health/live", headers={"X-Request-Id": "two words, and\tmore"}).headers

    assert (given["x-request-id"], given["x-amzn-trace-id"]) == ("upload-17", trace)
    assert len(made["x-request-id"]) == 36
    assert "x-amzn-trace-id" not in made


def test_a_service_that_shuts_down_is_not_ready_and_still_classifies(client: TestClient, lifecycle: Lifecycle) -> None:
    lifecycle.ready = False

    for path in ("/health/ready", "/ping"):
        response = client.get(path)
        assert (response.status_code, problem(response)) == (503, "not-ready")
        assert int(response.headers["retry-after"]) >= 1
    prediction = client.post("/predict", content=DOCUMENT)
    assert prediction.status_code == 200
    assert prediction.headers["connection"] == "close"
    assert client.get("/health/live").status_code == 200


def test_an_outage_of_the_decoders_makes_the_service_unready_and_is_temporary(
    client: TestClient, decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError

    with monkeypatch.context() as exhausted:
        exhausted.setattr(subprocess, "Popen", fail)
        os.kill(decoders.pids[0], signal.SIGKILL)
        wait_until(lambda: decoders.outage_seconds() > 0)

        for path in ("/health/ready", "/ping"):
            response = client.get(path)
            assert (response.status_code, problem(response)) == (503, "not-ready")
        response = client.post("/predict", content=DOCUMENT)
        assert (response.status_code, problem(response)) == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
        assert client.get("/health/live").status_code == 200
        exhausted.setattr(health, "RESTART_SECONDS", 0)
        response = client.get("/health/live")
        assert (response.status_code, problem(response)) == (503, "not-ready")

    wait_until(lambda: client.get("/health/ready").status_code == 200)
    assert client.get("/health/live").status_code == 200
    assert client.post("/predict", content=DOCUMENT).status_code == 200


def test_metrics_count_predictions_and_problems(client: TestClient) -> None:
    label = client.post("/predict", content=DOCUMENT).json()["label"]
    client.post("/predict", content=b"\x00nothing")
    client.get("/nowhere")

    lines = client.get("/metrics").text.splitlines()

    assert f'triptych_predictions_total{{abstained="false",label="{label}",model="v1"}} 1.0' in lines
    assert 'triptych_rejected_total{reason="unsupported-format"} 1.0' in lines
    assert 'triptych_rejected_total{reason="not-found"} 1.0' in lines
    for stage in ("decode", "infer", "total"):
        assert f'triptych_stage_seconds_count{{model="v1",stage="{stage}"}} 1.0' in lines
    assert "triptych_in_flight 0.0" in lines
    assert "triptych_in_flight_limit 16.0" in lines


@pytest.mark.parametrize("name", ["jpeg", "png-alpha", "tiff-group4", "webp", "gif", "bmp", "pdf-text"])
def test_every_format_is_classified(client: TestClient, name: str) -> None:
    assert client.post("/predict", content=every_format((200, 280))[name]).status_code == 200


def _examples(response: dict[str, Any]) -> dict[str, Any]:
    examples: dict[str, Any] = response["content"].get("application/problem+json", {}).get("examples", {})
    return examples


def test_openapi_has_an_example_of_every_error(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()

    responses = schema["paths"]["/predict"]["post"]["responses"]
    assert set(responses) == {"200", "400", "403", "404", "408", "413", "415", "422", "429", "500", "503"}
    for status, response in responses.items():
        if status != "200":
            examples = response["content"]["application/problem+json"]["examples"].values()
            assert {example["value"]["status"] for example in examples} == {int(status)}
    for status in ("408", "429", "503"):
        assert responses[status]["headers"]["Retry-After"]
    documented = {name for entry in responses.values() for name in _examples(entry)}
    assert {"unavailable", "overloaded", "decoder-crashed", "decoder-timeout"} <= documented
    assert set(schema["paths"]["/predict"]["post"]["requestBody"]["content"]) == {
        "application/octet-stream",
        "multipart/form-data",
        "application/json",
        OBJECT_TYPE,
    }
    assert "422" not in schema["paths"]["/models/{version}"]["get"]["responses"]


class FixedObjects:
    """Objects with one content, wherever they are."""

    addresses: ClassVar[list[RequestedObject]] = []

    def read(self, address: RequestedObject, check_cancelled: Callable[[], None]) -> bytes:
        check_cancelled()
        self.addresses.append(address)
        return DOCUMENT


def test_object_is_classified_like_its_content(client: TestClient) -> None:
    app: Any = client.app
    app.state.objects = objects = FixedObjects()
    address = {"bucket": "inbox", "key": "scan.jpg", "version_id": "7"}

    by_address = client.post("/v1/predict", json=address, headers={"Content-Type": OBJECT_TYPE})

    assert by_address.status_code == 200
    assert objects.addresses == [RequestedObject(**address)]
    by_content = client.post("/v1/predict", content=DOCUMENT).json()
    assert without_times(by_address.json()) == without_times(by_content)


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "timings_ms"}


@pytest.mark.parametrize(
    ("address", "status", "expected"),
    [
        ({"bucket": "inbox", "key": "scan.jpg", "etag": "abc"}, 403, "object-denied"),
        ({"bucket": "inbox", "key": "scan.jpg"}, 400, "invalid-request"),
    ],
)
def test_no_object_is_read_unless_buckets_are_named(
    client: TestClient, address: dict[str, str], status: int, expected: str
) -> None:
    response = client.post("/predict", json=address, headers={"Content-Type": OBJECT_TYPE})
    assert (response.status_code, problem(response)) == (status, expected)


def test_deadline_in_custom_attributes_counts(client: TestClient) -> None:
    """SageMaker passes on no other header."""
    headers = {"X-Amzn-SageMaker-Custom-Attributes": "X-Timeout-Ms=0"}
    response = client.post("/invocations", content=DOCUMENT, headers=headers)
    assert (response.status_code, problem(response)) == (400, "invalid-request")

"""Protects: `triptych invoke` calls a version at each kind of endpoint, and reports the reason if it cannot."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from testkit.fault_proxy import running
from testkit.model_edges import LambdaEdge, SageMakerEdge
from tests.support.servers import Request, Server, serving, valid_answer
from triptych.cli import app
from triptych.errors import TriptychError, UsageError


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "scan.jpg"
    path.write_bytes(b"\xff\xd8 document")
    return str(path)


@pytest.fixture
def service() -> Iterator[Server]:
    with serving(lambda request: request.answer(valid_answer("v2"))) as server:
        yield server


def test_prediction_of_a_service_is_printed(service: Server, document: str) -> None:
    result = CliRunner().invoke(app, ["invoke", "v2", document, "--url", service.url])
    assert result.exit_code == 0, result.output
    assert "invoice 90.0%" in result.output
    [request] = service.requests
    assert (request.path, request.body) == ("/predict", b"\xff\xd8 document")


@pytest.mark.parametrize(
    ("edge", "variable", "options", "path"),
    [
        (LambdaEdge, "LAMBDA", ["--function", "triptych-v2:live"], "/predict"),
        (SageMakerEdge, "SAGEMAKER_RUNTIME", ["--endpoint", "documents", "--variant", "v2"], "/invocations"),
    ],
    ids=["lambda", "sagemaker"],
)
def test_prediction_of_an_endpoint_in_aws_is_printed_as_json(
    edge: type[LambdaEdge | SageMakerEdge],
    variable: str,
    options: list[str],
    path: str,
    service: Server,
    document: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with running(edge(service.server_address[1])) as between:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{variable}", f"http://127.0.0.1:{between.server_address[1]}")
        result = CliRunner().invoke(app, ["invoke", "v2", document, *options, "--timeout", "5", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["label"] == "invoice"
    assert service.requests[0].path == path


def test_setting_describes_any_endpoint(service: Server, document: str) -> None:
    setting = json.dumps({"type": "http", "url": service.url, "path": "/predict?model=v2"})
    result = CliRunner().invoke(app, ["invoke", "v2", document, "--setting", setting])
    assert result.exit_code == 0, result.output
    assert service.requests[0].path == "/predict?model=v2"


def test_failure_is_reported_with_its_kind(document: str) -> None:
    def reject(request: Request) -> None:
        request.answer({"type": "urn:triptych:problem:corrupt-document", "detail": "No end."}, 422)

    with serving(reject) as server:
        result = CliRunner().invoke(app, ["invoke", "v2", document, "--url", server.url])
    assert isinstance(result.exception, TriptychError)
    assert "rejected" in str(result.exception)
    assert "No end." in str(result.exception)


def test_answer_of_another_version_is_invalid(service: Server, document: str) -> None:
    result = CliRunner().invoke(app, ["invoke", "v3", document, "--url", service.url])
    assert "invalid_answer" in str(result.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Give one of"),
        (["--url", "http://127.0.0.1:1", "--function", "f"], "Give one of"),
        (["--url", "http://127.0.0.1:1", "--variant", "v2"], "--variant requires"),
        (["--url", "ftp://host"], "'url'"),
        (["--function", "not a name"], "'function'"),
        (["--setting", "{"], "not JSON"),
        (["--setting", '{"type": "mainframe"}'], "mainframe"),
    ],
)
def test_invalid_options_are_usage_errors(options: list[str], message: str, document: str) -> None:
    result = CliRunner().invoke(app, ["invoke", "v2", document, *options])
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_missing_document_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["invoke", "v2", str(tmp_path / "none"), "--url", "http://127.0.0.1:1"])
    assert isinstance(result.exception, UsageError)

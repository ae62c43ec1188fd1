"""Protects: every hosting option gives the same answers to the same documents, to the last bit."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from testkit import hosting_options
from testkit.hosting_options import HostedVersions, comparable
from testkit.parity import Answers, compare_answers
from testkit.server_processes import ServerProcess
from tests.support.samples import READABLE, REJECTED, sample
from tests.support.tiny_model import write_tiny_model
from tests.support.tools import require_tool
from triptych.stack.home import REPOSITORY

DOCUMENTS = [*READABLE[:10], *REJECTED[:2]]
RELEASED = REPOSITORY / "models"
VERSIONS = ("v2", "v3")


def answers_of(hosted: HostedVersions, versions: tuple[str, ...] = VERSIONS) -> Answers:
    return {
        (name, version): answer
        for name in DOCUMENTS
        for version, answer in hosted.predict_all(versions, sample(name).read_bytes()).items()
    }


@pytest.fixture(scope="module")
def expected() -> Answers:
    """The answers of separate services, as behind the load balancer."""
    with hosting_options.separate_services(VERSIONS, RELEASED) as hosted:
        return answers_of(hosted)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["single_service", "sagemaker_containers", "lambda_functions", "pytorch_hooks", "ray_serve"]
)
def test_hosting_option_gives_the_answers_of_separate_services(name: str, expected: Answers) -> None:
    if name == "lambda_functions":
        require_tool("sam")  # its package contains the runtime interface emulator
    if name == "ray_serve" and not hosting_options.RAY_PYTHON.exists():
        pytest.skip("Ray Serve is not installed; `make ray` does it")
    with getattr(hosting_options, name)(VERSIONS, RELEASED) as hosted:
        agreement = compare_answers(answers_of(hosted), expected)
    assert agreement.identical == agreement.answers == len(DOCUMENTS) * len(VERSIONS), agreement


@pytest.mark.slow
def test_samples_have_labels_and_problems(expected: Answers) -> None:
    """Otherwise the comparison would be of little value."""
    assert len({answer["label"] for answer in expected.values() if "label" in answer}) >= 4
    assert len({answer["problem"] for answer in expected.values() if "problem" in answer}) == 2


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostedVersions]:
    """The hooks with a tiny version, under SageMaker's toolkit."""
    models: Path = tmp_path_factory.mktemp("models")
    write_tiny_model(models, "v1")
    with hosting_options.pytorch_hooks(["v1"], models) as hosted:
        yield hosted


def test_hooks_accept_a_document_in_json(hooks: HostedVersions) -> None:
    """The toolkit decodes JSON to text before it calls the hooks."""
    [server] = hooks.servers
    document = sample(READABLE[0]).read_bytes()
    encoded = requests.post(
        f"{server.url}/invocations", json={"content": base64.b64encode(document).decode()}, timeout=30
    )
    assert encoded.headers["content-type"] == "application/json"
    assert comparable(encoded.status_code, encoded.content) == hooks.predict("v1", document)


@pytest.mark.parametrize(
    ("document", "problem"),
    [(b"", "empty-document"), (b"\0" * 64, "unsupported-format"), (b"\x89PNG\r\n\x1a\n cut", "corrupt-document")],
    ids=["empty", "unknown", "corrupt"],
)
def test_hooks_report_an_unreadable_document_with_the_status_of_the_api(
    document: bytes, problem: str, hooks: HostedVersions
) -> None:
    response = hooks.ask("v1", document)
    assert comparable(*response) == {"problem": problem}
    assert 400 <= response.status < 500


def test_server_that_ends_at_once_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        ServerProcess(["false"], {}, 1, folder=tmp_path, is_ready=lambda _: False)

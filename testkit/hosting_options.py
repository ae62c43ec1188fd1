"""The hosting options of the model service that run on this machine. Each serves the same versions in its own way.

Each starts its servers as it would elsewhere, and returns what a caller can compare: the response of the service's API
without its timings, or the kind of problem.
"""

import base64
import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import requests

from orchestrator.lambda_sender import http_event
from testkit.server_processes import ServerProcess, free_port, gets_ok, running_servers
from triptych.hosting.package import archive, package_content
from triptych.stack.environment import tool_path
from triptych.stack.home import REPOSITORY

Answer = dict[str, Any]
"""The part of a response that must be the same with every hosting option."""

RAY_PYTHON: Final = REPOSITORY / ".venv-ray" / "bin" / "python"
"""Python of the environment with Ray Serve, which `make ray` creates."""

_CALL_SECONDS: Final = 60
_BYTES: Final = "application/octet-stream"
_SAGEMAKER_HEADERS: Final = {"Content-Type": _BYTES, "Accept": "application/json", "User-Agent": None}
"""The headers that reach a container on SageMaker. None removes the header that the client would add."""
_HANDLER: Final = "model_service.lambda_handler.handler"


class RawResponse(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


@dataclass(frozen=True)
class HostedVersions:
    """Versions that one hosting option serves.

    Attributes:
        name: Name in tables.
        servers: Its servers.
        ask: Sends a document to a version, and returns the response.
    """

    name: str
    servers: Sequence[ServerProcess]
    ask: Callable[[str, bytes], RawResponse]

    def predict(self, version: str, document: bytes) -> Answer:
        """Return the comparable part of the response to a document."""
        return comparable(*self.ask(version, document))

    def predict_all(self, versions: Sequence[str], document: bytes) -> dict[str, Answer]:
        """Return what each version responds to a document, asked at the same time, as the orchestrator does."""
        with ThreadPoolExecutor(len(versions)) as pool:
            answers = pool.map(lambda version: self.predict(version, document), versions)
            return dict(zip(versions, answers, strict=True))

    def cpu_seconds(self) -> float:
        """Return the CPU time of its processes so far, start included."""
        return sum(server.cpu_seconds() for server in self.servers)


def comparable(status: int, body: bytes) -> Answer:
    """Return the part of a response that does not differ between two calls.

    Args:
        status: HTTP status code.
        body: JSON, or text that starts with the kind of problem, as SageMaker's toolkit returns it.
    """
    if status != 200 and not body.startswith(b"{"):
        return {"problem": body.decode().partition(":")[0]}
    answer: Answer = json.loads(body)
    if status != 200:
        return {"problem": answer.get("type", body.decode()).rpartition(":")[2]}
    return {name: value for name, value in answer.items() if name != "timings_ms"}


def _service(versions: str, models: Path, *arguments: str) -> Callable[[], ServerProcess]:
    """Return what starts the service as a process."""
    settings = {"MODELS": versions, "MODELS_DIR": str(models)}
    command = [sys.executable, "-m", "model_service", *arguments]
    return lambda: ServerProcess(command, settings, free_port(), folder=REPOSITORY, is_ready=gets_ok("/health/ready"))


@contextmanager
def separate_services(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """A service for each version, as behind the load balancer."""
    with (
        running_servers(*(_service(version, models) for version in versions)) as servers,
        requests.Session() as session,
    ):
        urls = {version: server.url for version, server in zip(versions, servers, strict=True)}
        yield HostedVersions(
            "separate services", servers, lambda v, body: _post(session, f"{urls[v]}/{v}/predict", body)
        )


@contextmanager
def single_service(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """One service for all versions, which `?model=` selects."""
    with running_servers(_service(",".join(versions), models)) as [server], requests.Session() as session:
        yield HostedVersions(
            "single service", [server], lambda v, body: _post(session, f"{server.url}/predict?model={v}", body)
        )


@contextmanager
def sagemaker_containers(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """The service's container as SageMaker runs it: `serve`, `/invocations`, and few headers. A variant per version."""
    with running_servers(*(_service(version, models, "serve") for version in versions)) as servers:
        yield HostedVersions("SageMaker container", servers, partial(_invoke_container, _variants(versions, servers)))


def _variants(versions: Sequence[str], servers: Sequence[ServerProcess]) -> dict[str, str]:
    """Return the address of each version's container."""
    return {version: f"{server.url}/invocations" for version, server in zip(versions, servers, strict=True)}


def _invoke_container(urls: Mapping[str, str], version: str, document: bytes) -> RawResponse:
    """Send what SageMaker sends to a container: the document, and few headers."""
    response = requests.post(urls[version], document, headers=_SAGEMAKER_HEADERS, timeout=_CALL_SECONDS)
    return RawResponse(response.status_code, response.content)


@contextmanager
def lambda_functions(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """A Lambda function for each version, under AWS's runtime interface emulator.

    The emulator starts a function with its first event.
    """
    machine = "arm64" if platform.machine() == "aarch64" else "x86_64"
    [emulator] = (
        tool_path("sam").parents[1].glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}")
    )

    def start(version: str) -> ServerProcess:
        port, runtime_port = free_port(), free_port()
        listen = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        listen += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
        command = [str(emulator), *listen, sys.executable, "-m", "awslambdaric", _HANDLER]
        settings = {"MODELS": version, "MODELS_DIR": str(models), "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}
        return ServerProcess(command, settings, port, folder=REPOSITORY, is_ready=_is_invoked)

    with running_servers(*(partial(start, version) for version in versions)) as servers:
        urls = {version: server.url for version, server in zip(versions, servers, strict=True)}

        yield HostedVersions(
            "Lambda functions", servers, lambda version, document: _invoke_function(urls[version], document)
        )


def _invoke_function(url: str, document: bytes) -> RawResponse:
    """Invoke the function of an emulator with a request for a prediction."""
    event = http_event("/predict", {"content-type": _BYTES}, document)
    invoked = requests.post(f"{url}/2015-03-31/functions/function/invocations", json=event, timeout=_CALL_SECONDS)
    returned = invoked.json()
    if "statusCode" not in returned:  # the function failed
        return RawResponse(502, invoked.content)
    body = returned["body"]
    return RawResponse(returned["statusCode"], base64.b64decode(body) if returned["isBase64Encoded"] else body.encode())


def _is_invoked(url: str) -> bool:
    return _invoke_function(url, b"").status == 400  # the document is empty


@contextmanager
def pytorch_hooks(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """The packages of SageMaker under its inference toolkit, see `testkit.toolkit_server`."""
    with _unpacked([[version] for version in versions], models) as packages:

        def start(package: Path) -> ServerProcess:
            # The code of the package comes first; this repository has the server only.
            settings = {"PYTHONPATH": f"{package / 'code'}{os.pathsep}{REPOSITORY}"}
            command = [sys.executable, "-m", "testkit.toolkit_server", str(package)]
            return ServerProcess(command, settings, free_port(), folder=package, is_ready=gets_ok("/ping"))

        with running_servers(*(partial(start, package) for package in packages)) as servers:
            yield HostedVersions("PyTorch hooks", servers, partial(_invoke_container, _variants(versions, servers)))


@contextmanager
def ray_serve(versions: Sequence[str], models: Path) -> Iterator[HostedVersions]:
    """A package with all versions under Ray Serve, with the requests that the adapter of AWS's images sends to it."""
    with _unpacked([versions], models) as [package]:
        application = (package / "config.yaml").read_text()
        settings = {"PYTHONPATH": str(package), "RAY_USAGE_STATS_ENABLED": "0"}

        def start() -> ServerProcess:
            port = free_port()
            config = package / "local.yaml"
            config.write_text(f"http_options: {{host: 127.0.0.1, port: {port}}}\n{application}")
            command = [str(RAY_PYTHON.parent / "serve"), "run", str(config)]
            return ServerProcess(command, settings, port, folder=package, is_ready=gets_ok("/ping"))

        with running_servers(start) as [server]:
            urls = {version: f"{server.url}/?model={version}" for version in versions}
            yield HostedVersions("Ray Serve", [server], partial(_invoke_container, urls))


@contextmanager
def _unpacked(packages: Sequence[Sequence[str]], models: Path) -> Iterator[list[Path]]:
    """Write packages, each with some versions, and unpack them, as SageMaker does at /opt/ml/model."""
    with TemporaryDirectory() as scratch:
        folders = []
        for versions in packages:
            content: dict[str, bytes] = {}
            for version in versions:
                content |= package_content(models / version)
            folders.append(Path(scratch) / "-".join(versions))
            with tarfile.open(fileobj=io.BytesIO(archive(content))) as tar:
                tar.extractall(folders[-1], filter="data")
        yield folders


def _post(session: requests.Session, url: str, document: bytes) -> RawResponse:
    response = session.post(url, document, headers={"Content-Type": _BYTES}, timeout=_CALL_SECONDS)
    return RawResponse(response.status_code, response.content)

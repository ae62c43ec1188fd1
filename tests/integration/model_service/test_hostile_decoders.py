"""Protects: a service whose decoder processes are taken over keeps working, and reports an outage of all of them.

The decoder processes run `tests/support/hostile_decoder.py`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.support import hostile_decoder
from tests.support.hostile_decoder import LURKING, START_VARIABLE, hostile_document
from tests.support.pages import encode, page
from tests.support.polling import wait_until
from tests.support.service import ServiceProcess, metric, running_service

DOCUMENT: Final = encode(page(), "JPEG")
_PROGRAM: Final = f"""
import sys
from decoding.isolation import process
process.WORKER_MODULE = {hostile_decoder.MODULE!r}
from model_service.__main__ import main
sys.exit(main())
"""
COMMAND: Final = (sys.executable, "-c", _PROGRAM)
# What one request allocates; a flood that was read would take 2 GiB.
_REQUEST_BYTES: Final = 100 * 1024 * 1024


@pytest.fixture(scope="module")
def start_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that, while it exists, makes decoder processes fail to start."""
    return tmp_path_factory.mktemp("start") / "state"


@pytest.fixture(scope="module")
def service(tiny_models: Path, start_state: Path) -> Iterator[ServiceProcess]:
    settings = {"WORKERS": "1", "MAX_IN_FLIGHT": "3", "MAX_DECODE_SECONDS": "1.5", START_VARIABLE: str(start_state)}
    with running_service(tiny_models, command=COMMAND, **settings) as running:
        yield running


def post(service: ServiceProcess, content: bytes, **headers: str) -> httpx2.Response:
    return httpx2.post(service.url + "/predict", content=content, headers=headers, timeout=60)


def problem(response: httpx2.Response) -> str:
    return str(response.json()["type"]).rpartition(":")[2]


def status(service: ServiceProcess, path: str) -> int:
    return httpx2.get(service.url + path).status_code


@pytest.mark.parametrize(
    "behaviour", ["exit", "sleep", "send-head-without-pages", "announce-two-gibibytes", "trickle-pages"]
)
def test_a_hostile_document_fails_its_own_request_only(service: ServiceProcess, behaviour: str) -> None:
    assert post(service, DOCUMENT).status_code == 200
    before = service.peak_memory()

    hostile = post(service, hostile_document(behaviour))

    assert hostile.status_code == 422
    assert problem(hostile) in ("decoder-timeout", "decoder-crashed")
    assert post(service, DOCUMENT).status_code == 200
    assert status(service, "/health/ready") == 200
    assert service.peak_memory() < before + _REQUEST_BYTES


@pytest.mark.parametrize("behaviour", LURKING)
def test_a_process_that_was_taken_over_does_not_fail_the_next_request(service: ServiceProcess, behaviour: str) -> None:
    expected = post(service, DOCUMENT).json()["probabilities"]

    post(service, hostile_document(behaviour))

    assert post(service, DOCUMENT).json()["probabilities"] == expected


def test_a_hostile_document_does_not_outlast_the_deadline_of_its_request(tiny_models: Path) -> None:
    with running_service(tiny_models, command=COMMAND, WORKERS="1", MAX_DECODE_SECONDS="60") as service:
        for behaviour in ("sleep", "trickle-message", "trickle-pages"):
            response = post(service, hostile_document(behaviour), **{"X-Timeout-Ms": "200"})

            assert (response.status_code, problem(response)) == (408, "deadline-exceeded")
            assert post(service, DOCUMENT).status_code == 200


def test_a_hostile_document_does_not_block_the_shutdown(tiny_models: Path) -> None:
    settings = {"WORKERS": "1", "MAX_DECODE_SECONDS": "60", "DRAIN_SECONDS": "0", "STOP_SECONDS": "1"}
    with running_service(tiny_models, command=COMMAND, **settings) as service:
        with ThreadPoolExecutor(1) as pool:
            hostile = pool.submit(post, service, hostile_document("sleep"))
            wait_until(lambda: metric(service, "triptych_in_flight") == 1)
            started = time.monotonic()

            service.signal(signal.SIGTERM)

            assert service.wait() == 0
            assert time.monotonic() - started < 15
        assert hostile.exception() or hostile.result().status_code >= 500


def test_an_outage_of_the_decoders_is_reported_and_ends(service: ServiceProcess, start_state: Path) -> None:
    start_state.write_text("exit")
    for decoder in service.decoders():
        decoder.kill()

    wait_until(lambda: status(service, "/health/ready") == 503)

    response = post(service, DOCUMENT)
    assert (response.status_code, problem(response)) == (503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert status(service, "/health/live") == 200
    start_state.unlink()
    wait_until(lambda: status(service, "/health/ready") == 200)
    assert post(service, DOCUMENT).status_code == 200


def test_a_service_without_decoders_does_not_start(tiny_models: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("wrong")

    ended = subprocess.run(
        COMMAND,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "MODELS_DIR": str(tiny_models), "PORT": "0", START_VARIABLE: str(state)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "A decoder process did not start" in ended.stdout

"""Protects: overload, cancellation, decoder failures, shutdown and logs of the service as a process."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.support.pages import encode, every_format, page, slow_document
from tests.support.polling import wait_until
from tests.support.service import ServiceProcess, metric, running_service
from tests.support.tiny_model import write_tiny_model

DOCUMENT = encode(page(), "JPEG")
SLOW = slow_document()
CLASSIFIED = 'triptych_stage_seconds_count{model="v1",stage="total"}'
DISCONNECTED = 'triptych_rejected_total{reason="caller-gone"}'


def post(service: ServiceProcess, content: bytes, **headers: str) -> httpx2.Response:
    return httpx2.post(service.url + "/predict", content=content, headers=headers, timeout=60)


class StalledUpload:
    """A request whose last byte is not sent until `finish` is called."""

    def __init__(self, service: ServiceProcess, content: bytes, *headers: str) -> None:
        url = httpx2.URL(service.url)
        self._socket = socket.create_connection((url.host, url.port or 80))
        head = ["POST /predict HTTP/1.1", f"Host: {url.host}", f"Content-Length: {len(content)}", *headers, "", ""]
        self._socket.sendall("\r\n".join(head).encode() + content[:-1])
        self._last = content[-1:]

    def finish(self) -> None:
        self._socket.sendall(self._last)

    def status_line(self) -> str:
        """Return the status line of the response, empty if the connection was closed."""
        self._socket.settimeout(60)
        return self._socket.makefile("rb").readline().decode().strip()

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running_small_service(tiny_models: Path) -> Iterator[ServiceProcess]:
    """Start a service with two slots and one thread."""
    settings = {"MAX_IN_FLIGHT": "2", "WORKERS": "1", "MAX_SLOW": "0", "DRAIN_SECONDS": "1", "LOG_LEVEL": "DEBUG"}
    with running_service(tiny_models, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def shared_service(tiny_models: Path) -> Iterator[ServiceProcess]:
    with running_small_service(tiny_models) as running:
        yield running


@pytest.fixture
def small_service(shared_service: ServiceProcess) -> ServiceProcess:
    """A service with two slots and one thread, with no request in flight and a decoder that is ready."""
    wait_until(lambda: metric(shared_service, "triptych_in_flight") == 0)
    assert post(shared_service, DOCUMENT).status_code == 200
    return shared_service


@pytest.mark.slow
def test_concurrent_requests_have_the_same_results_as_sequential_ones(service: ServiceProcess) -> None:
    files = list(every_format().values())
    sequential = [post(service, file).json()["probabilities"] for file in files]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda file: post(service, file), files * 3))

    assert [result.status_code for result in results] == [200] * len(results)
    assert [result.json()["probabilities"] for result in results] == sequential * 3


def test_an_overloaded_service_rejects_at_once_with_retry_after(small_service: ServiceProcess) -> None:
    first, second = StalledUpload(small_service, DOCUMENT), StalledUpload(small_service, DOCUMENT)
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 2)

    rejected = post(small_service, DOCUMENT)

    assert rejected.status_code == 429
    assert rejected.json()["type"] == "urn:triptych:problem:overloaded"
    assert int(rejected.headers["retry-after"]) >= 1
    assert httpx2.get(small_service.url + "/health/ready").status_code == 200
    for upload in (first, second):
        upload.finish()
        assert upload.status_line() == "HTTP/1.1 200 OK"
        upload.close()
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)
    assert post(small_service, DOCUMENT).status_code == 200


def test_an_overloaded_service_rejects_a_large_upload(small_service: ServiceProcess) -> None:
    stalled = [StalledUpload(small_service, DOCUMENT), StalledUpload(small_service, DOCUMENT)]
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 2)

    assert post(small_service, bytes(30_000_000)).status_code == 429

    for upload in stalled:
        upload.close()
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)


def test_an_upload_that_does_not_end_exceeds_its_deadline(small_service: ServiceProcess) -> None:
    upload = StalledUpload(small_service, DOCUMENT, "X-Timeout-Ms: 150")

    assert upload.status_line() == "HTTP/1.1 408 Request Timeout"

    upload.close()
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)


def test_work_is_cancelled_at_its_deadline(small_service: ServiceProcess) -> None:
    before = metric(small_service, CLASSIFIED)

    late = post(small_service, SLOW, **{"X-Timeout-Ms": "20"})

    assert (late.status_code, late.headers["retry-after"]) == (408, "1")
    assert late.json()["type"] == "urn:triptych:problem:deadline-exceeded"
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)
    assert metric(small_service, CLASSIFIED) == before
    assert post(small_service, DOCUMENT).status_code == 200


def test_work_is_cancelled_when_the_client_disconnects(small_service: ServiceProcess) -> None:
    before, disconnected = metric(small_service, CLASSIFIED), metric(small_service, DISCONNECTED)
    upload = StalledUpload(small_service, SLOW)
    upload.finish()
    wait_until(lambda: metric(small_service, "triptych_in_flight") == 1)
    upload.close()

    small_service.wait_for_log(message="request", status=499)

    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)
    assert metric(small_service, DISCONNECTED) == disconnected + 1
    assert metric(small_service, CLASSIFIED) == before


def test_health_checks_respond_while_every_thread_decodes(small_service: ServiceProcess) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, small_service, SLOW)
        wait_until(lambda: metric(small_service, "triptych_in_flight") == 1)
        healthy = httpx2.get(small_service.url + "/health/live")
        assert healthy.status_code == 200
        assert not slow.done()
        assert slow.result().status_code == 200


def test_an_upload_without_a_length_is_rejected_at_the_limit(tiny_models: Path) -> None:
    with running_service(tiny_models, MAX_BYTES="100000") as service:
        endless = (bytes(10_000) for _ in range(200))

        rejected = httpx2.post(service.url + "/predict", content=endless)

        assert rejected.status_code == 413
        assert rejected.json()["type"] == "urn:triptych:problem:document-too-large"
        assert httpx2.get(service.url + "/health/ready").status_code == 200


class Decoding:
    """A slow document that the only decoder of a service is decoding."""

    def __init__(self, service: ServiceProcess, **headers: str) -> None:
        (self.decoder,) = service.decoders()
        before = self.decoder.cpu_times().user
        pool = ThreadPoolExecutor(1)
        self.response = pool.submit(post, service, SLOW, **headers)
        wait_until(lambda: self.decoder.cpu_times().user > before + 0.02)
        pool.shutdown(wait=False)


def test_a_decoder_that_crashes_fails_one_request(small_service: ServiceProcess) -> None:
    slow = Decoding(small_service)
    slow.decoder.send_signal(signal.SIGSEGV)

    assert slow.response.result().status_code == 422
    assert slow.response.result().json()["type"] == "urn:triptych:problem:decoder-crashed"
    assert post(small_service, DOCUMENT).status_code == 200
    assert [slow.decoder] != small_service.decoders()


def test_a_decoder_that_hangs_fails_one_request(tiny_models: Path) -> None:
    with running_service(tiny_models, WORKERS="1", MAX_SLOW="0", MAX_DECODE_SECONDS="1") as service:
        slow = Decoding(service)
        slow.decoder.suspend()

        rejected = slow.response.result()

        assert rejected.status_code == 422
        assert rejected.json()["type"] == "urn:triptych:problem:decoder-timeout"
        assert post(service, DOCUMENT).status_code == 200


@pytest.mark.parametrize("fail", [psutil.Process.kill, psutil.Process.suspend])
def test_a_decoder_that_fails_while_idle_fails_no_request(
    small_service: ServiceProcess, fail: Callable[[psutil.Process], None]
) -> None:
    (victim,) = small_service.decoders()
    fail(victim)

    assert post(small_service, DOCUMENT).status_code == 200
    assert [victim] != small_service.decoders()


def test_a_decoder_that_hangs_does_not_outlast_the_deadline(small_service: ServiceProcess) -> None:
    slow = Decoding(small_service, **{"X-Timeout-Ms": "1500"})
    slow.decoder.suspend()

    assert slow.response.result().status_code == 408

    wait_until(lambda: metric(small_service, "triptych_in_flight") == 0)
    assert post(small_service, DOCUMENT).status_code == 200


def test_no_decoder_outlives_the_service(tiny_models: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with running_service(tiny_models, WORKERS="3", DRAIN_SECONDS="0") as service:
            decoders = service.decoders()
            service.signal(number)
            service.wait()

            assert len(decoders) >= 3  # those for slow documents may still be starting
            wait_until(lambda: not any(decoder.is_running() for decoder in decoders))  # noqa: B023


def test_decoders_inherit_no_secret(tiny_models: Path) -> None:
    with running_service(tiny_models, AWS_SECRET_ACCESS_KEY="guarded", WORKERS="1", MAX_SLOW="0") as service:
        (decoder,) = service.decoders()

        assert "AWS_SECRET_ACCESS_KEY" not in decoder.environ()


def test_requests_in_flight_are_completed_after_sigterm(tiny_models: Path) -> None:
    with running_small_service(tiny_models) as service:
        upload = StalledUpload(service, DOCUMENT)
        wait_until(lambda: metric(service, "triptych_in_flight") == 1)
        with httpx2.Client(base_url=service.url) as pooled:
            pooled.get("/health/live")

            service.signal(signal.SIGTERM)
            service.wait_for_log(message="draining", signal="SIGTERM")

            unready = pooled.get("/health/ready")
            assert unready.status_code == 503
            assert unready.headers["connection"] == "close"
            # A request that was sent before the load balancer noticed is still processed.
            assert pooled.post("/predict", content=DOCUMENT).status_code == 200
        service.wait_for_log(message="Shutting down")
        upload.finish()
        assert upload.status_line() == "HTTP/1.1 200 OK"
        upload.close()
        assert service.wait() == 0


def test_a_stalled_upload_does_not_block_the_shutdown(tiny_models: Path) -> None:
    with running_service(tiny_models, DRAIN_SECONDS="0", STOP_SECONDS="1") as service:
        upload = StalledUpload(service, DOCUMENT)
        wait_until(lambda: metric(service, "triptych_in_flight") == 1)

        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        upload.close()


def test_the_log_has_the_result_and_trace_id_of_a_request(service: ServiceProcess) -> None:
    trace = "Root=1-00000000-111111111111111111111111"

    result = post(service, DOCUMENT, **{"X-Amzn-Trace-Id": trace}).json()

    line = service.wait_for_log(message="request", trace_id=trace)
    assert (line["label"], line["model"], line["status"]) == (result["label"], result["model"], 200)


@pytest.mark.parametrize(
    ("settings", "code", "named"),
    [
        ({"MODELS": "v9"}, 1, "v9/manifest.json: No such file or directory"),
        ({"PORT": "eighty"}, 2, "PORT"),
    ],
)
def test_a_service_that_cannot_start_logs_the_reason(
    tiny_models: Path, settings: dict[str, str], code: int, named: str
) -> None:
    ended = start(tiny_models, settings)

    assert ended.returncode == code
    assert named in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_modified_weights_are_not_served(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    weights = tmp_path / "v1" / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")

    ended = start(tmp_path, {})

    assert ended.returncode == 1
    assert "model.bin: sha256 is" in ended.stdout


def start(models: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected to exit on its own."""
    return subprocess.run(
        [sys.executable, "-m", "model_service"],
        cwd=Path(__file__).parents[3],
        env={"MODELS_DIR": str(models), "PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

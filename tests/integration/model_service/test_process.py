"""The service as a process: it fills up, it gives up work, it stops, and loses nothing that it accepted."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.support.pages import encode, every_format, page, slow_document
from tests.support.service import ServiceProcess, running_service
from tests.support.tiny_model import write_tiny_model

DOCUMENT = encode(page(), "JPEG")
SLOW = slow_document()


def metric(service: ServiceProcess, line: str) -> float:
    """The value of a metric, 0 if it has none yet."""
    values = (text.rpartition(" ")[::2] for text in httpx2.get(service.url + "/metrics").text.splitlines())
    return next((float(value) for name, value in values if name == line), 0.0)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition; a minute is far more than any of these needs."""
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up, "it never came true"
        time.sleep(0.01)


def post(service: ServiceProcess, content: bytes, **headers: str) -> httpx2.Response:
    return httpx2.post(service.url + "/predict", content=content, headers=headers, timeout=60)


class StalledUpload:
    """A request that has been accepted and whose last byte does not come until it is told to."""

    def __init__(self, service: ServiceProcess, content: bytes, *headers: str) -> None:
        url = httpx2.URL(service.url)
        self._socket = socket.create_connection((url.host, url.port or 80))
        head = ["POST /predict HTTP/1.1", f"Host: {url.host}", f"Content-Length: {len(content)}", *headers, "", ""]
        self._socket.sendall("\r\n".join(head).encode() + content[:-1])
        self._last = content[-1:]

    def finish(self) -> None:
        self._socket.sendall(self._last)

    def answer(self) -> str:
        """The status line of the answer, empty if the connection was closed."""
        self._socket.settimeout(60)
        return self._socket.makefile("rb").readline().decode().strip()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def narrow(tiny_models: Path) -> Iterator[ServiceProcess]:
    """A service with two places and one thread."""
    with running_service(tiny_models, MAX_IN_FLIGHT="2", WORKERS="1", DRAIN_SECONDS="1", LOG_LEVEL="DEBUG") as running:
        yield running


def test_many_callers_at_once_get_the_answers_that_each_would_get_alone(service: ServiceProcess) -> None:
    files = list(every_format().values())
    alone = [post(service, file).json()["probabilities"] for file in files]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda file: post(service, file), files * 3))

    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert [answer.json()["probabilities"] for answer in answers] == alone * 3


def test_a_full_service_refuses_at_once_and_says_when_to_return(narrow: ServiceProcess) -> None:
    first, second = StalledUpload(narrow, DOCUMENT), StalledUpload(narrow, DOCUMENT)
    eventually(lambda: metric(narrow, "triptych_in_flight") == 2)

    refused = post(narrow, DOCUMENT)

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:triptych:problem:overloaded"
    assert int(refused.headers["retry-after"]) >= 1
    assert httpx2.get(narrow.url + "/health/ready").status_code == 200
    for upload in (first, second):
        upload.finish()
        assert upload.answer() == "HTTP/1.1 200 OK"
        upload.close()
    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)
    assert post(narrow, DOCUMENT).status_code == 200


def test_a_large_upload_to_a_full_service_is_refused_too(narrow: ServiceProcess) -> None:
    stalled = [StalledUpload(narrow, DOCUMENT), StalledUpload(narrow, DOCUMENT)]
    eventually(lambda: metric(narrow, "triptych_in_flight") == 2)

    assert post(narrow, bytes(30_000_000)).status_code == 503

    for upload in stalled:
        upload.close()
    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)


def test_an_upload_that_does_not_end_runs_out_of_time(narrow: ServiceProcess) -> None:
    upload = StalledUpload(narrow, DOCUMENT, "X-Timeout-Ms: 150")

    assert upload.answer() == "HTTP/1.1 504 Gateway Timeout"

    upload.close()
    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)


def test_no_answer_comes_after_the_callers_time(narrow: ServiceProcess) -> None:
    late = post(narrow, SLOW, **{"X-Timeout-Ms": "20"})

    assert late.status_code == 504
    assert late.json()["type"] == "urn:triptych:problem:deadline-exceeded"
    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)
    assert metric(narrow, 'triptych_stage_seconds_count{model="v1",stage="total"}') == 0
    assert post(narrow, DOCUMENT).status_code == 200


def test_work_for_a_caller_that_hung_up_is_dropped(narrow: ServiceProcess) -> None:
    upload = StalledUpload(narrow, SLOW)
    upload.finish()
    eventually(lambda: metric(narrow, "triptych_in_flight") == 1)
    upload.close()

    narrow.wait_for_log(message="request", status=499)

    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)
    assert metric(narrow, 'triptych_rejected_total{reason="caller-gone"}') == 1
    assert metric(narrow, 'triptych_stage_seconds_count{model="v1",stage="total"}') == 0


def test_health_is_answered_while_every_thread_decodes(narrow: ServiceProcess) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(post, narrow, SLOW)
        eventually(lambda: metric(narrow, "triptych_in_flight") == 1)
        healthy = httpx2.get(narrow.url + "/health/live")
        assert healthy.status_code == 200
        assert not slow.done()
        assert slow.result().status_code == 200


def test_an_upload_without_a_length_is_cut_at_the_limit(tiny_models: Path) -> None:
    with running_service(tiny_models, MAX_BYTES="100000") as service:
        endless = (bytes(10_000) for _ in range(200))

        refused = httpx2.post(service.url + "/predict", content=endless)

        assert refused.status_code == 413
        assert refused.json()["type"] == "urn:triptych:problem:document-too-large"
        assert httpx2.get(service.url + "/health/ready").status_code == 200


def test_a_decoder_that_crashes_takes_one_request_with_it(narrow: ServiceProcess) -> None:
    with ThreadPoolExecutor(1) as pool:
        fatal = pool.submit(post, narrow, SLOW)
        eventually(lambda: metric(narrow, "triptych_in_flight") == 1)
        time.sleep(0.1)
        (victim,) = narrow.decoders()
        victim.send_signal(signal.SIGSEGV)

        assert fatal.result().status_code == 422
        assert fatal.result().json()["type"] == "urn:triptych:problem:decoder-crashed"
    assert post(narrow, DOCUMENT).status_code == 200
    assert [victim] != narrow.decoders()


def test_a_decoder_that_hangs_takes_one_request_with_it(tiny_models: Path) -> None:
    with running_service(tiny_models, WORKERS="1", MAX_DECODE_SECONDS="0.5") as service:
        (victim,) = service.decoders()
        victim.suspend()

        refused = post(service, DOCUMENT)

        assert refused.status_code == 422
        assert refused.json()["type"] == "urn:triptych:problem:decoder-timeout"
        assert post(service, DOCUMENT).status_code == 200


def test_a_hanging_decoder_does_not_outlast_its_callers_time(narrow: ServiceProcess) -> None:
    (victim,) = narrow.decoders()
    victim.suspend()

    assert post(narrow, DOCUMENT, **{"X-Timeout-Ms": "200"}).status_code == 504

    eventually(lambda: metric(narrow, "triptych_in_flight") == 0)
    assert post(narrow, DOCUMENT).status_code == 200


def test_no_decoder_outlives_the_service(tiny_models: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with running_service(tiny_models, WORKERS="3", DRAIN_SECONDS="0") as service:
            decoders = service.decoders()
            service.signal(number)
            service.wait()

            assert len(decoders) == 3
            eventually(lambda: not any(decoder.is_running() for decoder in decoders))  # noqa: B023


def test_decoders_inherit_no_secret(tiny_models: Path) -> None:
    with running_service(tiny_models, AWS_SECRET_ACCESS_KEY="guarded", WORKERS="1") as service:
        (decoder,) = service.decoders()

        assert "AWS_SECRET_ACCESS_KEY" not in decoder.environ()


def test_sigterm_finishes_what_is_in_hand(narrow: ServiceProcess) -> None:
    upload = StalledUpload(narrow, DOCUMENT)
    eventually(lambda: metric(narrow, "triptych_in_flight") == 1)
    with httpx2.Client(base_url=narrow.url) as pooled:
        pooled.get("/health/live")

        narrow.signal(signal.SIGTERM)
        narrow.wait_for_log(message="draining", signal="SIGTERM")

        unready = pooled.get("/health/ready")
        assert unready.status_code == 503
        assert unready.headers["connection"] == "close"
        # A request that was on its way while the load balancer learnt of it is still served.
        assert pooled.post("/predict", content=DOCUMENT).status_code == 200
    narrow.wait_for_log(message="Shutting down")
    upload.finish()
    assert upload.answer() == "HTTP/1.1 200 OK"
    upload.close()
    assert narrow.wait() == 0


def test_a_stuck_upload_does_not_keep_the_process_alive(tiny_models: Path) -> None:
    with running_service(tiny_models, DRAIN_SECONDS="0", STOP_SECONDS="1") as service:
        upload = StalledUpload(service, DOCUMENT)
        eventually(lambda: metric(service, "triptych_in_flight") == 1)

        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        upload.close()


def test_the_log_leads_from_a_trace_id_to_the_verdict(service: ServiceProcess) -> None:
    trace = "Root=1-00000000-111111111111111111111111"

    said = post(service, DOCUMENT, **{"X-Amzn-Trace-Id": trace}).json()

    line = service.wait_for_log(message="request", trace_id=trace)
    assert (line["label"], line["model"], line["status"]) == (said["label"], said["model"], 200)


@pytest.mark.parametrize(
    ("settings", "code", "named"),
    [
        ({"MODELS": "v9"}, 1, "v9/manifest.json: No such file or directory"),
        ({"PORT": "eighty"}, 2, "PORT"),
    ],
)
def test_a_service_that_cannot_start_says_why(
    tiny_models: Path, settings: dict[str, str], code: int, named: str
) -> None:
    ended = start(tiny_models, settings)

    assert ended.returncode == code
    assert named in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_weights_that_were_changed_are_not_served(tmp_path: Path) -> None:
    write_tiny_model(tmp_path)
    weights = tmp_path / "v1" / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")

    ended = start(tmp_path, {})

    assert ended.returncode == 1
    assert "model.bin: sha256 is" in ended.stdout


def start(models: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "model_service"],
        cwd=Path(__file__).parents[3],
        env={"MODELS_DIR": str(models), "PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

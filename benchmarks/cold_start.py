"""Phases of the orchestrator's cold start on this machine: `python -m benchmarks.cold_start`.

Each repetition is a new process, as on Lambda. A local server answers in place of S3, DynamoDB and the versions. The
first three phases are the steps of `orchestrator.function`, which precede the first event, and the fourth is part of
the first connection to each host. The second event shows what an event costs once everything is loaded. The times of
the network and of Lambda itself are missing.
"""

import argparse
import gc
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Final

_PHASES: Final = {
    "boto3": "its import",
    "other imports": "modules of the handler",
    "clients": "of S3 and DynamoDB, connection pools, pipeline",
    "TLS": "certificate authorities of one connection pool",
    "first event": "one document, three versions",
    "second event": "the same",
}
_VERSIONS: Final = ("v1", "v2", "v3")
_PREDICTION: Final = {
    "model_sha256": "0",
    "label": "invoice",
    "confidence": 0.9,
    "probabilities": {"invoice": 0.9, "receipt": 0.1},
    "abstained": False,
    "pages": 1,
    "timings_ms": {},
}


class _LocalServer(BaseHTTPRequestHandler):
    """Answers as a version at `/vN/predict`, and otherwise with an empty JSON object: no item, or a small document."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        version = re.fullmatch(r"/(v\d)/predict", self.path)
        body = json.dumps({"model": version[1], **_PREDICTION} if version else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def local_server() -> Iterator[str]:
    """Run the server within the block, and yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _LocalServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def environment(url: str) -> dict[str, str]:
    """Return the environment of the function, with everything at one URL."""
    return {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "key-id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "orchestrator",
        "POWERTOOLS_METRICS_NAMESPACE": "Triptych",
        "POWERTOOLS_SERVICE_NAME": "orchestrator",
        "TABLE_NAME": "records",
        "MODEL_ENDPOINTS": json.dumps({version: f"{url}/{version}" for version in _VERSIONS}),
    }


Phases = Mapping[str, tuple[float, float]]
"""Elapsed milliseconds and milliseconds of CPU time, by phase."""


def start() -> Phases:
    """Start as `orchestrator.function` does, process two events, and return the time of each phase."""
    gc.disable()
    marks = [(time.perf_counter(), time.process_time())]

    def done() -> None:
        marks.append((time.perf_counter(), time.process_time()))

    import boto3  # noqa: F401

    done()
    import orchestrator.handler as function

    done()
    function.orchestrator()
    gc.freeze()
    gc.enable()
    done()
    from botocore.httpsession import get_cert_path
    from urllib3.util.ssl_ import create_urllib3_context

    create_urllib3_context().load_verify_locations(get_cert_path(True))
    done()
    context: Any = SimpleNamespace(
        function_name="orchestrator",
        function_version="1",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:orchestrator",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: 15_000,
    )
    for number in (1, 2):
        function.handler(_event(number), context)
        done()
    return {
        name: ((after[0] - before[0]) * 1000, (after[1] - before[1]) * 1000)
        for name, before, after in zip(_PHASES, marks, marks[1:], strict=False)
    }


def _event(number: int) -> dict[str, Any]:
    s3 = {"bucket": {"name": "inbox"}, "object": {"key": f"{number}.txt", "size": 2, "sequencer": f"{number:016X}"}}
    time_of_upload = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {
        "Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": time_of_upload, "s3": s3}]
    }


def report(starts: Sequence[Phases]) -> str:
    """Return a table of the medians."""
    lines = [f"| phase, median of {len(starts)} processes | ms | ms of CPU time | |", "|---|---|---|---|"]
    for name, what in _PHASES.items():
        elapsed, cpu = (statistics.median(each[name][column] for each in starts) for column in (0, 1))
        lines.append(f"| {name} | {elapsed:.0f} | {cpu:.0f} | {what} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--rounds", type=int, default=7, help="processes (default: 7)")
    parser.add_argument("--process", action="store_true", help="measure this process, and print JSON")
    options = parser.parse_args()
    if options.process:
        phases = start()
        print(json.dumps(phases))
        return
    with local_server() as url:
        starts = [_measure_process(url) for _ in range(options.rounds + 1)]
    print(report(starts[1:]))  # the first writes the bytecode


def _measure_process(url: str) -> Phases:
    command = [sys.executable, "-m", "benchmarks.cold_start", "--process"]
    done = subprocess.run(command, env=environment(url), capture_output=True, text=True, check=True)
    phases: Phases = json.loads(done.stdout.splitlines()[-1])  # after the function's log
    return phases


if __name__ == "__main__":
    main()

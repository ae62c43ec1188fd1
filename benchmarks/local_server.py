"""A local server in place of S3, DynamoDB and the versions, for measurements of the orchestrator's own time."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Final

VERSIONS: Final = ("v1", "v2", "v3")
_PREDICTION: Final = {
    "model_sha256": "0",
    "label": "invoice",
    "confidence": 0.9,
    "probabilities": {"invoice": 0.9, "receipt": 0.1},
    "abstained": False,
    "pages": 1,
    "timings_ms": {},
}


@dataclass(frozen=True)
class Delays:
    """Seconds that the server waits before it answers."""

    s3: float = 0.0
    dynamodb: float = 0.0
    versions: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _handler(document: bytes, delays: Delays) -> type[BaseHTTPRequestHandler]:
    class LocalServer(BaseHTTPRequestHandler):
        """Answers as a version at `/vN/predict`, with the document to S3, and with no item to DynamoDB."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            """Answer."""
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            version = re.fullmatch(r"/v(\d)/predict", self.path)
            if version:
                delay, body = delays.versions[int(version[1]) - 1], {"model": f"v{version[1]}", **_PREDICTION}
            else:
                delay, body = delays.s3 if self.command == "GET" else delays.dynamodb, {}
            content = json.dumps(body).encode() if version or self.command == "POST" else document
            time.sleep(delay)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return LocalServer


@contextmanager
def local_server(document: bytes = b"{}", delays: Delays | None = None) -> Iterator[str]:
    """Run the server within the block, and yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(document, delays or Delays()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def measure_process(module: str, url: str, *arguments: str) -> Any:
    """Run a benchmark with `--process` in a process of its own, and return the JSON in the last line of its output."""
    command = [sys.executable, "-m", module, "--process", *arguments]
    done = subprocess.run(command, env=environment(url), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # after the function's log


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
        "MODEL_ENDPOINTS": json.dumps({version: f"{url}/{version}" for version in VERSIONS}),
    }


def upload_event(number: int) -> dict[str, Any]:
    """Return S3's event of an upload."""
    s3 = {"bucket": {"name": "inbox"}, "object": {"key": f"{number}.txt", "size": 2, "sequencer": f"{number:016X}"}}
    time_of_upload = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {
        "Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": time_of_upload, "s3": s3}]
    }


def lambda_context() -> Any:
    """Return the context of an invocation."""
    return SimpleNamespace(
        function_name="orchestrator",
        function_version="1",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:orchestrator",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: 15_000,
    )

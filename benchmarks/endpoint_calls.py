"""`python -m benchmarks.endpoint_calls`: what a call costs the orchestrator at each kind of endpoint.

Prints CPU milliseconds of the calling thread for each call: encoding, hashing, signing, sending and reading, against
servers on this machine. The time on the network is not measured: function URLs and Invoke both take one round trip, to
Lambda's own servers.
"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from unittest.mock import patch

import boto3
from rich.console import Console
from rich.table import Table

from orchestrator.aws_clients import AwsClients
from orchestrator.calls import CallDeadline, Sender
from orchestrator.endpoints import Endpoint, HttpEndpoint, LambdaEndpoint, SageMakerEndpoint, SigV4Setting
from orchestrator.request_body import BodyFormat, Document
from orchestrator.senders import create_sender
from testkit.fault_proxy import FaultProxy, Response, running

SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "4 MB": 4_000_000}


def _answer(_: object) -> Response:
    return Response(200, b'{"statusCode": 200, "body": "{}"}')


@contextmanager
def _senders() -> Iterator[dict[str, Sender]]:
    """Start a server that answers at once, and return what sends documents to it in each way."""
    with ExitStack() as stack:
        server = stack.enter_context(running(FaultProxy(0)))
        server.fault = _answer
        url = f"http://127.0.0.1:{server.port}"
        services = ("LAMBDA", "SAGEMAKER_RUNTIME")
        stack.enter_context(patch.dict("os.environ", {f"AWS_ENDPOINT_URL_{service}": url for service in services}))
        clients = AwsClients(boto3.Session("key-id", "secret-key", region_name="eu-west-1"))
        endpoints: dict[str, Endpoint] = {
            "URL": HttpEndpoint(url),
            "function URL, signed": HttpEndpoint(url, auth=SigV4Setting("lambda"), body=BodyFormat()),
            "function, Invoke": LambdaEndpoint("f"),
            "SageMaker": SageMakerEndpoint("e"),
        }
        yield {name: create_sender(endpoint, clients, time.monotonic) for name, endpoint in endpoints.items()}


def cpu_ms(sender: Sender, document: Document, calls: int) -> float:
    """Return the median CPU time of a call in milliseconds."""
    times = []
    for _ in range(calls + 1):
        started = time.thread_time()
        sender.send(document, CallDeadline(time.monotonic() + 30, time.monotonic), "Root=1-a")
        times.append((time.thread_time() - started) * 1000)
    return median(times[1:])  # the first call connects


def main() -> None:
    """Print a table of all kinds and sizes."""
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.endpoint_calls")
    parser.add_argument("--calls", type=int, default=100, help="calls of each kind and size (default: %(default)s)")
    calls = parser.parse_args().calls
    table = Table("endpoint", *SIZES, title="CPU ms a call")
    with _senders() as senders:
        for name, sender in senders.items():
            times = [cpu_ms(sender, Document(bytes(size)), calls) for size in SIZES.values()]
            table.add_row(name, *(f"{each:.2f}" for each in times))
    Console().print(table)


if __name__ == "__main__":
    main()

"""Load at twice the service's capacity, and callers that disconnect."""

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.service.load import OpenLoopResult, open_loop
from benchmarks.service.servers import Server

_LIMIT = "triptych_in_flight_limit"
_IN_FLIGHT = "triptych_in_flight"


@dataclass(frozen=True)
class OverloadResult:
    """Behaviour at twice the capacity.

    Attributes:
        requests: Accepted and rejected requests.
        rate: Requests sent per second.
        full_queue_ms: Time to process a full queue at capacity, the longest wait that is expected.
        memory_before_mib: Memory after a warm-up at the same rate, which fills caches and pools.
        memory_after_mib: Memory after the measurement.
    """

    requests: OpenLoopResult
    rate: float
    full_queue_ms: float
    memory_before_mib: float
    memory_after_mib: float


def overload(server: Server, documents: Sequence[bytes], capacity: float, seconds: float) -> OverloadResult:
    """Send twice the measured capacity, first as a warm-up and then to measure."""
    rate = 2 * capacity
    open_loop(server, documents, rate, seconds / 3)
    before = server.memory_mib()
    result = open_loop(server, documents, rate, seconds)
    limit = _metric(server, _LIMIT)
    return OverloadResult(result, rate, limit / capacity * 1000, before, server.memory_mib())


@dataclass(frozen=True)
class AbandonedRequests:
    """The service after its callers disconnected.

    Attributes:
        callers: Number of callers that sent a document and disconnected at once.
        seconds: Time until no request was in flight.
        cpu_seconds_after: CPU time in the second after that. An idle service uses almost none.
    """

    callers: int
    seconds: float
    cpu_seconds_after: float


def abandon(server: Server, document: bytes) -> AbandonedRequests:
    """Send as many requests as the service admits, and close their connections at once."""
    callers = int(_metric(server, _LIMIT))
    connections = [server.connect() for _ in range(callers)]
    for connection in connections:
        connection.request("POST", "/predict", server.body(document), server.headers)
    started = time.perf_counter()
    for connection in connections:
        connection.close()
    while _metric(server, _IN_FLIGHT) > 0:
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    before = server.cpu_seconds()
    time.sleep(1)
    return AbandonedRequests(callers, seconds, server.cpu_seconds() - before)


def _metric(server: Server, name: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

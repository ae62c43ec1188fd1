"""Load at twice the service's capacity, and callers that disconnect."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.service.documents import mixture
from benchmarks.service.full_queue import FullQueue, measure_full_queue, queue_limit
from benchmarks.service.load import OpenLoopResult, open_loop, saturate
from benchmarks.service.servers import Server
from testkit.reports import percentile

_SATURATION: Final = 2
"""How much longer the full queue is measured than a run."""


@dataclass(frozen=True)
class OverloadRun:
    """Behaviour at twice the capacity.

    Attributes:
        requests: Accepted and rejected requests.
        memory_before_mib: Memory before the measurement. Earlier load has filled caches and pools.
        memory_after_mib: Memory after the measurement.
    """

    requests: OpenLoopResult
    memory_before_mib: float
    memory_after_mib: float

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the latency of accepted requests."""
        return percentile(self.requests.accepted_ms, 99)

    def percent_within(self, milliseconds: float) -> float:
        """Return the percentage of accepted requests that took at most this time."""
        return 100 * statistics.fmean(each <= milliseconds for each in self.requests.accepted_ms)


@dataclass(frozen=True)
class OverloadResult:
    """Runs at twice the capacity, after that of a full queue was measured.

    Attributes:
        capacity: Requests per second that the service answers if none is rejected.
        rate: Requests sent per second.
        queue: The full queue at this rate.
        runs: The runs.
    """

    capacity: float
    rate: float
    queue: FullQueue
    runs: Sequence[OverloadRun]


def overload(server: Server, bodies: Mapping[str, Sequence[bytes]], seconds: float, runs: int) -> OverloadResult:
    """Send twice the capacity: first to measure how long a full queue takes, then in the runs to compare with it.

    Documents of all kinds are sent in random order. Requests are accepted before they are read, so that those in the
    queue are the same mixture. In a fixed order, every second request
    could be of the same kind, and it is every second one that is accepted.

    Args:
        server: The service.
        bodies: Documents by kind.
        seconds: Duration of a run.
        runs: Number of runs.
    """
    capacity = saturate(server, mixture(bodies, seed=0), seconds, queue_limit(server))
    rate = 2 * capacity
    queue = measure_full_queue(server, mixture(bodies, seed=0), rate, _SATURATION * seconds)
    results = []
    for number in range(runs):
        before = server.memory_mib()
        requests = open_loop(server, mixture(bodies, seed=1 + number), rate, seconds)
        results.append(OverloadRun(requests, before, server.memory_mib()))
    return OverloadResult(capacity, rate, queue, results)


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
    callers = queue_limit(server)
    connections = [server.connect() for _ in range(callers)]
    for connection in connections:
        connection.request("POST", "/predict", server.body(document), server.headers)
    started = time.perf_counter()
    for connection in connections:
        connection.close()
    while server.metric("triptych_in_flight") > 0:
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    before = server.cpu_seconds()
    time.sleep(1)
    return AbandonedRequests(callers, seconds, server.cpu_seconds() - before)

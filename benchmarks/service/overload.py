"""Twice the load that the service can carry, and callers that are killed."""

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.service.load import Flood, flood
from benchmarks.service.servers import Server

_SLOTS = "triptych_in_flight_limit"
_IN_FLIGHT = "triptych_in_flight"


@dataclass(frozen=True)
class Overload:
    """What twice the capacity does to the service.

    Attributes:
        flood: Answers, sent and refused.
        rate: Requests sent in a second.
        bound_ms: What the longest wait may be: a full queue, worked off at capacity.
        memory_before_mib: After a first flood, which fills what is kept and reused.
        memory_after_mib: After the second.
    """

    flood: Flood
    rate: float
    bound_ms: float
    memory_before_mib: float
    memory_after_mib: float


def overrun(server: Server, documents: Sequence[bytes], capacity: float, seconds: float) -> Overload:
    """Send twice the measured capacity, twice, and watch the second time."""
    rate = 2 * capacity
    flood(server, documents, rate, seconds / 3)
    before = server.memory_mib()
    result = flood(server, documents, rate, seconds)
    slots = _metric(server, _SLOTS)
    return Overload(result, rate, slots / capacity * 1000, before, server.memory_mib())


@dataclass(frozen=True)
class Abandoned:
    """What callers leave behind that are killed.

    Attributes:
        callers: That sent a document and hung up at once.
        seconds: Until no request was in flight any more.
        cpu_seconds_after: CPU time in the second after that; an idle service takes next to none.
    """

    callers: int
    seconds: float
    cpu_seconds_after: float


def abandon(server: Server, document: bytes) -> Abandoned:
    """Fill every place with requests whose callers hang up."""
    callers = int(_metric(server, _SLOTS))
    connections = [server.connect() for _ in range(callers)]
    for connection in connections:
        connection.request("POST", "/predict", server.body(document), server.headers)
    started = time.perf_counter()
    for connection in connections:
        connection.close()
    while _metric(server, _IN_FLIGHT) > 0:
        time.sleep(0.005)
    took = time.perf_counter() - started
    before = server.cpu_seconds()
    time.sleep(1)
    return Abandoned(callers, took, server.cpu_seconds() - before)


def _metric(server: Server, name: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

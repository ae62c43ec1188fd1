"""The service and the floor process the same documents in turn, so that the machine is in the same state for both.

Measured minutes apart, their ratio contains how the machine changed in between, which can be more than what the service
adds. The two times of a pair follow each other.
"""

import http.client
import itertools
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.service.floor import Floor
from benchmarks.service.servers import Server
from testkit.intervals import median_interval

_PAUSE_SECONDS: Final = 0.15
"""Pause after each document, of either side. The engine's threads look for work for a moment after a document, and the
service writes its log: without a pause, that takes CPU from the other side. Pauses of the same length also let both
sides start equally idle, with threads that sleep and caches that are equally cold."""


def describe_median(ratios: Sequence[float]) -> str:
    """Return the median of ratios, with its 95 % interval if there are enough of them."""
    interval = median_interval(ratios)
    median = f"{statistics.median(ratios):.2f}"
    return f"{median} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else median


@dataclass
class PairedMetrics:
    """Times of the same documents without and with the service, of one kind of document.

    Attributes:
        floor_ms: Time of each document without a server.
        service_ms: Time of the same documents as requests of a single client.
        floor_cpu_ms: Mean CPU time of a document without a server, once a round.
        service_cpu_ms: Mean CPU time of a request, once a round.
        stages_ms: The service's timings of each request, by stage.
    """

    floor_ms: list[float] = field(default_factory=list)
    service_ms: list[float] = field(default_factory=list)
    floor_cpu_ms: list[float] = field(default_factory=list)
    service_cpu_ms: list[float] = field(default_factory=list)
    stages_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add_response(self, milliseconds: float, stages: Mapping[str, float]) -> None:
        """Add the time of a request, and the service's timings of it."""
        self.service_ms.append(milliseconds)
        for stage, value in stages.items():
            self.stages_ms[stage].append(value)

    def ratio(self) -> str:
        """Return the median of the ratios of pairs, service to floor, with the 95 % interval of the median.

        The ratio of the two medians would be less precise: they may belong to different documents, or to different
        states of the machine. Within a pair, both are the same. That also makes the ratios nearly independent of each
        other, which the interval assumes.
        """
        ratios = [service / floor for service, floor in zip(self.service_ms, self.floor_ms, strict=True)]
        return describe_median(ratios)

    def cpu_ratio(self) -> float:
        """Return the ratio of CPU times, service to floor: of the medians of the rounds."""
        return statistics.median(self.service_cpu_ms) / max(statistics.median(self.floor_cpu_ms), 1e-9)


def measure_in_turn(metrics: PairedMetrics, floor: Floor, server: Server, bodies: Sequence[bytes], count: int) -> None:
    """Process documents without and with the service in turn, one at a time. Which side begins alternates.

    Args:
        metrics: Receives the measurements.
        floor: Has the network of the service.
        server: The service.
        bodies: Documents of one kind, used in turn.
        count: Number of pairs.
    """
    connection = server.connect()
    floor.sequential(bodies, 1)
    _request(connection, server, bodies[0])
    time.sleep(_PAUSE_SECONDS)
    floor_seconds, service_seconds = 0.0, server.cpu_seconds()
    for number, body in enumerate(itertools.islice(itertools.cycle(bodies), count)):
        for alone in (True, False) if number % 2 else (False, True):
            before = floor.cpu_seconds()
            if alone:
                metrics.floor_ms += floor.sequential([body], 1)
            else:
                metrics.add_response(*_request(connection, server, body))
            time.sleep(_PAUSE_SECONDS)
            floor_seconds += (floor.cpu_seconds() - before) * alone  # the rest is CPU time of the client
    metrics.floor_cpu_ms.append(floor_seconds / count * 1000)
    metrics.service_cpu_ms.append((server.cpu_seconds() - service_seconds) / count * 1000)
    connection.close()


def _request(connection: http.client.HTTPConnection, server: Server, body: bytes) -> tuple[float, dict[str, float]]:
    """Send a document; return the milliseconds, and those of the service's stages."""
    started = time.perf_counter()
    connection.request("POST", server.path, server.body(body), server.headers)
    response = connection.getresponse()
    content = response.read()
    milliseconds = (time.perf_counter() - started) * 1000
    if response.status != http.client.OK:
        raise RuntimeError(f"{server.name} returned {response.status}: {content[:200]!r}")
    return milliseconds, json.loads(content)["timings_ms"]

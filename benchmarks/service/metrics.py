"""Measures one server, or the lower bound without a server."""

import http.client
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from benchmarks.service import load, three_versions
from benchmarks.service.floor import Floor
from benchmarks.service.in_turn import PairedMetrics, measure_in_turn
from benchmarks.service.servers import Server
from benchmarks.service.three_versions import VERSIONS

Documents = Mapping[str, Sequence[bytes]]
"""Documents by kind."""

TOLERANCE: Final = 1e-4
"""Maximum difference between a probability of a server and that of the same pixels without a server."""
_PAUSE_SECONDS: Final = 0.5
_WARM_UP_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 1.0


@dataclass
class ServerMetrics:
    """Measurements of one server. The dictionaries are keyed by kind of document.

    Attributes:
        networks: How many networks score a document in a request.
        latencies_ms: Latency of each request of a single client.
        per_second: Throughput with eight clients, once a round.
        cpu_ms: Mean CPU time of a document with one client, once a round. It holds on a busy machine too.
        ready_seconds: Time from the start of the process until it is ready, once a round.
        idle_mib: Memory before the first request, once a round.
        busy_mib: Memory after the last request, once a round.
        idle_cpu: Share of a CPU that the server uses without requests, once a round.
        three_per_second: Documents per second that three versions of this service classify, once a round; empty for
            other servers.
        pairs: Times of the same documents without and with the service; empty for other servers.
    """

    networks: int = 1
    latencies_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    per_second: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ready_seconds: list[float] = field(default_factory=list)
    idle_mib: list[float] = field(default_factory=list)
    busy_mib: list[float] = field(default_factory=list)
    idle_cpu: list[float] = field(default_factory=list)
    three_per_second: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pairs: defaultdict[str, PairedMetrics] = field(default_factory=lambda: defaultdict(PairedMetrics))

    def latency(self, kind: str) -> float:
        """Return the median latency in milliseconds."""
        return statistics.median(self.latencies_ms[kind])

    def cpu(self, kind: str) -> float:
        """Return the median CPU time of the rounds, in milliseconds."""
        return statistics.median(self.cpu_ms[kind])

    def throughput(self, kind: str) -> float:
        """Return the mean throughput of the rounds, in documents per second."""
        return statistics.mean(self.per_second[kind])

    def three_versions(self, kind: str) -> float:
        """Return the documents per second with three versions of the network.

        Servers with one network serve a version each, on the same CPUs, so that a document takes three requests.
        """
        measured = self.three_per_second[kind]
        return statistics.mean(measured) if measured else self.throughput(kind) * self.networks / len(VERSIONS)


@dataclass(frozen=True)
class Effort:
    """How much is measured, for each kind and round.

    Attributes:
        requests: Requests of a single client.
        pairs: Documents that the service and the floor process in turn.
        seconds: Seconds of saturation.
    """

    requests: int
    pairs: int
    seconds: float


def measure_server(metrics: ServerMetrics, server: Server, documents: Documents, effort: Effort) -> None:
    """Measure a server that has just started, idle and with every kind of document."""
    metrics.ready_seconds.append(server.seconds_to_ready)
    metrics.idle_mib.append(server.memory_mib())
    load.saturate(server, [body for bodies in documents.values() for body in bodies], _WARM_UP_SECONDS)
    time.sleep(_PAUSE_SECONDS)
    before = server.cpu_seconds()
    time.sleep(_IDLE_SECONDS)
    metrics.idle_cpu.append((server.cpu_seconds() - before) / _IDLE_SECONDS)
    measure_kinds(metrics, server, documents, effort)
    metrics.busy_mib.append(server.memory_mib())


def measure_kinds(metrics: ServerMetrics, target: Floor | Server, documents: Documents, effort: Effort) -> None:
    """Measure latency, CPU time and throughput with every kind of document."""
    sequential = partial(load.sequential, target) if isinstance(target, Server) else target.sequential
    saturate = partial(load.saturate, target) if isinstance(target, Server) else target.saturate
    for kind, bodies in documents.items():
        time.sleep(_PAUSE_SECONDS)  # thread pools spin for a while after work
        sequential(bodies, 1)
        before = target.cpu_seconds()
        metrics.latencies_ms[kind] += sequential(bodies, effort.requests)
        metrics.cpu_ms[kind].append((target.cpu_seconds() - before) / effort.requests * 1000)
        metrics.per_second[kind].append(saturate(bodies, effort.seconds))


def measure_pairs(metrics: ServerMetrics, floor: Floor, server: Server, documents: Documents, effort: Effort) -> None:
    """Measure this service in turn with the floor, with every kind of document."""
    for kind, bodies in documents.items():
        measure_in_turn(metrics.pairs[kind], floor, server, bodies, effort.pairs)


def measure_three_versions(metrics: ServerMetrics, server: Server, documents: Documents, effort: Effort) -> None:
    """Measure the throughput of this service with three versions, with every kind of document."""
    for kind, bodies in documents.items():
        three_versions.saturate(server, bodies, _WARM_UP_SECONDS)
        metrics.three_per_second[kind].append(three_versions.saturate(server, bodies, effort.seconds))


def largest_difference(server: Server, documents: Sequence[bytes], expected: Sequence[Mapping[str, float]]) -> float:
    """Return the largest difference between the probabilities of a server and the expected ones.

    Raises:
        RuntimeError: If the server returns no prediction, or its label is not the most probable one.
    """
    connection = server.connect()
    difference = 0.0
    for document, probabilities in zip(documents, expected, strict=True):
        connection.request("POST", server.path, server.body(document), server.headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"{server.name} returned {response.status}: {body[:200]!r}")
        prediction = server.candidate.wire.decode(body)
        if prediction["label"] != max(probabilities, key=probabilities.__getitem__):
            raise RuntimeError(f"{server.name} returned another label: {prediction['label']}")
        difference = max(
            difference, *(abs(prediction["probabilities"][label] - value) for label, value in probabilities.items())
        )
    connection.close()
    return difference

"""Load on a server: sequential, saturating (closed loop), and at a fixed rate (open loop)."""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.service.servers import Server


def sequential(server: Server, documents: Sequence[bytes], count: int) -> list[float]:
    """Send requests sequentially on one connection; return the milliseconds of each."""
    connection = server.connect()
    bodies = [server.body(document) for document in documents]
    latencies = []
    for body in itertools.islice(itertools.cycle(bodies), count):
        started = time.perf_counter()
        status, _ = _post(connection, server, body)
        latencies.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"{server.name} returned {status}")
    connection.close()
    return latencies


@dataclass(frozen=True)
class ClosedLoopResult:
    """Responses to callers that each send a request as soon as the previous one is answered.

    Attributes:
        completed: When each response came, in seconds from the start and in this order. As many requests as there are
            callers are under way at any time, until these many responses are left.
        latencies_ms: Latency of each response, in the same order.
    """

    completed: Sequence[float]
    latencies_ms: Sequence[float]

    @property
    def per_second(self) -> float:
        """Responses per second. Requests that were under way at the end were waited for, and count."""
        return len(self.completed) / self.completed[-1]


def closed_loop(
    server: Server, documents: Sequence[bytes], seconds: float, callers: int, at_least: int = 0
) -> ClosedLoopResult:
    """Send documents, each caller as soon as its previous request is answered.

    Args:
        server: The server.
        documents: Documents, sent in turn.
        seconds: Duration.
        callers: Connections.
        at_least: Number of requests that are sent even if it takes longer.

    Raises:
        RuntimeError: If a response has another status than 200.
    """
    bodies = [server.body(document) for document in documents]
    numbers = itertools.count()
    started = time.perf_counter()

    def caller() -> list[tuple[float, float]]:
        connection = server.connect()
        responses = []
        while True:
            number = next(numbers)
            sent = time.perf_counter()
            status, _ = _post(connection, server, bodies[number % len(bodies)])
            completed = time.perf_counter()
            if status != 200:
                raise RuntimeError(f"{server.name} returned {status}")
            responses.append((completed - started, (completed - sent) * 1000))
            if completed > started + seconds and number + callers >= at_least:
                break
        connection.close()
        return responses

    with ThreadPoolExecutor(callers) as pool:
        pending = [pool.submit(caller) for _ in range(callers)]
        responses = sorted(response for future in pending for response in future.result())
    completed, latencies = zip(*responses, strict=True)
    return ClosedLoopResult(completed, latencies)


def saturate(server: Server, documents: Sequence[bytes], seconds: float, callers: int = 8) -> float:
    """Return the documents per second in a closed loop."""
    return closed_loop(server, documents, seconds, callers).per_second


@dataclass
class OpenLoopResult:
    """Responses to requests at a fixed rate.

    Attributes:
        statuses: Number of responses by HTTP status.
        accepted_ms: Latency of each response with status 200.
        rejected_ms: Latency of every other response.
        without_retry_after: Number of 429 and 503 responses without a Retry-After header.
        lost: Number of requests without a response.
        seconds: From the first request to the last response.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    rejected_ms: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    lost: int = 0
    seconds: float = 0.0


def open_loop(
    server: Server, documents: Sequence[bytes], rate: float, seconds: float, callers: int = 64
) -> OpenLoopResult:
    """Send requests at a fixed rate, whether or not earlier requests were answered.

    Args:
        server: The server.
        documents: Documents, sent in turn.
        rate: Requests per second.
        seconds: Duration.
        callers: Connections. There must be more than the server admits, or the load could not exceed its capacity.
    """
    bodies = [server.body(document) for document in documents]
    result = OpenLoopResult()
    lock = threading.Lock()
    begin = time.perf_counter()
    numbers = iter(range(int(rate * seconds)))

    def caller() -> None:
        connection = server.connect()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            time.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            started = time.perf_counter()
            try:
                status, retry_after = _post(connection, server, bodies[number % len(bodies)])
            except (OSError, http.client.HTTPException):
                connection.close()
                with lock:
                    result.lost += 1
                continue
            elapsed = (time.perf_counter() - started) * 1000
            with lock:
                result.statuses[status] += 1
                (result.accepted_ms if status == 200 else result.rejected_ms).append(elapsed)
                result.without_retry_after += status in {429, 503} and retry_after is None
        connection.close()

    with ThreadPoolExecutor(callers) as pool:
        for pending in [pool.submit(caller) for _ in range(callers)]:
            pending.result()
    result.seconds = time.perf_counter() - begin
    return result


def _post(connection: http.client.HTTPConnection, server: Server, body: bytes) -> tuple[int, str | None]:
    connection.request("POST", server.path, body, server.headers)
    response = connection.getresponse()
    response.read()
    return response.status, response.headers["Retry-After"]

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


def saturate(server: Server, documents: Sequence[bytes], seconds: float, callers: int = 8) -> float:
    """Return the documents per second in a closed loop.

    Each caller sends a request as soon as its previous one is answered. Requests that are under way at the end are
    waited for, and count.

    Args:
        server: The server.
        documents: Documents, sent in turn.
        seconds: Duration.
        callers: Connections.

    Raises:
        RuntimeError: If a response has another status than 200.
    """
    bodies = [server.body(document) for document in documents]
    numbers = itertools.count()
    started = time.perf_counter()

    def caller() -> int:
        connection = server.connect()
        done = 0
        while not done or time.perf_counter() < started + seconds:
            status, _ = _post(connection, server, bodies[next(numbers) % len(bodies)])
            if status != 200:
                raise RuntimeError(f"{server.name} returned {status}")
            done += 1
        connection.close()
        return done

    with ThreadPoolExecutor(callers) as pool:
        pending = [pool.submit(caller) for _ in range(callers)]
        done = sum(future.result() for future in pending)
    return done / (time.perf_counter() - started)


@dataclass
class OpenLoopResult:
    """Responses to requests at a fixed rate.

    Attributes:
        statuses: Number of responses by HTTP status.
        accepted_ms: Latency of each response with status 200, in the order of `accepted_at`.
        accepted_at: When each of them came, in seconds from the start.
        rejected_ms: Latency of every other response.
        without_retry_after: Number of 429 and 503 responses without a Retry-After header.
        lost: Number of requests without a response.
        seconds: From the first request to the last response.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    rejected_ms: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    lost: int = 0
    seconds: float = 0.0

    def add(self, status: int, at: float, milliseconds: float, retry_after: str | None) -> None:
        """Add a response, which must be the last one so far."""
        self.statuses[status] += 1
        if status == 200:
            self.accepted_ms.append(milliseconds)
            self.accepted_at.append(at)
        else:
            self.rejected_ms.append(milliseconds)
            self.without_retry_after += status in {429, 503} and retry_after is None


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
            with lock:
                now = time.perf_counter()
                result.add(status, now - begin, (now - started) * 1000, retry_after)
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

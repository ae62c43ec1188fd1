"""Callers: one after the other, many that wait for their answers, and a crowd that does not."""

import http.client
import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.service.servers import Server


def one_by_one(server: Server, documents: Sequence[bytes], count: int) -> list[float]:
    """Milliseconds of each of some requests on one connection; the next is sent when the last is answered."""
    connection = server.connect()
    bodies = [server.body(document) for document in documents]
    took = []
    for body in itertools.islice(itertools.cycle(bodies), count):
        started = time.perf_counter()
        status, _ = _post(connection, server, body)
        took.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise RuntimeError(f"{server.name} answered {status}")
    connection.close()
    return took


def saturate(server: Server, documents: Sequence[bytes], seconds: float, callers: int = 8) -> float:
    """Documents a second, with some callers that each send the next as soon as the last is answered."""
    bodies = [server.body(document) for document in documents]
    stop_at = time.perf_counter() + seconds

    def caller(number: int) -> int:
        connection = server.connect()
        answered = 0
        for body in itertools.islice(itertools.cycle(bodies), number, None):
            status, _ = _post(connection, server, body)
            if status != 200:
                raise RuntimeError(f"{server.name} answered {status}")
            if time.perf_counter() > stop_at:
                break
            answered += 1
        connection.close()
        return answered

    with ThreadPoolExecutor(callers) as pool:
        return sum(pool.map(caller, range(callers))) / seconds


@dataclass
class Flood:
    """What came of requests that were sent by the clock."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    """Answers of 503 that do not say when to return."""
    lost: int = 0
    """Requests without an answer."""

    def percentile(self, share: float) -> float:
        """Of the milliseconds of accepted requests."""
        return statistics.quantiles(self.accepted_ms, n=100)[round(share * 100) - 1]


def flood(server: Server, documents: Sequence[bytes], rate: float, seconds: float, callers: int = 64) -> Flood:
    """Send by the clock, whether or not earlier requests were answered.

    Args:
        server: Who is flooded.
        documents: Sent in turn.
        rate: Requests a second.
        seconds: How long.
        callers: Connections; more than the server has places, or it could not be overrun.
    """
    bodies = [server.body(document) for document in documents]
    result = Flood()
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
                (result.accepted_ms if status == 200 else result.refused_ms).append(elapsed)
                result.without_retry_after += status == 503 and retry_after is None
        connection.close()

    with ThreadPoolExecutor(callers) as pool:
        for _ in [pool.submit(caller) for _ in range(callers)]:
            pass
    return result


def _post(connection: http.client.HTTPConnection, server: Server, body: bytes) -> tuple[int, str | None]:
    connection.request("POST", "/predict", body, server.headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["Retry-After"]

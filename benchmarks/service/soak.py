"""Mixed load for minutes, while instances are replaced by SIGTERM: `python -m benchmarks.service.soak --minutes 10`.

Two instances are in a rotation that checks /health/ready ten times a second, as a load balancer does. Every few seconds
a new instance joins and the oldest gets SIGTERM. A request is lost if it was sent to an instance in rotation and got no
response, or a 5xx other than 503 with Retry-After. The exit code is 1 if a request was lost.
"""

import argparse
import http.client
import itertools
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.service import documents, weights
from benchmarks.service.servers import Candidate, Server, this_service

_INSTANCES: Final = 2
_CHECK_SECONDS: Final = 0.1


@dataclass
class SoakResult:
    """Responses and instances of a run.

    Attributes:
        responses: Number of responses by kind of document and status.
        lost: Lost requests, with the reason.
        exit_codes: Number of instances by exit code.
        memory_mib: Memory of each instance before it was stopped.
        lock: Held while the result changes.
    """

    responses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    exit_codes: Counter[int] = field(default_factory=Counter)
    memory_mib: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Rotation:
    """Instances of the service, and those of them that are ready."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._instances: deque[Server] = deque(Server(candidate) for _ in range(_INSTANCES))
        self.ready: list[Server] = list(self._instances)

    def replace_oldest(self, result: SoakResult) -> None:
        """Start another instance, then stop the oldest and wait for its end."""
        self._instances.append(Server(self._candidate))
        oldest = self._instances.popleft()
        result.memory_mib.append(oldest.memory_mib())
        self._instances.append(oldest)  # its readiness is checked until it has ended
        self._instances.rotate(1)
        result.exit_codes[oldest.stop()] += 1
        self._instances.remove(oldest)

    def check_readiness(self) -> None:
        """Check which instances are ready."""
        self.ready = [instance for instance in list(self._instances) if _is_ready(instance)]

    def stop(self, result: SoakResult) -> None:
        """Stop all instances."""
        while self._instances:
            instance = self._instances.popleft()
            result.memory_mib.append(instance.memory_mib())
            result.exit_codes[instance.stop()] += 1


def soak(
    candidate: Candidate, mixture: Sequence[tuple[str, bytes]], *, seconds: float, every: float, callers: int
) -> SoakResult:
    """Send requests while instances are replaced.

    Args:
        candidate: The service.
        mixture: Documents with their kinds, sent in turn.
        seconds: Duration.
        every: Seconds between two replacements.
        callers: Concurrent callers, each with its own connections.
    """
    result, rotation = SoakResult(), Rotation(candidate)
    done = threading.Event()

    def check() -> None:
        while not done.wait(_CHECK_SECONDS):
            rotation.check_readiness()

    with ThreadPoolExecutor(callers + 1) as pool:
        checking = pool.submit(check)
        calling = [pool.submit(_call, rotation, mixture, result, done, number) for number in range(callers)]
        stop_at = time.monotonic() + seconds
        try:
            while time.monotonic() < stop_at:
                time.sleep(max(0.0, min(every, stop_at - time.monotonic())))
                rotation.replace_oldest(result)
        finally:
            done.set()
            for future in (checking, *calling):
                future.result()
            rotation.stop(result)
    return result


def _call(
    rotation: Rotation, mixture: Sequence[tuple[str, bytes]], result: SoakResult, done: threading.Event, number: int
) -> None:
    connections: dict[int, http.client.HTTPConnection] = {}
    turns = itertools.count(number)
    for kind, document in itertools.islice(itertools.cycle(mixture), number, None):
        if done.is_set():
            return
        if not (ready := rotation.ready):
            time.sleep(_CHECK_SECONDS)
            continue
        server = ready[next(turns) % len(ready)]
        connection = connections.setdefault(server.port, server.connect())
        try:
            connection.request("POST", "/predict", document, server.headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            connections.pop(server.port).close()
            with result.lock:
                result.lost.append(f"{kind}: {error!r}")
            continue
        rejected = response.status in {429, 503} and "Retry-After" in response.headers
        with result.lock:
            result.responses[f"{kind}: {response.status}"] += 1
            if response.status >= 500 and not rejected:
                result.lost.append(f"{kind}: {response.status}")
        if rejected:
            time.sleep(_CHECK_SECONDS)


def _is_ready(server: Server) -> bool:
    connection = server.connect(2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Run the soak test, and print its result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=15, help="seconds between two replacements")
    parser.add_argument("--callers", type=int, default=6)
    arguments = parser.parse_args()

    bodies_by_kind = [(kind, body) for kind, bodies in documents.draw().items() for body in bodies]
    truncated = [(f"half a {kind}", body[: len(body) // 2]) for kind, body in bodies_by_kind]
    mixture = [*bodies_by_kind, *truncated, ("no document", b"?")]
    with tempfile.TemporaryDirectory() as scratch:
        weights.write(Path(scratch))
        result = soak(
            this_service(Path(scratch)),
            mixture,
            seconds=arguments.minutes * 60,
            every=arguments.every,
            callers=arguments.callers,
        )
    for response, count in sorted(result.responses.items()):
        print(f"{count:7} {response}")
    print(f"{sum(result.responses.values())} responses, {len(result.lost)} requests lost")
    print(f"{sum(result.exit_codes.values())} instances stopped; exit codes: {dict(result.exit_codes)}")
    print(f"memory before the stop: {min(result.memory_mib):.0f} to {max(result.memory_mib):.0f} MiB")
    print(*result.lost[:20], sep="\n")
    return 1 if result.lost else 0


if __name__ == "__main__":
    sys.exit(main())

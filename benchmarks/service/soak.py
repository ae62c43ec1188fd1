"""Mixed load for minutes, while instances are replaced by SIGTERM: `python -m benchmarks.service.soak --minutes 10`.

Two instances stand behind a rotation that asks their /health/ready ten times a second, as a load balancer does. Every
few seconds a new one joins and the oldest gets SIGTERM. A request is lost if it was sent to an instance in rotation and
got no answer, or a 5xx that is not a refusal (503 with Retry-After). Exits with 1 if one was lost.
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
_LOOK_SECONDS: Final = 0.1


@dataclass
class Tally:
    """What came of the requests."""

    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    exit_codes: Counter[int] = field(default_factory=Counter)
    memory_mib: list[float] = field(default_factory=list)
    """Of each instance, before it was ended."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Rotation:
    """Instances, and which of them are ready."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._instances: deque[Server] = deque(Server(candidate) for _ in range(_INSTANCES))
        self.ready: list[Server] = list(self._instances)

    def replace_oldest(self, tally: Tally) -> None:
        """Start another instance, then end the oldest and wait for it."""
        self._instances.append(Server(self._candidate))
        oldest = self._instances.popleft()
        tally.memory_mib.append(oldest.memory_mib())
        self._instances.append(oldest)  # still asked for its readiness until it has ended
        self._instances.rotate(1)
        tally.exit_codes[oldest.stop()] += 1
        self._instances.remove(oldest)

    def look(self) -> None:
        """Ask each instance whether it is ready."""
        self.ready = [instance for instance in list(self._instances) if _is_ready(instance)]

    def stop(self, tally: Tally) -> None:
        """End all."""
        while self._instances:
            instance = self._instances.popleft()
            tally.memory_mib.append(instance.memory_mib())
            tally.exit_codes[instance.stop()] += 1


def soak(
    candidate: Candidate, mixture: Sequence[tuple[str, bytes]], *, seconds: float, every: float, callers: int
) -> Tally:
    """Keep the callers busy while instances come and go.

    Args:
        candidate: The service.
        mixture: Documents and what they are, sent in turn.
        seconds: How long.
        every: Seconds between two replacements.
        callers: At the same time, each with connections of its own.
    """
    tally, rotation = Tally(), Rotation(candidate)
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            rotation.look()

    with ThreadPoolExecutor(callers + 1) as pool:
        looking = pool.submit(look)
        calling = [pool.submit(_call, rotation, mixture, tally, done, number) for number in range(callers)]
        stop_at = time.monotonic() + seconds
        try:
            while time.monotonic() < stop_at:
                time.sleep(max(0.0, min(every, stop_at - time.monotonic())))
                rotation.replace_oldest(tally)
        finally:
            done.set()
            for future in (looking, *calling):
                future.result()
            rotation.stop(tally)
    return tally


def _call(
    rotation: Rotation, mixture: Sequence[tuple[str, bytes]], tally: Tally, done: threading.Event, number: int
) -> None:
    connections: dict[int, http.client.HTTPConnection] = {}
    turns = itertools.count(number)
    for kind, document in itertools.islice(itertools.cycle(mixture), number, None):
        if done.is_set():
            return
        if not (ready := rotation.ready):
            time.sleep(_LOOK_SECONDS)
            continue
        server = ready[next(turns) % len(ready)]
        connection = connections.setdefault(server.port, server.connect())
        try:
            connection.request("POST", "/predict", document, server.headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connections.pop(server.port).close()
            with tally.lock:
                tally.lost.append(f"{kind}: {error!r}")
            continue
        refused = answer.status == 503 and "Retry-After" in answer.headers
        with tally.lock:
            tally.answers[f"{kind}: {answer.status}"] += 1
            if answer.status >= 500 and not refused:
                tally.lost.append(f"{kind}: {answer.status}")
        if refused:
            time.sleep(_LOOK_SECONDS)


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
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=15, help="seconds between two replacements")
    parser.add_argument("--callers", type=int, default=6)
    arguments = parser.parse_args()

    drawn = [(kind, body) for kind, bodies in documents.draw().items() for body in bodies]
    mixture = [*drawn, *((f"half a {kind}", body[: len(body) // 2]) for kind, body in drawn), ("no document", b"?")]
    with tempfile.TemporaryDirectory() as scratch:
        weights.write(Path(scratch))
        tally = soak(
            this_service(Path(scratch)),
            mixture,
            seconds=arguments.minutes * 60,
            every=arguments.every,
            callers=arguments.callers,
        )
    for answer, count in sorted(tally.answers.items()):
        print(f"{count:7} {answer}")
    print(f"{sum(tally.answers.values())} answers, {len(tally.lost)} requests lost")
    print(f"{sum(tally.exit_codes.values())} instances ended; exit codes: {dict(tally.exit_codes)}")
    print(f"memory before the end: {min(tally.memory_mib):.0f} to {max(tally.memory_mib):.0f} MiB")
    print(*tally.lost[:20], sep="\n")
    return 1 if tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())

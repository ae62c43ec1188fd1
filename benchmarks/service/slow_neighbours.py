"""Ordinary documents next to slow ones: `python -m benchmarks.service.slow_neighbours`.

Six ordinary documents are sent at once, alone and next to four documents that take seconds to decode. The
ratio of the two times shows what slow documents cost their neighbours.
"""

import argparse
import http.client
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmarks.service.servers import Server, running, this_service
from testkit.documents import numbered_document
from testkit.slow_documents import slow_pdf

_ORDINARY = 6
_SLOW = 4


def main() -> None:
    """Parse the arguments, measure and print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the versions")
    parser.add_argument("--version", default="v2", help="version to serve (default: v2)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: 5)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds from the slow documents to the others")
    options = parser.parse_args()
    candidate = this_service(options.models.absolute(), MODELS=options.version)
    with running([candidate]) as (server,), ThreadPoolExecutor(_ORDINARY + _SLOW) as callers:
        ordinary = [numbered_document(number) for number in range(_ORDINARY)]
        slow = [slow_pdf(seed=seed) for seed in range(_SLOW)]
        send(server, callers, ordinary)
        alone, together, ends = [], [], []
        for _ in range(options.rounds):
            alone.append(slowest(send(server, callers, ordinary)))
            started = time.perf_counter()
            pending = [callers.submit(_post, server, document) for document in slow]
            time.sleep(options.pause)
            together.append(slowest(send(server, callers, ordinary)))
            ends.append([future.result()[0] for future in pending])
            print(f"slow documents: status {ends[-1]} after {time.perf_counter() - started:.1f} s")
    print(f"the last of {_ORDINARY} ordinary documents, alone: {statistics.median(alone) * 1000:.0f} ms")
    print(f"next to {_SLOW} slow ones: {statistics.median(together) * 1000:.0f} ms")
    print(f"ratio: {statistics.median(together) / statistics.median(alone):.2f}")


def send(server: Server, callers: ThreadPoolExecutor, documents: Sequence[bytes]) -> list[tuple[int, float]]:
    """Send documents at once; return the status and the seconds of each."""
    futures: list[Future[tuple[int, float]]] = [callers.submit(_post, server, document) for document in documents]
    return [future.result() for future in futures]


def slowest(responses: Sequence[tuple[int, float]]) -> float:
    """Return the seconds of the last response.

    Raises:
        RuntimeError: If a document was not classified.
    """
    if any(status != http.client.OK for status, _ in responses):
        raise RuntimeError(f"ordinary documents failed: {responses}")
    return max(seconds for _, seconds in responses)


def _post(server: Server, document: bytes) -> tuple[int, float]:
    started = time.perf_counter()
    connection = server.connect()
    connection.request("POST", "/predict", server.body(document), server.headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, time.perf_counter() - started


if __name__ == "__main__":
    main()

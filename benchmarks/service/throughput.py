"""Throughput of this service and of peers, measured in turn: `python -m benchmarks.service.throughput LitServe`.

In the comparison of all servers, minutes pass between two of them, and the machine can change by a quarter meanwhile.
Here this service and one peer run at the same time, and eight clients send to one of them for some seconds, then to the
other. Which of them begins alternates. The ratio is the median of the ratios of pairs. What a peer does without
requests takes CPU time from this service, not the reverse, because this service then does nothing.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.service import documents, weights
from benchmarks.service.candidates import PEERS, is_installed, networks_of
from benchmarks.service.in_turn import describe_median
from benchmarks.service.load import saturate
from benchmarks.service.metrics import Documents
from benchmarks.service.report import markdown_table
from benchmarks.service.servers import Candidate, Server, running, this_service

_PAUSE_SECONDS: Final = 0.3
_WARM_UP_SECONDS: Final = 2.0


def pairs(service: Server, peer: Server, bodies: Sequence[bytes], count: int, seconds: float) -> list[float]:
    """Return the ratios of the throughputs of pairs, this service to the peer.

    Args:
        service: This service.
        peer: Another server.
        bodies: Documents of one kind, sent in turn.
        count: Number of pairs.
        seconds: Duration of each measurement.
    """
    for server in (service, peer):
        saturate(server, bodies, _WARM_UP_SECONDS)
    ratios = []
    for number in range(count):
        per_second = {}
        for server in (service, peer) if number % 2 else (peer, service):
            time.sleep(_PAUSE_SECONDS)  # thread pools spin for a while after work
            per_second[server] = saturate(server, bodies, seconds)
        ratios.append(per_second[service] / per_second[peer])
    return ratios


def main() -> None:
    """Measure this service in int8 in turn with each peer, and print a table of ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("peers", nargs="+", metavar="PEER", help="part of the name of a peer, such as LitServe")
    parser.add_argument("--pairs", type=int, default=8, help="pairs, for each kind of document (default 8)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of each measurement (default 2)")
    arguments = parser.parse_args()
    bodies = documents.draw()
    with tempfile.TemporaryDirectory() as scratch:
        network = weights.write(Path(scratch) / "f32")
        quantised = weights.write_int8(network, Path(scratch) / "int8")
        own = this_service(quantised.parent)
        rows = {
            peer.name: _compare(own, peer, bodies, arguments.pairs, arguments.seconds)
            for peer in _chosen(network, arguments.peers)
        }
    print(markdown_table("documents per second of this service in int8, relative to", list(bodies), rows))


def _chosen(network: Path, names: Sequence[str]) -> list[Candidate]:
    """Return the installed peers with one network in a request whose names contain one of `names`."""
    every = [candidate for peer in PEERS if is_installed(peer) for candidate in peer.candidates(network)]
    return [each for each in every if networks_of(each) == 1 and any(name in each.name for name in names)]


def _compare(own: Candidate, other: Candidate, bodies: Documents, count: int, seconds: float) -> list[str]:
    """Return the ratio for each kind of document."""
    with running([own, other]) as (service, peer):
        return [describe_median(pairs(service, peer, each, count, seconds)) for each in bodies.values()]


if __name__ == "__main__":
    main()

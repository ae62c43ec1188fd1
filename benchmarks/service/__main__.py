"""Measure the service, other servers and the lower bound: `make bench-service`.

Prints Markdown tables and draws the chart. One server runs at a time, because some use the CPU even without requests.
Before a server is measured, its probabilities are compared with those of the same pixels without a server.
"""

import argparse
import http.client
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.service import chart, cost, documents, overload, report, weights
from benchmarks.service.candidates import PEERS, is_installed, networks_of, way_of
from benchmarks.service.floor import Floor
from benchmarks.service.metrics import (
    TOLERANCE,
    Documents,
    Effort,
    ServerMetrics,
    largest_difference,
    measure_kinds,
    measure_pairs,
    measure_server,
    measure_three_versions,
)
from benchmarks.service.network import ARCHITECTURE, SIDE
from benchmarks.service.peers.classify import Classifier, classify, create_classifier
from benchmarks.service.servers import Candidate, Server, running, this_service
from benchmarks.service.three_versions import VERSIONS, write_copies
from model_service.cpus import available_cpus

_CHART: Final = Path(__file__).parents[2] / "docs" / "images" / "performance.svg"
_FAILURES = (RuntimeError, OSError, http.client.HTTPException, psutil.Error)
_SERVICE, _INT8 = "this service", "this service, int8"


@dataclass(frozen=True)
class Contest:
    """The servers and lower bounds that are compared.

    Attributes:
        floors: The lower bounds, in f32 and int8.
        candidates: The servers.
        three_versions: This service with three versions of the network, by the name of its candidate.
        classifiers: The classification of a document by peers, without a server, by the way of their configuration.
    """

    floors: tuple[Floor, Floor]
    candidates: list[Candidate]
    three_versions: Mapping[str, Candidate]
    classifiers: Mapping[str, Classifier]

    def floor(self, candidate: Candidate) -> Floor:
        """Return the lower bound of this service with the network of a candidate."""
        return self.floors[candidate.name == _INT8]

    def expected(self, candidate: Candidate, document: bytes) -> Mapping[str, float]:
        """Return the probabilities of the pixels that a server makes of a document, computed without the server."""
        way = way_of(candidate)
        if way is None:
            return self.floor(candidate).probabilities(document)
        probabilities: dict[str, float] = classify(self.classifiers[way], document)["probabilities"]
        return probabilities


def prepare(scratch: Path, only: Sequence[str]) -> Contest:
    """Export the network, and find the servers whose names contain one of `only`; all of them if it is empty."""
    network = weights.write(scratch / "f32")
    quantised = weights.write_int8(network, scratch / "int8")
    candidates = [this_service(network.parent), this_service(quantised.parent, name=_INT8)]
    several = {}
    for name, version in ((_SERVICE, network), (_INT8, quantised)):
        folder = scratch / f"three-{version.parent.name}"
        write_copies(version, folder)
        several[name] = this_service(folder, name=f"{name}, three versions", MODELS=",".join(VERSIONS))
    for peer in PEERS:
        if is_installed(peer):
            candidates += peer.candidates(network)
        else:
            print(f"{peer.name} is not installed, and not measured: `make peers` installs it.", file=sys.stderr)
    chosen = [
        candidate
        for candidate in candidates
        if not only or candidate.name == _SERVICE or any(part in candidate.name for part in only)
    ]
    floors = (Floor(network), Floor(quantised, name="the floor: no server, int8"))
    tuned = create_classifier(network, "tuned")  # the pixels of torchvision as well
    scaled = create_classifier(network, "scaled")
    return Contest(floors, chosen, several, {"tutorial": tuned, "tuned": tuned, "scaled": scaled, "together": scaled})


def compare(contest: Contest, bodies: Documents, effort: Effort, rounds: int) -> dict[str, ServerMetrics]:
    """Measure everything in turn, in several rounds, so that load on the machine affects all of them."""
    results = {floor.name: ServerMetrics() for floor in contest.floors}
    results |= {candidate.name: ServerMetrics(networks_of(candidate)) for candidate in contest.candidates}
    for number in range(rounds):
        for floor in contest.floors:
            measure_kinds(results[floor.name], floor, bodies, effort)
        for candidate in contest.candidates:
            if number and not results[candidate.name].ready_seconds:
                continue  # it failed in the first round
            print(f"round {number + 1}: {candidate.name}", file=sys.stderr)
            try:
                with running([candidate]) as (server,):
                    if number == 0:
                        verify(server, contest, bodies)
                    measure_server(results[candidate.name], server, bodies, effort)
                    if way_of(candidate) is None:
                        measure_pairs(results[candidate.name], contest.floor(candidate), server, bodies, effort)
                if way_of(candidate) is None:
                    with running([contest.three_versions[candidate.name]]) as (server,):
                        measure_three_versions(results[candidate.name], server, bodies, effort)
            except _FAILURES as error:
                if way_of(candidate) is None:
                    raise
                print(f"{candidate.name} failed, and is left out if no round is complete: {error!r}", file=sys.stderr)
    return {name: result for name, result in results.items() if all(result.per_second[kind] for kind in bodies)}


def verify(server: Server, contest: Contest, bodies: Documents) -> None:
    """Compare the probabilities of a server with the expected ones, for every document.

    Raises:
        RuntimeError: They differ.
    """
    every = [document for documents_of_kind in bodies.values() for document in documents_of_kind]
    expected = [contest.expected(server.candidate, document) for document in every]
    difference = largest_difference(server, every, expected)
    print(f"  probabilities differ by at most {difference:.1e}", file=sys.stderr)
    if difference > TOLERANCE:
        raise RuntimeError(f"{server.name} returns other probabilities than its pixels give, by {difference:.1e}")


def describe_machine(bodies: Documents) -> str:
    """Return the machine, the network and the sizes of the documents."""
    cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor()).split(":")[-1]
    return "\n".join(
        [
            f"{available_cpus()} CPUs ({cpu.strip()}), Python {platform.python_version()}, {platform.system()}; "
            f"load before: {os.getloadavg()[0]:.1f}; {ARCHITECTURE} at {SIDE}², f32 by default",
            *(f"- {kind}: {', '.join(f'{len(body) // 1024} KiB' for body in each)}" for kind, each in bodies.items()),
        ]
    )


def main() -> None:
    """Measure everything, print the report and draw the chart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--rounds", type=int, default=2, help="rounds over all servers (default 2)")
    parser.add_argument(
        "--requests", type=int, default=8, help="requests of a single client, for each kind and round (default 8)"
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=12,
        help="documents that this service and the floor process in turn, for each kind and round (default 12)",
    )
    parser.add_argument(
        "--seconds", type=float, default=2.5, help="seconds of saturation, for each kind and round (default 2.5)"
    )
    parser.add_argument("--overloads", type=int, default=3, help="runs at twice the capacity (default 3)")
    parser.add_argument("--only", action="append", default=[], help="part of the name of a server; repeatable")
    parser.add_argument("--chart", type=Path, default=_CHART, help="SVG file to write")
    arguments = parser.parse_args()

    bodies = documents.draw()
    print(describe_machine(bodies), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        contest = prepare(Path(scratch), arguments.only)
        effort = Effort(arguments.requests, arguments.pairs, arguments.seconds)
        every = compare(contest, bodies, effort, arguments.rounds)
        results = {name: result for name, result in every.items() if result.networks == 1}
        tables = [
            report.ratio_tables(results, _SERVICE, list(bodies)),
            report.in_turn_table(results, list(bodies)),
            report.three_versions_table(every, _SERVICE, list(bodies)),
            report.figures_table(results, list(bodies)),
            report.cost_table(cost.costs(results, bodies, own=(_SERVICE, _INT8))),
        ]
        print("", *tables, sep="\n\n", flush=True)
        with running([contest.candidates[0]]) as (server,):
            overloaded = overload.overload(server, bodies, 8 * arguments.seconds, arguments.overloads)
            abandoned = overload.abandon(server, bodies[documents.SCAN][0])
        print("", report.overload_tables(overloaded, abandoned), sep="\n\n")
    chart.draw(
        arguments.chart,
        list(bodies),
        {
            "ms a document, one client": {name: list(map(each.latency, bodies)) for name, each in results.items()},
            "documents a second, eight clients": {
                name: list(map(each.throughput, bodies)) for name, each in results.items()
            },
        },
    )


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    main()

"""Phases of the orchestrator's cold start on this machine: `python -m benchmarks.cold_start`.

Each repetition is a new process, as on Lambda. A local server answers in place of S3, DynamoDB and the versions. The
first three phases are the steps of `orchestrator.function`, which precede the first event, and the fourth is part of
the first connection to each host. The second event shows what an event costs once everything is loaded. The times of
the network and of Lambda itself are missing.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.local_server import lambda_context, local_server, measure_process, upload_event

_PHASES: Final = {
    "boto3": "its import",
    "other imports": "modules of the handler",
    "clients": "of S3 and DynamoDB, connection pools, pipeline",
    "TLS": "certificate authorities of one connection pool",
    "first event": "one document, three versions",
    "second event": "the same",
}
Phases = Mapping[str, tuple[float, float]]
"""Elapsed milliseconds and milliseconds of CPU time, by phase."""


def start() -> Phases:
    """Start as `orchestrator.function` does, process two events, and return the time of each phase."""
    gc.disable()
    marks = [(time.perf_counter(), time.process_time())]

    def done() -> None:
        marks.append((time.perf_counter(), time.process_time()))

    import boto3  # noqa: F401

    done()
    import orchestrator.handler as function

    done()
    function.orchestrator()
    gc.freeze()
    gc.enable()
    done()
    from botocore.httpsession import get_cert_path
    from urllib3.util.ssl_ import create_urllib3_context

    create_urllib3_context().load_verify_locations(get_cert_path(True))
    done()
    for number in (1, 2):
        function.handler(upload_event(number), lambda_context())
        done()
    return {
        name: ((after[0] - before[0]) * 1000, (after[1] - before[1]) * 1000)
        for name, before, after in zip(_PHASES, marks, marks[1:], strict=False)
    }


def report(starts: Sequence[Phases]) -> str:
    """Return a table of the medians."""
    lines = [f"| phase, median of {len(starts)} processes | ms | ms of CPU time | |", "|---|---|---|---|"]
    for name, what in _PHASES.items():
        elapsed, cpu = (statistics.median(each[name][column] for each in starts) for column in (0, 1))
        lines.append(f"| {name} | {elapsed:.0f} | {cpu:.0f} | {what} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--rounds", type=int, default=7, help="processes (default: 7)")
    parser.add_argument("--process", action="store_true", help="measure this process, and print JSON")
    options = parser.parse_args()
    if options.process:
        phases = start()
        print(json.dumps(phases))
        return
    with local_server() as url:
        starts: list[Phases] = [measure_process("benchmarks.cold_start", url) for _ in range(options.rounds + 1)]
    print(report(starts[1:]))  # the first writes the bytecode


if __name__ == "__main__":
    main()

"""The orchestrator's own time for a document: `python -m benchmarks.handler`.

The handler runs in a process of its own, and a local server answers in place of S3, DynamoDB and the versions, each
after a fixed time. The time of an invocation is compared with what cannot be avoided: the read of the object, the
slowest call and the write, each measured where the pipeline waits for it. The first document opens the connections, and
is left out.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from benchmarks.local_server import Delays, lambda_context, local_server, measure_process, upload_event
from testkit.reports import percentile

_DELAYS: Final = Delays(s3=0.05, dynamodb=0.008, versions=(0.06, 0.075, 0.09))
_TARGETS: Final = {"median": (50, 1.05), "p99": (99, 1.15)}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Document(NamedTuple):
    """Milliseconds of one document.

    Attributes:
        handler: The whole invocation.
        read: The read of the object.
        slowest: The slowest call of a version.
        write: The write of the record.
    """

    handler: float
    read: float
    slowest: float
    write: float

    @property
    def ratio(self) -> float:
        """The time of the invocation relative to what cannot be avoided."""
        return self.handler / (self.read + self.slowest + self.write)


def measure(documents: int) -> list[Document]:
    """Process documents in this process, whose environment names the local server."""
    import orchestrator.handler as function
    from orchestrator.calls import DocumentService
    from records.documents import DocumentStore
    from records.table import RecordTable

    times: dict[str, list[float]] = {"read": [], "call": [], "write": []}

    def timed(name: str, work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        def measured(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            started = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                times[name].append((time.perf_counter() - started) * 1000)

        return measured

    owners: list[tuple[Any, str, str]] = [
        (DocumentStore, "read", "read"), (DocumentService, "call", "call"), (RecordTable, "save", "write")
    ]  # fmt: skip
    for owner, method, name in owners:
        setattr(owner, method, timed(name, getattr(owner, method)))
    found = []
    for number in range(documents + 1):
        for each in times.values():
            each.clear()
        started = time.perf_counter()
        function.handler(upload_event(number), lambda_context())
        seconds = time.perf_counter() - started
        found.append(Document(seconds * 1000, *(max(times[name]) for name in ("read", "call", "write"))))
    return found[1:]


def report(documents: Sequence[Document], megabytes: float) -> str:
    """Return the medians, and the ratios with their targets."""
    medians = [statistics.median(getattr(document, name) for document in documents) for name in Document._fields]
    handler, read, slowest, write = medians
    lines = [
        f"{len(documents)} documents of {megabytes:g} MB; median ms: handler {handler:.1f}, read {read:.1f}, "
        f"slowest call {slowest:.1f}, write {write:.1f}"
    ]
    for name, (share, target) in _TARGETS.items():
        ratio = percentile([document.ratio for document in documents], share)
        verdict = "reached" if ratio <= target else "not reached"
        lines.append(f"handler / (read + slowest call + write), {name}: {ratio:.3f} (target {target}: {verdict})")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--documents", type=int, default=300, help="number of documents (default: 300)")
    parser.add_argument("--megabytes", type=float, default=1.0, help="size of a document (default: 1)")
    parser.add_argument("--process", action="store_true", help="measure this process, and print JSON")
    options = parser.parse_args()
    if options.process:
        print(json.dumps(measure(options.documents)))
        return
    with local_server(os.urandom(int(options.megabytes * 1e6)), _DELAYS) as url:
        measured = measure_process("benchmarks.handler", url, "--documents", str(options.documents))
    documents = [Document(*each) for each in measured]
    print(report(documents, options.megabytes))


if __name__ == "__main__":
    main()

"""Time from PUT to a readable record, one document at a time, on the local stack: `python -m benchmarks.pipeline`.

The pipeline's time and the emulator's are reported separately: in AWS there is no emulator, and S3 takes "typically
seconds" to deliver an event. The baseline makes the same three model calls sequentially.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from orchestrator.endpoints import Endpoint
from orchestrator.models import ModelClient
from orchestrator.settings import OrchestratorSettings
from records.outcomes import Prediction
from records.record import Record
from testkit.reports import percentile
from triptych.errors import TriptychError
from triptych.storage import inbox
from triptych.storage.connection import StackConnection, connect_local
from triptych.storage.inbox import FileUpload
from triptych.storage.results import Results

SAMPLES = Path(__file__).parents[1] / "samples" / "documents"
_POLL_SECONDS = 0.002
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class DocumentTimes:
    """Times of one document, in milliseconds.

    Attributes:
        name: Its file name.
        total: From just before the PUT until a consistent read finds the record.
        handler: From the handler's start to just before its write.
        slowest: The slowest of the three model calls, which is part of `handler`.
        sequential: The baseline: the same three calls made sequentially.
    """

    name: str
    total: float
    handler: float
    slowest: float
    sequential: float

    @property
    def emulator(self) -> float:
        """The rest of the total: PUT, event, invocation, write, and this program's polling."""
        return self.total - self.handler


def measure(stack: StackConnection, models: ModelClient, path: Path, number: int) -> DocumentTimes:
    """Upload one document and wait for its record; then measure the baseline."""
    s3, results = stack.s3, Results(stack.table)
    started = time.perf_counter()
    stored = inbox.put_file(s3, stack.bucket, FileUpload(path, f"bench/{number}/{path.name}"))
    while (record := results.find(stored)) is None:
        if time.perf_counter() - started > _TIMEOUT_SECONDS:
            raise TriptychError(f"{path.name} has no record after {_TIMEOUT_SECONDS} s")
        time.sleep(_POLL_SECONDS)
    total = (time.perf_counter() - started) * 1000
    slowest = max((outcome.latency_ms for outcome in record.predictions.values()), default=0.0)
    return DocumentTimes(path.name, total, record.latency_ms, slowest, _sequential(models, path, record))


def _sequential(models: ModelClient, path: Path, record: Record) -> float:
    document = path.read_bytes()
    started = time.perf_counter()
    for version in record.predictions:
        models.predict(document, versions=[version], deadline=time.monotonic() + 10)
    return (time.perf_counter() - started) * 1000


def _endpoints(stack: StackConnection) -> Mapping[str, Endpoint]:
    """Return the endpoints of the model services from the deployed function's settings."""
    configuration = stack.lambdas.get_function_configuration(FunctionName=stack.function)
    return OrchestratorSettings.from_environment(configuration["Environment"]["Variables"]).endpoints


def readable(paths: Sequence[Path], models: ModelClient) -> list[Path]:
    """Return the documents that every service can decode: quick rejections would lower the median."""

    def is_readable(path: Path) -> bool:
        outcomes = models.predict(path.read_bytes(), versions=models.versions, deadline=time.monotonic() + 30)
        return all(isinstance(outcome, Prediction) for outcome in outcomes.values())

    return [path for path in paths if is_readable(path)]


def table_of(runs: Sequence[DocumentTimes]) -> Table:
    """Return a table of the median, the 95th percentile and the share of each part."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(runs)} documents, one at a time, warm", title_justify="left")
    for column in ("milliseconds", "p50", "p95", "share"):
        table.add_column(column, justify="left" if column == "milliseconds" else "right")
    total = statistics.median(run.total for run in runs)
    for name, values in (
        ("PUT to readable record", [run.total for run in runs]),
        ("  handler", [run.handler for run in runs]),
        ("    slowest model call", [run.slowest for run in runs]),
        ("  emulator and polling", [run.emulator for run in runs]),
    ):
        median = statistics.median(values)
        table.add_row(name, f"{median:.0f}", f"{percentile(values, 95):.0f}", f"{median / total:.0%}")
    return table


def main() -> None:
    """Measure every document, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="uploads of each document (default 5)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("documents", nargs="*", type=Path, default=sorted(SAMPLES.iterdir()))
    arguments = parser.parse_args()

    stack = connect_local()
    models = ModelClient(_endpoints(stack), time.monotonic)
    documents = readable(arguments.documents, models)
    for path in documents:  # warm-up of workers, connections and code paths
        measure(stack, models, path, 0)
    runs = [measure(stack, models, path, number) for number in range(1, arguments.rounds + 1) for path in documents]
    if arguments.json:
        print(json.dumps([vars(run) | {"emulator": run.emulator} for run in runs], indent=2))
        return
    console = Console()
    console.print(table_of(runs))
    ratio = statistics.median(run.sequential / run.slowest for run in runs)
    overhead = statistics.median(run.handler / run.slowest for run in runs)
    console.print(f"Three sequential calls take {ratio:.2f} times the slowest of three concurrent calls.")
    console.print(f"The whole handler takes {overhead:.2f} times its slowest model call.")


if __name__ == "__main__":
    main()

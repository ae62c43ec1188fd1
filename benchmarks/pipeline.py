"""From PUT to a readable record, one document at a time, on the running local stack: `python -m benchmarks.pipeline`.

What is the stack's own and what is the emulator's stand apart, because the emulator's share does not exist in AWS
(there, S3 takes "typically seconds" to deliver an event). The peer is what a first version of such a pipeline does:
the same three calls to the same services, one after the other.
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

from orchestrator.models import ModelClient
from orchestrator.settings import OrchestratorSettings
from records.outcomes import Prediction
from records.record import Record
from triptych.errors import TriptychError
from triptych.storage import connection, inbox
from triptych.storage.inbox import FileUpload
from triptych.storage.results import Results

SAMPLES = Path(__file__).parents[1] / "samples" / "documents"
_POLL_S = 0.002
_GIVE_UP_S = 30


@dataclass(frozen=True)
class Run:
    """One document's way, in milliseconds."""

    name: str
    total: float
    """From just before the PUT until a consistent read finds the record."""
    handler: float
    """From the handler's start to just before its write."""
    slowest: float
    """The slowest of the three calls, inside `handler`."""
    sequential: float
    """The peer: the same three calls, one after the other."""

    @property
    def emulator(self) -> float:
        """What is left: PUT, event, invocation, the write, and this program's polling."""
        return self.total - self.handler


def measure(to: connection.StackConnection, models: ModelClient, path: Path, number: int) -> Run:
    """Send one document the whole way, then through the peer."""
    s3, results = to.s3, Results(to.table)
    started = time.perf_counter()
    dropped = inbox.put_file(s3, to.bucket, FileUpload(path, f"bench/{number}/{path.name}"))
    while (record := results.find(dropped)) is None:
        if time.perf_counter() - started > _GIVE_UP_S:
            raise TriptychError(f"{path.name} has no record after {_GIVE_UP_S} s")
        time.sleep(_POLL_S)
    total = (time.perf_counter() - started) * 1000
    slowest = max((said.latency_ms for said in record.predictions.values()), default=0.0)
    return Run(path.name, total, record.latency_ms, slowest, _sequential(models, path, record))


def _sequential(models: ModelClient, path: Path, record: Record) -> float:
    document = path.read_bytes()
    started = time.perf_counter()
    for version in record.predictions:
        models.predict(document, versions=[version], deadline=time.monotonic() + 10)
    return (time.perf_counter() - started) * 1000


def _endpoints(to: connection.StackConnection) -> Mapping[str, str]:
    """The services as the deployed function knows them."""
    configuration = to.lambdas.get_function_configuration(FunctionName=to.function)
    return OrchestratorSettings.from_environment(configuration["Environment"]["Variables"]).endpoints


def readable(paths: Sequence[Path], models: ModelClient) -> list[Path]:
    """The documents that the services can read: a rejection is quick and would flatter the median."""
    found = []
    for path in paths:
        said = models.predict(path.read_bytes(), versions=models.versions, deadline=time.monotonic() + 30)
        if all(isinstance(outcome, Prediction) for outcome in said.values()):
            found.append(path)
    return found


def table_of(runs: Sequence[Run]) -> Table:
    """Median, 95th percentile and share of the median, of each part."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(runs)} documents, one at a time, warm", title_justify="left")
    for column in ("milliseconds", "median", "95 %", "share"):
        table.add_column(column, justify="left" if column == "milliseconds" else "right")
    whole = statistics.median(run.total for run in runs)
    for name, values in (
        ("PUT to readable record", [run.total for run in runs]),
        ("  handler", [run.handler for run in runs]),
        ("    slowest model call", [run.slowest for run in runs]),
        ("  emulator and polling", [run.emulator for run in runs]),
    ):
        median = statistics.median(values)
        table.add_row(name, f"{median:.0f}", f"{_percentile(values, 95):.0f}", f"{median / whole:.0%}")
    return table


def _percentile(values: Sequence[float], rank: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[rank - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each document is sent (default 5)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("documents", nargs="*", type=Path, default=sorted(SAMPLES.iterdir()))
    arguments = parser.parse_args()

    to = connection.connect_local()
    models = ModelClient(_endpoints(to), time.monotonic)
    documents = readable(arguments.documents, models)
    for path in documents:  # warm: workers, connections and code paths
        measure(to, models, path, 0)
    runs = [measure(to, models, path, number) for number in range(1, arguments.rounds + 1) for path in documents]
    if arguments.json:
        print(json.dumps([vars(run) | {"emulator": run.emulator} for run in runs], indent=2))
        return
    console = Console()
    console.print(table_of(runs))
    ratio = statistics.median(run.sequential / run.slowest for run in runs)
    overhead = statistics.median(run.handler / run.slowest for run in runs)
    console.print(f"Three calls one after the other take {ratio:.2f} times the slowest of the concurrent three.")
    console.print(f"The handler as a whole takes {overhead:.2f} times its slowest model call.")


if __name__ == "__main__":
    main()

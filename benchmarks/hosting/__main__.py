"""Compare the hosting options of the model service: `python -m benchmarks.hosting --documents 500`.

Every hosting option that runs on this machine gets the same documents for the same versions. Its answers are compared
with those of separate services, probabilities to the last bit. CPU time is that of all of its processes, without the
start.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.hosting.documents import draw_documents
from testkit import hosting_options
from testkit.hosting_options import HostedVersions
from testkit.parity import Agreement, Answers, compare_answers
from testkit.reports import report_console
from testkit.template import ROOT

VERSIONS: Final = ("v1", "v2", "v3")

OpenHosting = Callable[[Sequence[str], Path], AbstractContextManager[HostedVersions]]

HOSTING_OPTIONS: Final[Mapping[str, OpenHosting]] = {
    "separate": hosting_options.separate_services,
    "single": hosting_options.single_service,
    "lambda": hosting_options.lambda_functions,
    "sagemaker": hosting_options.sagemaker_containers,
    "ray": hosting_options.ray_serve,
    "hooks": hosting_options.pytorch_hooks,
}


@dataclass(frozen=True)
class Run:
    """Measurements of one hosting option.

    Attributes:
        name: Name of the hosting option.
        answers: Its answers.
        cpu_ms: CPU milliseconds per answer.
        start_s: Seconds until the slowest of its servers was ready.
        start_cpu_s: CPU seconds of the start, of all servers.
        wall_s: Seconds for all documents, one at a time.
    """

    name: str
    answers: Answers
    cpu_ms: float
    start_s: float
    start_cpu_s: float
    wall_s: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, measure, and print a table. Exit with 1 if any answer differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosting", description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=500, help="documents for each version (default: 500)")
    names = list(HOSTING_OPTIONS)
    parser.add_argument("--hosting", nargs="+", choices=names, default=names, help="default: all")
    options = parser.parse_args(arguments)
    console = report_console()
    chosen = ["separate", *(name for name in options.hosting if name != "separate")]
    if not hosting_options.RAY_PYTHON.exists() and "ray" in chosen:
        console.print("Without Ray Serve, which `make ray` installs.")
        chosen.remove("ray")
    documents = draw_documents(options.documents)
    runs = [_measure(HOSTING_OPTIONS[name], documents) for name in chosen]
    agreements = [compare_answers(run.answers, runs[0].answers) for run in runs]
    _print_report(console, runs, agreements)
    if any(agreement.differing for agreement in agreements):
        raise SystemExit(1)


def _measure(open_hosting: OpenHosting, documents: Mapping[str, bytes]) -> Run:
    with open_hosting(VERSIONS, ROOT / "models") as hosted:
        cpu, started = hosted.cpu_seconds(), time.perf_counter()
        answers = {
            (name, version): answer
            for name, document in documents.items()
            for version, answer in hosted.predict_all(VERSIONS, document).items()
        }
        return Run(
            name=hosted.name,
            answers=answers,
            cpu_ms=(hosted.cpu_seconds() - cpu) * 1000 / len(answers),
            start_s=max(server.start_seconds for server in hosted.servers),
            start_cpu_s=sum(server.start_cpu_seconds for server in hosted.servers),
            wall_s=time.perf_counter() - started,
        )


def _print_report(console: Console, runs: Sequence[Run], agreements: Sequence[Agreement]) -> None:
    table = Table(title="Answers compared with those of separate services")
    table.add_column("hosting")
    for heading in ("answers", "same label", "identical", "largest diff.", "CPU ms each", "start s", "start CPU s"):
        table.add_column(heading, justify="right")
    for run, agreement in zip(runs, agreements, strict=True):
        table.add_row(
            run.name,
            f"{agreement.answers:,}",
            f"{agreement.same_labels:,}",
            f"{agreement.identical:,}",
            f"{agreement.largest_difference:.1g}",
            f"{run.cpu_ms:.1f}",
            f"{run.start_s:.1f}",
            f"{run.start_cpu_s:.1f}",
        )
    console.print(table)
    problems = sum("problem" in answer for answer in runs[0].answers.values())
    console.print(f"{problems:,} answers are problems: documents that cannot be read.")
    for run, agreement in zip(runs, agreements, strict=True):
        for key in agreement.differing[:20]:
            ours, theirs = run.answers[key], runs[0].answers[key]
            fields = sorted(field for field in {*ours, *theirs} if ours.get(field) != theirs.get(field))
            console.print(f"{run.name}: {' for '.join(key)} differs in {', '.join(fields)}", highlight=False)


if __name__ == "__main__":
    main()

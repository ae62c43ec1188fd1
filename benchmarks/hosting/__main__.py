"""Answers, CPU time and start of every home of the model service: `python -m benchmarks.hosting --documents 500`.

Every home that runs here gets the same documents for the same versions. Its answers are compared with those of separate
services, probabilities to the last bit. CPU time is that of all processes of a home, without its start.
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
from testkit import homes
from testkit.homes import Home
from testkit.parity import Agreement, Answers, compare_answers
from testkit.reports import report_console
from testkit.template import ROOT

VERSIONS: Final = ("v1", "v2", "v3")

OpenHome = Callable[[Sequence[str], Path], AbstractContextManager[Home]]

HOMES: Final[Mapping[str, OpenHome]] = {
    "separate": homes.separate_services,
    "single": homes.single_service,
    "lambda": homes.lambda_functions,
    "sagemaker": homes.sagemaker_containers,
    "ray": homes.ray_serve,
    "hooks": homes.pytorch_hooks,
}


@dataclass(frozen=True)
class Run:
    """What was measured at one home.

    Attributes:
        name: Name of the home.
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
    parser.add_argument("--homes", nargs="+", choices=list(HOMES), default=list(HOMES), help="default: all")
    options = parser.parse_args(arguments)
    console = report_console()
    chosen = ["separate", *(name for name in options.homes if name != "separate")]
    if not homes.RAY_PYTHON.exists() and "ray" in chosen:
        console.print("Without Ray Serve, which `make ray` installs.")
        chosen.remove("ray")
    documents = draw_documents(options.documents)
    runs = [_measure(HOMES[name], documents) for name in chosen]
    agreements = [compare_answers(run.answers, runs[0].answers) for run in runs]
    _print_report(console, runs, agreements)
    if any(agreement.differing for agreement in agreements):
        raise SystemExit(1)


def _measure(open_home: OpenHome, documents: Mapping[str, bytes]) -> Run:
    with open_home(VERSIONS, ROOT / "models") as home:
        cpu, started = home.cpu_seconds(), time.perf_counter()
        answers = {
            (name, version): home.predict(version, document)
            for name, document in documents.items()
            for version in VERSIONS
        }
        return Run(
            name=home.name,
            answers=answers,
            cpu_ms=(home.cpu_seconds() - cpu) * 1000 / len(answers),
            start_s=max(server.start_seconds for server in home.servers),
            start_cpu_s=sum(server.start_cpu_seconds for server in home.servers),
            wall_s=time.perf_counter() - started,
        )


def _print_report(console: Console, runs: Sequence[Run], agreements: Sequence[Agreement]) -> None:
    table = Table(title="Answers compared with those of separate services")
    table.add_column("home")
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

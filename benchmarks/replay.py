"""Duration of a replay, and what a kill costs: `python -m benchmarks.replay [FOLDER]`.

A child process fills an inbox and a table in memory (moto) with copies of the samples, and runs `triptych replay` on
them. The first child is killed, the second resumes and ends, and a third replays everything without interruption.
Printed are the answers that the kill lost, documents that were answered twice, and the duration of the whole replay.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from records.outcomes import Prediction
from records.record import Record, Status
from records.table import RecordTable
from records.uploads import Upload
from records.verdict import combine
from testkit.reports import report_console
from testkit.template import ROOT, table_definition
from triptych.cli import app
from triptych.stack import environment
from triptych.storage import connection
from triptych.storage.connection import StackConnection

SAMPLES = ("*.png", "*.jpg", "*.tif", "*.pdf", "*.webp")
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
"""Time of the newest upload. Fixed, so that every child process fills the same table."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "models" / "v2", help="folder of a version")
    parser.add_argument("--documents", type=int, default=1000, help="stored documents (default: 1,000)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _replay(options.folder.resolve(), options.documents)
    else:
        _measure(options.folder.resolve(), options.documents)


def _measure(folder: Path, documents: int) -> None:
    console = report_console()
    with tempfile.TemporaryDirectory(prefix="triptych-replay-") as home:
        with _child(folder, documents, home) as process:
            while len(_answers(Path(home))) < documents // 2 and process.poll() is None:
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
        kept = len(_answers(Path(home)))
        second = _run(folder, documents, home)
        answered = Counter(_answers(Path(home)))
        console.print(
            f"killed after {kept} answers; resumed in {second['seconds']:.1f} s: {len(answered)} answered, "
            f"{sum(count > 1 for count in answered.values())} twice, {second['missing']} missing"
        )
    with tempfile.TemporaryDirectory(prefix="triptych-replay-") as home:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole = _run(folder, documents, home)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    console.print(
        f"{documents} documents in {whole['seconds']:.1f} s, {cpu / documents * 1000:.0f} ms of CPU each (with the "
        f"inbox in memory); records unchanged: {second['unchanged'] and whole['unchanged']}"
    )


@contextmanager
def _child(folder: Path, documents: int, home: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.replay", str(folder), "--documents", str(documents), "--child"]
    environment = {**os.environ, "TRIPTYCH_HOME": home}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _run(folder: Path, documents: int, home: str) -> dict[str, Any]:
    """Run a child to its end and return what it measured."""
    with _child(folder, documents, home) as process:
        output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the replay failed with exit code {process.returncode}")
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def _answers(home: Path) -> list[str]:
    """Return the documents in the file of answers, one for each complete line."""
    lines = [line for file in home.glob("replay/*.jsonl") for line in file.read_bytes().split(b"\n")[:-1]]
    return [entry["document"] for entry in map(json.loads, lines) if "document" in entry]


def _replay(folder: Path, documents: int) -> None:
    """Fill the stack in memory, replay, and print a line of JSON."""
    stack = StackConnection("replay-benchmark", "inbox", "records", "", "", environment.local_session())
    with mock_aws():
        _fill(stack, documents)
        before = _items(stack)
        started = time.perf_counter()
        with patch.object(connection, "connect", return_value=stack):
            app(["replay", str(folder), "--newest", str(documents), "--json"], standalone_mode=False)
        seconds = time.perf_counter() - started
        unchanged = _items(stack) == before
    missing = documents - len(set(_answers(Path(os.environ["TRIPTYCH_HOME"]))))
    print(json.dumps({"seconds": seconds, "unchanged": unchanged, "missing": missing}))


def _fill(stack: StackConnection, documents: int) -> None:
    files = sorted(file for pattern in SAMPLES for file in (ROOT / "samples" / "documents").glob(pattern))
    contents = [(file.name, file.read_bytes()) for file in files if "interrupted" not in file.name]
    s3, records = stack.s3, RecordTable(stack.table)
    s3.create_bucket(Bucket=stack.bucket)
    stack.table.meta.client.create_table(**table_definition(stack.table_name))
    prediction = Prediction("invoice", 0.9, {"form": 0.1, "invoice": 0.9}, False, 1, "0" * 64, 20.0)
    for number in range(documents):
        name, content = contents[number % len(contents)]
        key = f"{number:06}-{name}"
        etag = s3.put_object(Bucket=stack.bucket, Key=key, Body=content)["ETag"].strip('"')
        at = NEWEST - timedelta(minutes=number)
        upload = Upload(stack.bucket, key, f"{number:016X}", at, len(content), etag)
        outcomes = dict.fromkeys(("v1", "v2", "v3"), prediction)
        made = Record(upload, Status.COMPLETE, outcomes, combine(outcomes), None, at, 40.0, policy="p0")
        records.save(made, replacing=None)


def _items(stack: StackConnection) -> list[str]:
    """Return all items as the API sends them, as JSON."""
    pages = stack.session.client("dynamodb").get_paginator("scan").paginate(TableName=stack.table_name)
    return sorted(json.dumps(item, sort_keys=True) for page in pages for item in page["Items"])


if __name__ == "__main__":
    main()

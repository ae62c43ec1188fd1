"""Export generated records, and compare the tables with the table of records: `python -m benchmarks.export`.

Fills a table on the emulator, exports it to Parquet with `triptych export` in a process of its own, and reads the files
with DuckDB and pandas. Prints the duration and the largest memory of the export, and exits with 1 if a sum differs.
The emulator serves the records on the same machine, so the duration includes its work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psutil

from testkit.generated_records import fill_table
from testkit.reports import report_console
from triptych.stack import Home
from triptych.stack.emulator import endpoint_url, start_emulator
from triptych.stack.environment import local_session
from triptych.stack.processes import stop_processes
from triptych.stack.state import StackState
from triptych.storage.connection import StackConnection, from_outputs

OUTPUTS = {
    "InboxBucketName": "inbox",
    "TableName": "records",
    "OrchestratorFunctionName": "orchestrator",
    "FailureQueueUrl": "failures",
}
LABELLED = 0.5
"""Share of the records in a queue that have a label."""


def table_sums(connection: StackConnection) -> dict[str, float]:
    """Return counts and sums over the items of the table, from a scan."""
    records = labels = 0
    confidence = 0.0
    query: dict[str, Any] = {
        "ProjectionExpression": "confidence, #review",
        "ExpressionAttributeNames": {"#review": "review"},
    }
    while True:
        page = connection.table.scan(**query)
        records += len(page["Items"])
        labels += sum("review" in item for item in page["Items"])
        confidence += sum(float(str(item["confidence"])) for item in page["Items"] if "confidence" in item)
        if "LastEvaluatedKey" not in page:
            return {"records": records, "labels": labels, "confidence": round(confidence, 3)}
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def duckdb_sums(folder: Path) -> dict[str, float]:
    """Return the same from the exported tables, with DuckDB."""
    records = duckdb.read_parquet(f"{folder}/records/*/*.parquet", hive_partitioning=True)
    labels = duckdb.read_parquet(f"{folder}/labels/*/*.parquet", hive_partitioning=True)
    [(count, confidence)] = records.aggregate("count(*), sum(confidence)").fetchall()
    [(current,)] = labels.filter("current").aggregate("count(*)").fetchall()
    return {"records": count, "labels": current, "confidence": round(confidence, 3)}


def pandas_sums(folder: Path) -> dict[str, float]:
    """Return the same with pandas."""
    records, labels = pd.read_parquet(folder / "records"), pd.read_parquet(folder / "labels")
    confidence = round(float(records["confidence"].sum()), 3)
    return {"records": len(records), "labels": int(labels["current"].sum()), "confidence": confidence}


def run_export(home: Home, folder: Path) -> tuple[float, float, float]:
    """Run the command, and return its duration and CPU time in seconds and its largest memory in megabytes."""
    command = [str(Path(sys.executable).with_name("triptych")), "export", str(folder)]
    started = time.monotonic()
    process = psutil.Popen(command, env={**os.environ, "TRIPTYCH_HOME": str(home.path)})
    largest, cpu = 0, 0.0
    while process.poll() is None:
        try:
            largest = max(largest, process.memory_info().rss)
            cpu = sum(process.cpu_times()[:2])
        except psutil.Error:
            break
        time.sleep(0.1)
    if process.wait() != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - started, cpu, largest / 1e6


def main() -> None:
    """Fill, export, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000, help="number of records (default 100,000)")
    arguments = parser.parse_args()
    console = report_console()
    with tempfile.TemporaryDirectory() as path:
        home, folder = Home(Path(path) / "home"), Path(path) / "tables"
        server = start_emulator(home, retry_seconds=1, services=("dynamodb", "iam", "sts"))
        try:
            StackState(home, server, outputs=OUTPUTS).save()
            connection = StackConnection(
                **{**vars(from_outputs("local", OUTPUTS, local_session())), "endpoint_url": endpoint_url(server.port)}
            )
            filled = fill_table(connection, arguments.records, labelled=LABELLED, console=console)
            console.print(f"{arguments.records} records written in {filled:.0f} s", highlight=False)
            seconds, cpu, megabytes = run_export(home, folder)
            sums = {"table": table_sums(connection), "DuckDB": duckdb_sums(folder), "pandas": pandas_sums(folder)}
        finally:
            stop_processes(server.process)
    console.print(
        f"exported in {seconds:.0f} s, {cpu:.0f} s of CPU time, {megabytes:.0f} MB of memory", highlight=False
    )
    for reader, found in sums.items():
        console.print(f"{reader}: {found}", highlight=False)
    if any(found != sums["table"] for found in sums.values()):
        sys.exit("The sums differ.")


if __name__ == "__main__":
    main()

"""Protects: each example of docs/records.md runs as printed, and prints what the page shows."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from records.record import Agreement, Reason, Record, Status, Verdict
from records.reviews import Queue, Review
from records.table import PolicyTable, RecordTable
from testkit.template import ROOT, table_definition
from tests.support.documented_examples import read_examples, run_examples
from tests.support.tools import require_tool
from tests.support.uploads import NOON, policy, prediction, record, upload
from triptych.stack import Home
from triptych.stack.emulator import endpoint_url, start_emulator
from triptych.stack.environment import local_session
from triptych.stack.processes import stop_processes
from triptych.stack.state import StackState

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "records.md").read_text()
BUCKET, TABLE = "triptych-inbox-000000000000-us-east-1", "triptych-Records-1A2B3C"


def classified(key: str, number: int, verdict: Verdict, *labels: str) -> Record:
    """Return a record with a fixed verdict, so that the page does not depend on how votes are counted."""
    of = upload(
        key,
        bucket=BUCKET,
        event_time=NOON + timedelta(minutes=number),
        sequencer=f"{number:016X}",
        version_id=f"version-{number}",
    )
    outcomes = {f"v{n}": prediction(label) for n, label in enumerate(labels, 1)}
    return record(outcomes, of=of, verdict=verdict)


def unanimous(label: str, confidence: float) -> Verdict:
    return Verdict(label, confidence, Agreement.UNANIMOUS, ())


def records() -> list[Record]:
    letter = classified("letter.tif", 3, unanimous("typewritten", 0.98), *["typewritten"] * 3)
    doubtful = Verdict("receipt", 0.62, Agreement.MAJORITY, ("doubtful",))
    broken = upload("upload-interrupted.jpg", bucket=BUCKET, event_time=NOON + timedelta(minutes=5))
    return [
        classified("invoice-2024-0117.pdf", 1, unanimous("invoice", 0.95), *["invoice"] * 3),
        classified("receipt-lunch.jpg", 2, doubtful, "receipt", "invoice", "receipt"),
        replace(letter, review=Review("typewritten", "ada", NOON, Queue.AUDIT)),
        classified("slide-07.png", 4, unanimous("slides", 0.97), *["slides"] * 3),
        record({}, of=broken, status=Status.REJECTED, reason=Reason("corrupt-document", "the file is incomplete")),
        classified("invoice-2024-0117.pdf", 6, unanimous("invoice", 0.99), *["invoice"] * 3),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of a stack that consists of the emulator and a table with fixed records."""
    require_tool("sam")
    home = Home(tmp_path_factory.mktemp("records-page"))
    server = start_emulator(home, retry_seconds=1)
    try:
        dynamodb = local_session().resource("dynamodb", endpoint_url=endpoint_url(server.port))
        table = dynamodb.create_table(**table_definition(TABLE))
        for each in records():
            RecordTable(table).save(each, replacing=None)
        PolicyTable(table).add(policy(1, champion="v3", by="ada"))
        outputs = {"InboxBucketName": BUCKET, "TableName": TABLE, "OrchestratorFunctionName": "", "FailureQueueUrl": ""}
        StackState(home, server, outputs=outputs).save()
        yield home
    finally:
        stop_processes(server.process)


def test_every_example_prints_what_the_page_shows(home: Home, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "TRIPTYCH_HOME": str(home.path), "LC_ALL": "C.UTF-8"}
    printed = {example.code: output for example, output in run_examples(PAGE, tmp_path, environment)}
    assert printed == {example.code: example.output for example in read_examples(PAGE)}

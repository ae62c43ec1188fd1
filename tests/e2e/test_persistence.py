"""The local stack keeps documents, records, labels and policies when it is stopped, and when it is killed."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psutil
import pytest

from records.policy import POLICY_KEY
from records.record import Record
from records.reviews import Queue, Review
from records.table import PolicyTable, RecordTable
from testkit.template import ROOT
from tests.support.tools import require_tool
from tests.support.uploads import NOON, policy
from triptych.stack import Home, start_stack, stop_stack
from triptych.stack.processes import HOME_VARIABLE
from triptych.storage.connection import StackConnection, connect_local
from triptych.storage.inbox import FileUpload, put_file
from triptych.storage.results import Results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLES = [
    ROOT / "samples" / "documents" / name
    for name in ("application-form.png", "fax.tif", "lebenslauf.jpg", "slide-07.png")
]


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of a stack that this module stops and kills."""
    require_tool("sam")
    with pytest.MonkeyPatch.context() as patch:
        home = Home(tmp_path_factory.mktemp("persistent"))
        patch.setenv("TRIPTYCH_HOME", str(home.path))
        yield home
        stop_stack(home=home, forget=True)


def restarted(home: Home) -> StackConnection:
    start_stack(home=home, retry_seconds=1)
    return connect_local()


def kill_every_process(home: Home) -> None:
    """Send SIGKILL to all processes of the stack at once, as the kernel does when the machine is switched off."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home.path):
                process.kill()
        except psutil.Error:
            continue


def upload(connection: StackConnection, number: int, key: str | None = None) -> Record:
    path = SAMPLES[number % len(SAMPLES)]
    stored = put_file(connection.s3, connection.bucket, FileUpload(path, key or path.name))
    record = Results(connection.table).wait_for(stored, 30)
    assert record
    return record


def label(connection: StackConnection, record: Record, name: str) -> None:
    labelled = replace(record, review=Review(name, "ada", NOON, Queue.OTHER)).next_revision(record)
    RecordTable(connection.table).save(labelled, replacing=record)


def contents(connection: StackConnection) -> tuple[list[Any], list[Any]]:
    """Return every item of the table and every version of an object, with its content."""
    items = sorted(connection.table.scan()["Items"], key=lambda item: (item["document"], item["sequencer"]))
    versions = connection.s3.list_object_versions(Bucket=connection.bucket)["Versions"]
    objects = [
        (
            version["Key"],
            version["VersionId"],
            version["IsLatest"],
            version["LastModified"],
            connection.s3.get_object(Bucket=connection.bucket, Key=version["Key"], VersionId=version["VersionId"])[
                "Body"
            ].read(),
        )
        for version in versions
    ]
    return items, sorted(objects)


def test_data_survive_stops_and_crashes(own_home: Home) -> None:
    connection = restarted(own_home)
    first = upload(connection, 0)
    label(connection, upload(connection, 1), "receipt")
    upload(connection, 2, key=first.upload.key)  # a second version of the first document
    PolicyTable(connection.table).add(policy(1))
    before = contents(connection)

    stop_stack(home=own_home)
    assert not own_home.journal.exists(), "the emulator has saved everything"
    connection = restarted(own_home)
    assert contents(connection) == before, "after a stop"

    label(connection, first, "invoice")
    third = upload(connection, 3)
    connection.s3.delete_object(Bucket=connection.bucket, Key=third.upload.key)
    PolicyTable(connection.table).add(policy(2))
    before = contents(connection)
    time.sleep(1)  # a crash loses at most the last second
    for _ in range(2):  # the second crash finds a journal that was applied once
        kill_every_process(own_home)
        connection = restarted(own_home)
        assert contents(connection) == before, "after a crash"

    stop_stack(home=own_home)
    connection = restarted(own_home)
    assert contents(connection) == before, "after a stop that follows a crash"

    again = upload(connection, 1, key="afterwards.png")
    assert again.upload.sort_key > max(item["sequencer"] for item in before[0] if item["document"] != POLICY_KEY)
    assert again.policy == "p2"

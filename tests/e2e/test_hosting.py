"""Protects: versions as Lambda functions and in one service give the same records, on one stack whose hosting changes,
and so do services that get addresses; and a function that is down costs its own prediction only."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from records.outcomes import Prediction
from records.record import Record, Status
from tests.support.polling import wait_until
from tests.support.samples import sample
from tests.support.tools import require_tool
from triptych.stack import Home, Hosting, Stack, start_stack, stop_service, stop_stack
from triptych.storage.connection import connect_local
from triptych.storage.results import Results

DOCUMENT = "fax.tif"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The home of a stack for this test alone."""
    require_tool("sam")
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path))
    yield Home(tmp_path)
    stop_stack(home=Home(tmp_path), forget=True)


def classified(stack: Stack, key: str) -> Record:
    """Upload the document, and return its record."""
    connection = connect_local()
    connection.s3.put_object(Bucket=stack.bucket, Key=key, Body=sample(DOCUMENT).read_bytes())
    results = Results(connection.table)
    found: list[Record] = []

    def exists() -> bool:
        found[:] = [record for record in results.all() if record.upload.key == key]
        return bool(found)

    wait_until(exists, 60, interval=0.2, reason=f"the record of {key}")
    return found[0]


def probabilities(record: Record) -> dict[str, object]:
    """Return what each version predicts."""
    assert record.status is Status.COMPLETE
    return {
        version: outcome.probabilities
        for version, outcome in record.predictions.items()
        if isinstance(outcome, Prediction)
    }


@pytest.mark.slow
@pytest.mark.timeout(900)  # two builds and deployments, on a busy machine
def test_records_do_not_depend_on_the_hosting_and_a_live_stack_changes_it(home: Home) -> None:
    seen = []
    choices: tuple[Hosting, ...] = ("lambda", "single")
    for hosting in choices:
        stack = start_stack(home=home, hosting=hosting, office_formats="none", retry_seconds=60)
        seen.append(probabilities(classified(stack, f"{hosting}.tif")))
        if hosting == "lambda":
            stop_service("v2", home=home)
            record = classified(stack, "without-v2.tif")
            assert record.status is Status.PARTIAL
            kinds = {version: getattr(outcome, "kind", "") for version, outcome in record.predictions.items()}
            assert kinds == {"v1": "", "v2": "unreachable", "v3": ""}
    stack = start_stack(home=home, hosting="single", transfer="address", retry_seconds=60)
    seen.append(probabilities(classified(stack, "by-address.tif")))
    assert max(sent_bytes(stack)[-3:]) < 1000 < sample(DOCUMENT).stat().st_size
    assert len(seen[0]) == 3
    assert seen[0] == seen[1] == seen[2]


def sent_bytes(stack: Stack) -> list[int]:
    """Return the size of each request that the shared service classified, from its log."""
    lines = (stack.logs / "shared.log").read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry["bytes"] for entry in entries if "bytes" in entry]

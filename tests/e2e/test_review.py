"""Through the whole rollout: a person labels, promotes and goes back, and no retry loses what a person said."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from records.record import Record, Status
from records.reviews import Queue
from records.verdict import soft_vote
from tests.e2e.conftest import RETRY_SECONDS
from tests.support.samples import sample
from triptych.cli import app
from triptych.review.reviews import Reviews
from triptych.stack import Home, Stack, start_service, stop_service
from triptych.storage import connection
from triptych.storage.results import Results

PATIENCE_S = 3 * RETRY_SECONDS + 60
FILES = ("invoice-2024-0117.pdf", "letter.tif", "slide-07.png", "roadmap.webp", "receipt-lunch.jpg", "paper.pdf")


@pytest.fixture(scope="module")
def to(stack: Stack) -> connection.StackConnection:
    return connection.connect_local()


def triptych(*arguments: str | Path) -> str:
    """Run the command; what it cannot do is raised."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception:
        raise done.exception
    return done.stdout


def put(prefix: str, *names: str) -> list[dict[str, Any]]:
    """Drop samples and wait for their records."""
    files = [sample(name) for name in names]
    records = json.loads(triptych("put", *files, "--prefix", prefix, "--wait", "--json"))
    assert len(records) == len(names)
    return [dict(record) for record in records]


def under(policy: str, prefix: str, *names: str) -> list[dict[str, Any]]:
    """The first records of documents, dropped again and again, that were all made under the policy.

    Each of the orchestrator's processes learns of a policy by itself, and none lets a document wait for it long.
    """
    until = time.monotonic() + 60
    number = 0
    while True:
        records = put(f"{prefix}/{number}/", *names)
        if {record["policy"] for record in records} == {policy}:
            return records
        assert time.monotonic() < until, f"still {[record['policy'] for record in records]}"
        number += 1
        time.sleep(0.5)


def test_documents_are_labelled_by_sheet_and_versions_promoted_and_rolled_back(
    to: connection.StackConnection, tmp_path: Path
) -> None:
    triptych("promote", "p0", "--audit-share", "1", "--why", "every verdict is to be looked at")
    start = json.loads(triptych("policy", "--json"))[0]["id"]
    dropped = under(start, "review", *FILES)

    sheet = tmp_path / "queue.csv"
    triptych("review", "--export", sheet, "--limit", "500")
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode())))
    mine = [row for row in rows if row["document"] in {record["document"] for record in dropped}]
    assert len(mine) == len(FILES)  # doubted or not, all wait: everything is audited
    for row in mine:
        row["label"] = row["verdict"]
    with sheet.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(mine[0]))
        writer.writeheader()
        writer.writerows(mine)
    assert json.loads(triptych("review", "--import", sheet, "--by", "ann", "--json"))["labelled"] == len(FILES)
    told = json.loads(triptych("results", "--reviewed", "--json", "--limit", "500"))
    labelled = {record["document"]: record for record in told}
    for record in dropped:
        after = labelled[record["document"]]
        assert (after["review"]["label"], after["review"]["by"]) == (record["label"], "ann")
        assert after["review"]["queue"] == (Queue.REVIEW if record["needs_review"] else Queue.AUDIT)
        assert after["predictions"] == record["predictions"]

    report = json.loads(triptych("report", "--json"))
    assert report["labelled"]["review"] + report["labelled"]["audit"] >= len(FILES)
    assert {version["name"]: version["accuracy"]["n"] > 0 for version in report["versions"]} == dict.fromkeys(
        ("v1", "v2", "v3"), True
    )

    made = json.loads(triptych("promote", "v3", "--why", "reviewed", "--by", "ann", "--json"))
    [record] = under(made["id"], "review/alone", "letter.tif")
    alone = record["predictions"]["v3"]
    assert record["label"] == alone["label"]
    assert record["confidence"] == pytest.approx(alone["confidence"], abs=1e-5)
    assert set(record["predictions"]) == {"v1", "v2", "v3"}  # the others go on being watched

    back = json.loads(triptych("promote", start, "--why", "v3 was no better", "--by", "bo", "--json"))
    [record] = under(back["id"], "review/back", "letter.tif")
    together = soft_vote([(1.0, said["probabilities"]) for said in record["predictions"].values()])
    assert record["confidence"] == pytest.approx(together[record["label"]], abs=1e-5)
    history = json.loads(triptych("policy", "--json"))
    assert [(one["by"], one["why"]) for one in history[:2]] == [("bo", "v3 was no better"), ("ann", "reviewed")]


def test_a_label_given_while_a_version_was_missing_outlives_the_retry(
    to: connection.StackConnection, home: Home
) -> None:
    stop_service("v2", home=home)
    try:
        [partial] = put("review/partial/", "letter.tif")
        assert partial["status"] == Status.PARTIAL
        Reviews(to.table).label(partial["document"], partial["sequencer"], partial["label"], "ann")
    finally:
        start_service("v2", home=home)
    triptych("redrive", "--yes", "--json")
    until = time.monotonic() + PATIENCE_S
    while (record := newest(to, partial["document"])).status is not Status.COMPLETE:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert record.review is not None
    assert (record.review.label, record.review.by) == (partial["label"], "ann")
    assert set(record.answered()) == {"v1", "v2", "v3"}


def newest(to: connection.StackConnection, document: str) -> Record:
    return Results(to.table).history(document, limit=1)[0]

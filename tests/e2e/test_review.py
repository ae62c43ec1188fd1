"""Protects: labels, promotions and rollbacks take effect in the deployed pipeline, and no retry loses a label."""

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from records.record import Status
from records.reviews import Queue
from records.verdict import soft_vote
from tests.e2e.conftest import RETRY_SECONDS, VERSIONS
from tests.support.commands import run_triptych
from tests.support.polling import wait_until
from tests.support.samples import sample
from triptych.review.reviews import Reviews
from triptych.stack import Home, Stack, start_service, stop_service
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

TIMEOUT_SECONDS = 3 * RETRY_SECONDS + 60
FILES = ("invoice-2024-0117.pdf", "letter.tif", "slide-07.png", "roadmap.webp", "receipt-lunch.jpg", "paper.pdf")


@pytest.fixture(scope="module", autouse=True)
def _default_policy_afterwards(stack: Stack) -> Iterator[None]:
    """Restore the policy that other modules expect."""
    yield
    promote("p0", "end of the tests", "ann")


def put(prefix: str, *names: str) -> list[dict[str, Any]]:
    """Upload samples, and return their records."""
    records = run_triptych("put", *map(sample, names), "--prefix", prefix, "--wait", "--json").json
    assert len(records) == len(names)
    return [dict(record) for record in records]


def put_under_policy(policy: str, prefix: str, *names: str) -> list[dict[str, Any]]:
    """Upload samples repeatedly until all records name the policy, and return these records.

    Each process of the orchestrator reads the policy for itself, and no document waits for it.
    """
    deadline = time.monotonic() + 60
    number = 0
    while True:
        records = put(f"{prefix}/{number}/", *names)
        if {record["policy"] for record in records} == {policy}:
            return records
        assert time.monotonic() < deadline, f"still {[record['policy'] for record in records]}"
        number += 1
        time.sleep(0.5)


def promote(version: str, why: str, by: str, *options: str) -> str:
    """Promote a version or return to a policy, and return the id of the new policy."""
    return str(run_triptych("promote", version, "--why", why, "--by", by, *options, "--json").json["id"])


def label_with_sheet(sheet: Path, documents: set[str]) -> None:
    """Export the review queue, confirm the verdicts of some documents, and import the sheet."""
    run_triptych("review", "--export", sheet, "--limit", "500")
    exported = csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8-sig")))
    rows = [row for row in exported if row["document"] in documents]
    assert len(rows) == len(documents), "every document waits for a label, because the audit share is 1"
    with sheet.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": row["verdict"]} for row in rows)
    imported = run_triptych("review", "--import", sheet, "--by", "ann", "--json").json
    assert imported["labelled"] == len(documents)


def test_labels_from_a_sheet_reach_records_and_report(connection: StackConnection, tmp_path: Path) -> None:
    policy = promote("p0", "audit every verdict", "ann", "--audit-share", "1")
    uploaded = put_under_policy(policy, "review", *FILES)
    label_with_sheet(tmp_path / "queue.csv", {record["document"] for record in uploaded})

    reviewed = run_triptych("results", "--reviewed", "--json", "--limit", "500").json
    labelled = {record["document"]: record for record in reviewed}
    for record in uploaded:
        after = labelled[record["document"]]
        assert (after["review"]["label"], after["review"]["by"]) == (record["label"], "ann")
        assert after["review"]["queue"] == (Queue.REVIEW if record["needs_review"] else Queue.AUDIT)
        assert after["predictions"] == record["predictions"]
    report = run_triptych("report", "--json").json
    assert sum(report["labelled"][stratum] for stratum in ("review", "evidence", "audit")) >= len(FILES)
    assert {version["name"] for version in report["versions"] if version["accuracy"]["n"] > 0} == set(VERSIONS)


def test_promotion_and_rollback_decide_the_next_verdicts(connection: StackConnection) -> None:
    put("review/before", "letter.tif")  # a promotion checks which versions answer
    start = promote("p0", "equal weights", "ann")

    alone = promote("v3", "reviewed", "ann")
    [record] = put_under_policy(alone, "review/alone", "letter.tif")
    champion = record["predictions"]["v3"]
    assert record["label"] == champion["label"]
    assert record["confidence"] == pytest.approx(champion["confidence"], abs=1e-5)
    assert set(record["predictions"]) == set(VERSIONS), "the other versions still predict"

    back = promote(start, "v3 was not better", "bo")
    [record] = put_under_policy(back, "review/back", "letter.tif")
    vote = soft_vote([(1.0, prediction["probabilities"]) for prediction in record["predictions"].values()])
    assert record["confidence"] == pytest.approx(vote[record["label"]], abs=1e-5)
    history = run_triptych("policy", "--json").json
    assert [(policy["by"], policy["why"]) for policy in history[:2]] == [
        ("bo", "v3 was not better"),
        ("ann", "reviewed"),
    ]


def test_label_of_a_partial_record_survives_the_retry(
    connection: StackConnection, home: Home, results: Results
) -> None:
    stop_service("v2", home=home)
    try:
        [partial] = put("review/partial/", "letter.tif")
        assert partial["status"] == Status.PARTIAL
        Reviews(connection.table).label(partial["document"], partial["sequencer"], partial["label"], "ann")
    finally:
        start_service("v2", home=home)
    run_triptych("redrive", "--yes", "--json")
    wait_until(
        lambda: results.history(partial["document"], limit=1)[0].status is Status.COMPLETE,
        TIMEOUT_SECONDS,
        interval=0.2,
        reason="a complete record",
    )
    [record] = results.history(partial["document"], limit=1)
    assert record.review is not None
    assert (record.review.label, record.review.by) == (partial["label"], "ann")
    assert set(record.answered()) == set(VERSIONS)

"""Protects: a replayed version answers as its service would, resumes, and leaves the records as they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws

from records.outcomes import Prediction
from records.table import RecordTable
from testkit.template import table_definition
from tests.support.commands import run_triptych
from tests.support.pages import every_format
from tests.support.service import running_service
from tests.support.tiny_model import LABELS, write_tiny_model
from tests.support.uploads import prediction, record, upload
from triptych.commands.candidates import candidate_classifier
from triptych.errors import TriptychError, UsageError
from triptych.storage import connection
from triptych.storage.connection import StackConnection

FORMATS = every_format()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a version that is not deployed."""
    models = tmp_path_factory.mktemp("candidates")
    write_tiny_model(models, "v4", seed=4)
    return models / "v4"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackConnection]:
    """Return a stack in moto with one record for each format; v1 and v2 disagree on every third."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    conn = StackConnection("moto", "inbox", "records", "orchestrator", "", session)
    monkeypatch.setattr(connection, "connect", lambda _: conn)
    with mock_aws():
        conn.s3.create_bucket(Bucket="inbox")
        conn.table.meta.client.create_table(**table_definition("records"))
        for number, (name, content) in enumerate(FORMATS.items()):
            conn.s3.put_object(Bucket="inbox", Key=name, Body=content)
            etag = conn.s3.head_object(Bucket="inbox", Key=name)["ETag"].strip('"')
            labels = {"v1": LABELS[0], "v2": LABELS[1 if number % 3 else 0]}
            predictions = {
                version: prediction(label, 0.8, probabilities=dict.fromkeys(LABELS, 0.025) | {label: 0.8})
                for version, label in labels.items()
            }
            of = upload(name, bucket="inbox", size=len(content), etag=etag)
            RecordTable(conn.table).save(record(predictions, of=of), replacing=None)
        yield conn


def items(conn: StackConnection) -> list[dict[str, Any]]:
    """Return all items as DynamoDB's API sends them."""
    client = conn.session.client("dynamodb")
    found: list[dict[str, Any]] = client.scan(TableName="records")["Items"]
    return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))


def test_candidate_answers_as_its_service_does(folder: Path) -> None:
    with running_service(folder.parent, "v4") as service, candidate_classifier(folder, 1) as classify:
        for name, content in FORMATS.items():
            served = requests.post(f"{service.url}/v4/predict", content, timeout=30).json()
            found = classify(content)
            assert isinstance(found, Prediction)
            assert found.probabilities == pytest.approx(served["probabilities"], abs=1e-6), name
            expected = {key: served[key] for key in ("label", "pages", "abstained", "model_sha256")}
            assert {key: getattr(found, key) for key in expected} == expected, name


def test_replay_resumes_and_leaves_the_records_as_they_are(stack: StackConnection, folder: Path) -> None:
    before = items(stack)
    first = run_triptych("replay", folder, "--workers", "1", "--json").json
    assert (first["answered"], first["missing"], first["failures"]) == (len(FORMATS), 0, [])
    file = Path(first["file"])
    complete = file.read_text().splitlines(keepends=True)
    file.write_text("".join(complete[:8]) + complete[8][:20])  # as a kill leaves it
    again = run_triptych("replay", folder, "--workers", "1", "--json").json
    assert again == first
    answers = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(line["document"] for line in answers if "document" in line) == sorted(
        f"inbox/{name}" for name in FORMATS
    )
    assert items(stack) == before


def test_report_and_review_use_the_answers(stack: StackConnection, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run triptych replay first"):
        run_triptych("report", "--with", folder)
    run_triptych("replay", folder, "--workers", "1")
    found = run_triptych("report", "--with", folder, "--json").json["candidate"]
    assert (found["replayed"], found["rival"], found["wins"]) == (len(FORMATS), "vote", 0)
    assert found["agreement"]["value"] == 1 - len(found["to_label"]) / len(FORMATS)
    assert found["name"] in run_triptych("report", "--with", folder).stdout
    sheet = tmp_path / "queue.json"
    run_triptych("review", "--with", folder, "--export", sheet)
    rows = json.loads(sheet.read_text())
    assert [f"{row['document']} {row['sequencer']}" for row in rows] == found["to_label"]
    assert {row["draw"]["phase"][0] for row in rows} == {f"{found['name']}:vote"}
    assert all("differ here" in row["why"] for row in rows)
    sheet.write_text(json.dumps([row | {"label": row["choices"][0]} for row in rows]))
    run_triptych("review", "--import", sheet)
    after = run_triptych("report", "--with", folder, "--json").json
    assert (after["candidate"]["to_label"], after["candidate"]["difference"]["n"]) == ([], len(rows))
    assert after["labelled"]["other"] == len(rows)


def test_document_without_its_object_is_counted_and_skipped(stack: StackConnection, folder: Path) -> None:
    stack.s3.delete_object(Bucket="inbox", Key=next(iter(FORMATS)))
    found = run_triptych("replay", folder, "--workers", "1", "--json").json
    assert (found["answered"], found["unanswerable"], found["missing"]) == (len(FORMATS) - 1, 1, 0)
    candidate = run_triptych("report", "--with", folder, "--json").json["candidate"]
    assert candidate["failures"] == {"deleted": 1}


def test_folder_that_is_not_a_version_is_refused(stack: StackConnection, tmp_path: Path) -> None:
    for command in (("replay",), ("report", "--with"), ("review", "--with")):
        with pytest.raises(UsageError, match="is not the folder of a model version"):
            run_triptych(*command, tmp_path)
    with pytest.raises(UsageError, match="remove --queue"):
        run_triptych("review", "--with", tmp_path, "--queue", "audit")


def test_empty_stack_has_nothing_to_replay(stack: StackConnection, folder: Path) -> None:
    for item in items(stack):
        stack.table.delete_item(Key={name: item[name]["S"] for name in ("document", "sequencer")})
    with pytest.raises(TriptychError, match="no classified document"):
        run_triptych("replay", folder)

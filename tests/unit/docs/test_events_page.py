"""Protects: the examples of docs/events.md: the event agrees with its schema, and the function runs."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws

from testkit.template import ROOT
from tests.support.documented_examples import block_with

DOCS = ROOT / "docs"
PAGE = (DOCS / "events.md").read_text()


def example() -> dict[str, Any]:
    event: dict[str, Any] = json.loads(block_with(PAGE, "json", "detail-type"))
    return event


def test_example_agrees_with_the_schema() -> None:
    Draft202012Validator(json.loads((DOCS / "result-event.schema.json").read_text())).validate(example()["detail"])


def test_function_copies_a_document_below_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SORTED_BUCKET", "sorted")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    event = example()
    with mock_aws():
        names: dict[str, Any] = {}
        exec(block_with(PAGE, "python", "copy_object"), names)  # noqa: S102 -- the example of the page
        s3 = names["s3"]
        for bucket in ("sorted", event["detail"]["bucket"]):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=event["detail"]["bucket"], Key="scan.pdf", Body=b"content")
        names["handler"](event, None)
        event["detail"]["review"] = {"label": "receipt", "by": "ada", "at": "2026-11-22T13:00:00.000Z"}
        names["handler"](event, None)
        copies = [found["Key"] for found in s3.list_objects_v2(Bucket="sorted")["Contents"]]
    assert copies == ["invoice/scan.pdf", "receipt/scan.pdf"]

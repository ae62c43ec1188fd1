"""Protects: the S3 Batch Operations job is valid, lists every object, and cannot process its own output."""

import csv
import json
import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, unquote_plus

import boto3
import pytest
from botocore.validate import validate_parameters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.repair import batch_job

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:triptych-Orchestrator-1A2B:live"

AWS = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
case "$1" in s3api) echo '"0123abcd"';; s3control) echo '{"JobId": "1"}';; esac
"""
"""A replacement for the AWS CLI, which records its calls and prints what the CLI would."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_manifest_has_every_key_in_both_ways_of_decoding(tmp_path: Path, keys: list[str]) -> None:
    job = batch_job.write_batch_job(tmp_path, "inbox", keys, ARN)
    with (tmp_path / "manifest.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert job.objects == len(keys)
    for decode in (unquote, unquote_plus):
        assert [(bucket, decode(key)) for bucket, key in rows] == [("inbox", key) for key in keys]


def test_the_request_matches_the_schema_of_the_aws_api(tmp_path: Path, session: boto3.Session) -> None:
    batch_job.write_batch_job(tmp_path, "inbox", ["a.pdf"], ARN)
    request = json.loads((tmp_path / "create-job.json").read_text())
    shape = session.client("s3control").meta.service_model.operation_model("CreateJob").input_shape
    assert shape is not None
    validate_parameters(request, shape)
    assert request["AccountId"] == "123456789012"
    assert request["Operation"]["LambdaInvoke"] == {"FunctionArn": ARN, "InvocationSchemaVersion": "2.0"}


def submit(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script with a replacement for the AWS CLI. Return its result, and the calls of the CLI."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "aws").write_text(AWS)
    (tools / "aws").chmod(0o755)
    calls = folder / "calls"
    calls.touch()
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(calls)}
    command = [str(folder / "submit.sh"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done, calls.read_text().splitlines()


def test_submit_script_uploads_the_manifest_and_fills_in_all_placeholders(tmp_path: Path) -> None:
    batch_job.write_batch_job(tmp_path, "inbox", ["a.pdf"], ARN)
    done, calls = submit(tmp_path, "arn:aws:iam::123456789012:role/batch", "jobs")
    assert done.returncode == 0, done.stderr
    request = json.loads((tmp_path / "request.json").read_text())
    assert request["RoleArn"] == "arn:aws:iam::123456789012:role/batch"
    assert request["Manifest"]["Location"]["ETag"] == "0123abcd"
    assert request["Report"]["Bucket"] == "arn:aws:s3:::jobs"
    assert "<" not in json.dumps(request)
    key = request["Manifest"]["Location"]["ObjectArn"].removeprefix("arn:aws:s3:::jobs/")
    assert f"put-object --bucket jobs --key {key} --body manifest.csv" in calls[0]
    assert calls[1] == "s3control create-job --cli-input-json file://request.json"


@pytest.mark.parametrize("arguments", [(), ("arn:aws:iam::1:role/batch",), ("arn:aws:iam::1:role/batch", "inbox")])
def test_submit_script_requires_its_arguments_and_rejects_the_inbox(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A manifest or report in the inbox would be classified as a document."""
    batch_job.write_batch_job(tmp_path, "inbox", ["a.pdf"], ARN)
    done, calls = submit(tmp_path, *arguments)
    assert done.returncode == 2
    assert "JOB_BUCKET" in done.stderr
    assert calls == []


def test_the_role_has_least_privileges(tmp_path: Path) -> None:
    statements = batch_job.role_permissions(ARN)["Statement"]
    allowed = {statement["Resource"]: statement["Action"] for statement in statements}
    assert allowed == {
        ARN: "lambda:InvokeFunction",
        "arn:aws:s3:::<JOB_BUCKET>/triptych-backfill/*": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
    }

"""S3 Batch Operations jobs, for backfills of more objects than one machine should process.

A job invokes the same Lambda function. It is written to a folder and never started: the user decides when it runs and
what it may cost.
"""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.repair.backfill import encode_key

ROLE, BUCKET, MANIFEST_ETAG = "<ROLE_ARN>", "<JOB_BUCKET>", "<MANIFEST_ETAG>"
"""Placeholders in the request, which submit.sh replaces."""

_MANIFEST_KEY = "triptych-backfill/{job}/manifest.csv"

_SUBMIT = """\
#!/bin/sh
# Uploads the manifest and starts the job: ./submit.sh ROLE_ARN JOB_BUCKET
#   ROLE_ARN    a role that role-trust.json and role-permissions.json describe
#   JOB_BUCKET  a bucket for the manifest and the report; not the inbox, where both would be classified as documents
set -eu
[ $# -eq 2 ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
[ "$2" != "{inbox}" ] || { echo 'JOB_BUCKET must not be the inbox.' >&2; exit 2; }
cd "$(dirname "$0")"
etag=$(aws s3api put-object --bucket "$2" --key '{manifest}' --body manifest.csv --query ETag --output text | tr -d '"')
sed -e "s|<ROLE_ARN>|$1|" -e "s|<JOB_BUCKET>|$2|g" -e "s|<MANIFEST_ETAG>|$etag|" create-job.json > request.json
aws s3control create-job --cli-input-json file://request.json
"""


@dataclass(frozen=True)
class BatchOperationsJob:
    """A job written to a folder."""

    folder: Path
    objects: int


def write_batch_job(folder: Path, bucket: str, keys: Iterable[str], function_arn: str) -> BatchOperationsJob:
    """Write a job: manifest, request, policies of its role, and the script that submits it.

    Args:
        folder: Destination; created if it does not exist.
        bucket: The inbox.
        keys: Keys of the objects, in any number.
        function_arn: ARN of the orchestrator, including its alias.
    """
    folder.mkdir(parents=True, exist_ok=True)
    objects = 0
    with (folder / "manifest.csv").open("w", encoding="ascii", newline="\n") as manifest:
        for key in keys:
            manifest.write(f"{bucket},{encode_key(key)}\n")  # percent-encoded, so that no key needs quotes
            objects += 1
    token = uuid.uuid4().hex
    manifest_key = _MANIFEST_KEY.format(job=token)
    documents = {
        "create-job.json": create_job_request(bucket, function_arn, manifest_key, token),
        "role-trust.json": _iam_policy(
            Principal={"Service": "batchoperations.s3.amazonaws.com"}, Action="sts:AssumeRole"
        ),
        "role-permissions.json": role_permissions(function_arn),
    }
    for name, content in documents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    script = folder / "submit.sh"
    script.write_text(_SUBMIT.replace("{inbox}", bucket).replace("{manifest}", manifest_key))
    script.chmod(0o755)
    return BatchOperationsJob(folder, objects)


def create_job_request(bucket: str, function_arn: str, manifest_key: str, token: str) -> dict[str, Any]:
    """Return the input of `aws s3control create-job`, with placeholders for role, bucket and the manifest's ETag."""
    partition, account = function_arn.split(":")[1], function_arn.split(":")[4]
    job_bucket = f"arn:{partition}:s3:::{BUCKET}"
    return {
        "AccountId": account,
        "ClientRequestToken": token,  # two requests with one token create one job
        "Description": f"Triptych: backfill of {bucket}",
        "ConfirmationRequired": False,
        "Priority": 10,
        "RoleArn": ROLE,
        "Operation": {"LambdaInvoke": {"FunctionArn": function_arn, "InvocationSchemaVersion": "2.0"}},
        "Manifest": {
            "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
            "Location": {"ObjectArn": f"{job_bucket}/{manifest_key}", "ETag": MANIFEST_ETAG},
        },
        "Report": {
            "Enabled": True,
            "Bucket": job_bucket,
            "Prefix": manifest_key.rpartition("/")[0],
            "Format": "Report_CSV_20180820",
            "ReportScope": "FailedTasksOnly",
        },
    }


def role_permissions(function_arn: str) -> dict[str, Any]:
    """Return the least privileges of the job's role: invoke the function, read the manifest, write the report."""
    files = f"arn:{function_arn.split(':')[1]}:s3:::{BUCKET}/triptych-backfill/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function_arn},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], "Resource": files},
        ],
    }


def _iam_policy(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}

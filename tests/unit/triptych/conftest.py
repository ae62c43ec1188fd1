"""A stack in moto: the inbox, and the table as template.yaml defines it."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.support.template import table_definition
from triptych.target import Target


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests: a session reads the service models from disk, which takes longer than most tests."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")


@pytest.fixture
def stack(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        session.client("s3").create_bucket(Bucket="inbox")
        session.client("s3").put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        session.resource("dynamodb").create_table(**table_definition("records"))
        queue = session.client("sqs").create_queue(QueueName="failures")["QueueUrl"]
        yield Target("moto", "inbox", "records", "orchestrator", queue, session)

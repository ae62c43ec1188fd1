"""Protects: a bucket that S3 would not create, or that would deliver no readable document, is found."""

import pytest

from tests.unit.triptych.preflight.conftest import ACCOUNT
from triptych.preflight import bucket
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import DeployedStack, Deployment

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:uploads"


def planned(region: str = "us-east-1", deployed: DeployedStack | None = None, **parameters: str) -> Deployment:
    return Deployment("triptych", region, ACCOUNT, "aws", parameters, deployed)


def existing(key: str = "") -> Deployment:
    return planned(ExistingBucketName="documents", ExistingBucketKeyArn=key)


def test_a_free_name_and_the_bucket_of_the_stack_are_accepted(clients: PreflightClients) -> None:
    assert not list(bucket.find_new_bucket(clients.s3, planned()))
    clients.s3.create_bucket(Bucket=planned().own_bucket)
    assert not list(bucket.find_new_bucket(clients.s3, planned(deployed=DeployedStack("UPDATE_COMPLETE", {}))))


def test_a_bucket_that_is_left_over_is_found(clients: PreflightClients) -> None:
    clients.s3.create_bucket(Bucket=planned().own_bucket)
    [finding] = bucket.find_new_bucket(clients.s3, planned())
    assert "exists already" in finding.sentence
    changed = DeployedStack("UPDATE_COMPLETE", {"ExistingBucketName": "other"})
    [finding] = bucket.find_new_bucket(clients.s3, planned(deployed=changed, ExistingBucketName=""))
    assert "exists already" in finding.sentence


def test_an_existing_bucket_has_to_exist_in_the_region(clients: PreflightClients) -> None:
    [finding] = bucket.find_existing_bucket(clients.s3, existing())
    assert "does not exist" in finding.sentence
    clients.s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    [finding] = bucket.find_existing_bucket(clients.s3, existing())
    assert "is in eu-west-1" in finding.sentence
    assert not list(bucket.find_existing_bucket(clients.s3, planned("eu-west-1", ExistingBucketName="documents")))


def test_a_bucket_without_notifications_gets_the_whole_command(clients: PreflightClients) -> None:
    clients.s3.create_bucket(Bucket="documents")
    [finding] = bucket.find_bucket_events(clients.s3, clients.lambdas, clients.sqs, existing())
    assert finding.remedy.startswith("Turn it on: aws s3api put-bucket-notification-configuration --bucket documents")


@pytest.mark.parametrize("queue_exists", [True, False])
def test_destinations_that_are_gone_are_named(clients: PreflightClients, queue_exists: bool) -> None:
    url = clients.sqs.create_queue(QueueName="uploads")["QueueUrl"]
    clients.s3.create_bucket(Bucket="documents")
    clients.s3.put_bucket_notification_configuration(
        Bucket="documents",
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}]},
    )
    if not queue_exists:
        clients.sqs.delete_queue(QueueUrl=url)
    [finding] = bucket.find_bucket_events(clients.s3, clients.lambdas, clients.sqs, existing())
    assert (QUEUE in finding.sentence) is not queue_exists
    assert ("Remove these" in finding.remedy) is not queue_exists


def test_the_key_of_a_bucket_has_to_be_given_and_enabled(clients: PreflightClients) -> None:
    clients.s3.create_bucket(Bucket="documents")
    key = clients.kms.create_key()["KeyMetadata"]
    clients.s3.put_bucket_encryption(
        Bucket="documents",
        ServerSideEncryptionConfiguration={
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"]}}
            ]
        },
    )
    [finding] = bucket.find_bucket_key(clients.s3, clients.kms, existing())
    assert finding.remedy == f"Set ExistingBucketKeyArn={key['Arn']}"
    given = existing(key["Arn"])
    assert not list(bucket.find_bucket_key(clients.s3, clients.kms, given))
    clients.kms.disable_key(KeyId=key["KeyId"])
    [finding] = bucket.find_bucket_key(clients.s3, clients.kms, given)
    assert "is Disabled" in finding.sentence


def test_keys_of_s3_need_no_parameter(clients: PreflightClients) -> None:
    clients.s3.create_bucket(Bucket="documents")
    assert not list(bucket.find_bucket_key(clients.s3, clients.kms, existing()))

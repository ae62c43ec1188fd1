"""Checks of the inbox: the name of a new bucket; events, destinations and encryption of an existing one."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationResponseTypeDef
    from mypy_boto3_sqs.client import SQSClient

_MISSING_DESTINATION = {
    "ResourceNotFoundException",  # Lambda
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}
_S3_EU = "EU"
"""S3's name of eu-west-1 for its oldest buckets."""


def find_new_bucket(s3: "S3Client", deployment: Deployment) -> Findings:
    """Yield a finding if the name of the stack's own bucket is taken."""
    if deployment["ExistingBucketName"] or deployment.earlier("ExistingBucketName") == "":
        return  # there is no own bucket, or the stack has it already
    bucket = deployment.own_bucket
    if bucket != bucket.lower() or len(bucket) > 63:
        return  # the check of the stack's name reports it
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"].get("Code")
        if code == "404":
            return
        if code not in ("403", "301"):
            raise
        yield Finding(
            f"The bucket {bucket} exists, but your credentials cannot read it: it belongs to another account, or you "
            "lack s3:ListBucket.",
            "Choose another stack name.",
        )
    else:
        yield Finding(
            f"The bucket {bucket} exists already, probably left by a deleted stack of this name.",
            f"Use it as the inbox (ExistingBucketName={bucket}), delete it, or choose another stack name.",
        )


def find_existing_bucket(s3: "S3Client", deployment: Deployment) -> Findings:
    """Yield a finding if the existing bucket does not exist in this region."""
    bucket = deployment["ExistingBucketName"]
    if not bucket:
        return
    try:
        location = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchBucket":
            raise
        yield Finding(f"The bucket {bucket} does not exist.", "Correct ExistingBucketName, or leave it empty.")
        return
    region = "eu-west-1" if location == _S3_EU else location
    if region != deployment.region:
        yield Finding(
            f"The bucket {bucket} is in {region}, and a bucket sends its events only to rules in its region, not in "
            f"{deployment.region}.",
            f"Deploy the stack to {region}, or use a bucket in {deployment.region}.",
        )


def find_bucket_events(s3: "S3Client", lambdas: "LambdaClient", sqs: "SQSClient", deployment: Deployment) -> Findings:
    """Yield a finding if the existing bucket does not send its events to EventBridge."""
    bucket = deployment["ExistingBucketName"]
    if not bucket:
        return
    try:
        notifications = s3.get_bucket_notification_configuration(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"].get("Code") == "NoSuchBucket":
            return  # the check of the existing bucket reports it
        raise
    if "EventBridgeConfiguration" in notifications:
        return
    gone = [arn for arn in _destinations(notifications) if _is_missing(arn, lambdas, sqs)]
    put = f"aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration"
    sentence = f"The bucket {bucket} does not send its events to EventBridge, so no document would be classified."
    only_eventbridge = f"""{put} '{{"EventBridgeConfiguration": {{}}}}'"""
    if not _destinations(notifications):
        yield Finding(sentence, f"Turn it on: {only_eventbridge}")
    elif gone:
        yield Finding(
            f"{sentence} S3 accepts no change of its notifications either, because they name destinations that do not "
            f"exist: {', '.join(gone)}.",
            "Remove these, and turn EventBridge on in the same call. If there are no other notifications: "
            f"{only_eventbridge}",
        )
    else:
        yield Finding(
            sentence,
            "Turn on Properties, Amazon EventBridge in the console. The command replaces all notifications, so it has "
            f"to repeat the existing ones: {put} file://notifications.json",
        )


def _destinations(notifications: "NotificationConfigurationResponseTypeDef") -> list[str]:
    """Return the functions, queues and topics that a bucket notifies."""
    return [
        *(each["LambdaFunctionArn"] for each in notifications.get("LambdaFunctionConfigurations", [])),
        *(each["QueueArn"] for each in notifications.get("QueueConfigurations", [])),
        *(each["TopicArn"] for each in notifications.get("TopicConfigurations", [])),
    ]


def _is_missing(arn: str, lambdas: "LambdaClient", sqs: "SQSClient") -> bool:
    """Return whether a function or queue does not exist. Topics are assumed to exist."""
    _, _, service, _, account, name = arn.split(":", 5)
    try:
        if service == "lambda":
            lambdas.get_function_configuration(FunctionName=arn)
        elif service == "sqs":
            sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
    except ClientError as error:
        if error.response["Error"].get("Code") in _MISSING_DESTINATION:
            return True
        raise
    return False


def find_bucket_key(s3: "S3Client", kms: "KMSClient", deployment: Deployment) -> Findings:
    """Yield a finding if the orchestrator could not decrypt the documents of the existing bucket."""
    bucket = deployment["ExistingBucketName"]
    if not bucket:
        return
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"].get("Code") in ("NoSuchBucket", "ServerSideEncryptionConfigurationNotFoundError"):
            return
        raise
    names = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
    name = next(filter(None, names), None)
    if name is None:  # a key of S3
        return
    key = kms.describe_key(KeyId=name)["KeyMetadata"]
    if key.get("KeyManager") == "AWS":
        return
    given = deployment["ExistingBucketKeyArn"]
    if key["Arn"] != given:
        found = f"ExistingBucketKeyArn is {given}" if given else "ExistingBucketKeyArn is empty"
        yield Finding(
            f"The bucket {bucket} is encrypted with the key {key['Arn']}, but {found}, so no document could be read.",
            f"Set ExistingBucketKeyArn={key['Arn']}",
        )
    if key["KeyState"] != "Enabled":
        yield Finding(
            f"The key {key['Arn']} of the bucket {bucket} is {key['KeyState']}, so no document can be read.",
            f"Enable it: aws kms enable-key --key-id {key['KeyId']} --region {deployment.region}",
        )

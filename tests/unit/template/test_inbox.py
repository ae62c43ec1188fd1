"""How an upload gets to the orchestrator: from our bucket or another, directly or through a queue."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from testkit.template import Rollout, rollout, template

OURS = {"Sub": "arn:${AWS::Partition}:s3:::${AWS::StackName}-inbox-${AWS::AccountId}-${AWS::Region}"}
OTHER = {"Sub": "arn:${AWS::Partition}:s3:::theirs"}
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def actions_on(stack: Rollout, sid: str) -> tuple[Any, Any]:
    [found] = [statement for _, statement in stack.statements() if statement.get("Sid") == sid]
    return found["Action"], found["Resource"]


class TestOurs:
    def test_nobody_but_the_account_reads_it(self) -> None:
        inbox = rollout()["Inbox"]
        assert set(inbox["PublicAccessBlockConfiguration"].values()) == {True}
        assert inbox["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert inbox["VersioningConfiguration"] == {"Status": "Enabled"}

    @pytest.mark.parametrize(("encryption", "algorithm"), [("aws-managed", "AES256"), ("customer-managed", "aws:kms")])
    def test_it_is_encrypted_either_way(self, encryption: str, algorithm: str) -> None:
        [rule] = rollout(Encryption=encryption)["Inbox"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
        assert ("KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"]) == (encryption == "customer-managed")

    def test_on_aws_only_over_tls(self) -> None:
        assert "InboxPolicy" not in rollout(LocalEndpoint="http://127.0.0.1:4566")
        [statement] = rollout()["InboxPolicy"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Condition"] == TLS_ONLY

    def test_what_it_notifies_never_refers_to_it(self) -> None:
        """The bucket waits for the permission, that for the function, that for its role: a way back is a circle."""
        for name in ("Orchestrator", "OrchestratorRole", "InboxMayInvoke", "InboxQueue", "InboxMayQueue"):
            assert "Inbox" not in set(references(template()["Resources"][name])), name

    def test_it_notifies_the_alias_and_only_this_bucket_may(self) -> None:
        stack = rollout()
        [notification] = stack["Inbox"]["NotificationConfiguration"]["LambdaConfigurations"]
        told, waited_for = notification["Function"]["Select"][1]
        assert (notification["Event"], told) == ("s3:ObjectCreated:*", {"Ref": "Orchestrator.Alias"})
        assert waited_for == {"Ref": "InboxMayInvoke"}
        permission = stack["InboxMayInvoke"]
        assert permission["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert (permission["SourceArn"], permission["SourceAccount"]) == (OURS, {"Ref": "AWS::AccountId"})


class TestQueue:
    """Ingest=queue: the same uploads, through SQS."""

    def test_everything_about_it_is_there_with_ingest_queue_only(self) -> None:
        direct, queued = rollout(), rollout(Ingest="queue")
        assert set(queued.resources) - set(direct.resources) == {"InboxQueue", "InboxMayQueue", "InboxPoller"}
        assert set(direct.resources) - set(queued.resources) == {"InboxMayInvoke"}
        assert set(queued.outputs) - set(direct.outputs) == {"InboxQueueUrl"}

    def test_the_inbox_fills_it_and_nobody_else_may(self) -> None:
        stack = rollout(Ingest="queue")
        [notification] = stack["Inbox"]["NotificationConfiguration"]["QueueConfigurations"]
        told, waited_for = notification["Queue"]["Select"][1]
        assert (notification["Event"], told) == ("s3:ObjectCreated:*", {"GetAtt": "InboxQueue.Arn"})
        assert waited_for == {"Ref": "InboxMayQueue"}
        allow, deny = stack["InboxMayQueue"]["PolicyDocument"]["Statement"]
        assert (allow["Principal"], allow["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
        assert allow["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": OURS},
        }
        assert (deny["Effect"], deny["Condition"]) == ("Deny", TLS_ONLY)

    def test_each_message_is_taken_alone_and_answered_for_alone(self) -> None:
        poller = rollout(Ingest="queue", InboxConcurrency=7)["InboxPoller"]
        assert poller["EventSourceArn"] == {"GetAtt": "InboxQueue.Arn"}
        assert poller["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert (poller["BatchSize"], poller["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
        assert poller["ScalingConfig"] == {"MaximumConcurrency": "7"}

    @pytest.mark.parametrize("timeout", template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"])
    def test_a_message_is_hidden_for_six_timeouts_whichever_is_chosen(self, timeout: int) -> None:
        """AWS's advice: a message must not come back while the function still works on it, throttling included."""
        queue = rollout(Ingest="queue", OrchestratorTimeout=timeout)["InboxQueue"]
        assert queue["VisibilityTimeout"] == 6 * timeout

    def test_what_fails_three_times_is_kept_longer_than_in_the_queue(self) -> None:
        """A message keeps its age when it moves: with the same retention, an old one would be gone at once."""
        stack = rollout(Ingest="queue")
        queue = stack["InboxQueue"]
        assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"GetAtt": "Failures.Arn"}, "maxReceiveCount": 3}
        assert queue["MessageRetentionPeriod"] < stack["Failures"]["MessageRetentionPeriod"]

    @pytest.mark.parametrize("queue", ["InboxQueue", "Failures"])
    def test_it_is_encrypted(self, queue: str) -> None:
        """By one of two keys; SQS refuses both at once."""
        assert rollout(Ingest="queue")[queue]["SqsManagedSseEnabled"] is True
        with_key = rollout(Ingest="queue", Encryption="customer-managed")[queue]
        assert with_key["KmsMasterKeyId"] == {"GetAtt": "Key.Arn"}
        assert "SqsManagedSseEnabled" not in with_key


@pytest.mark.parametrize("ingest", ["direct", "queue"])
class TestOther:
    """ExistingBucketName: a bucket that was there before."""

    def test_we_make_no_bucket_and_set_nothing_on_it(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        assert not {"Inbox", "InboxPolicy", "InboxMayInvoke"} & set(stack.resources)
        assert stack.outputs["InboxBucketName"]["Value"] == "theirs"

    def test_its_uploads_and_nothing_else_come_by_eventbridge(self, ingest: str) -> None:
        rule = rollout(ExistingBucketName="theirs", Ingest=ingest)["Uploads"]
        assert rule["EventPattern"] == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": ["theirs"]}},
        }

    def test_they_take_the_way_that_was_chosen(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        [target] = stack["Uploads"]["Targets"]
        rule = {"GetAtt": "Uploads.Arn"}
        if ingest == "queue":
            assert target["Arn"] == {"GetAtt": "InboxQueue.Arn"}
            allow, _ = stack["InboxMayQueue"]["PolicyDocument"]["Statement"]
        else:
            assert target["Arn"] == {"Ref": "Orchestrator.Alias"}
            assert target["DeadLetterConfig"] == {"Arn": {"GetAtt": "Failures.Arn"}}
            assert stack["UploadsMayInvoke"]["SourceArn"] == rule
            _, allow = stack["FailuresPolicy"]["PolicyDocument"]["Statement"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}

    def test_it_is_read_and_no_other(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        assert actions_on(stack, "ReadDocuments")[1] == {"Sub": OTHER["Sub"] + "/*"}
        assert actions_on(stack, "TellMissingFromForbidden")[1] == OTHER
        [endpoint] = stack["S3Endpoint"]["PolicyDocument"]["Statement"]
        assert endpoint["Resource"][:2] == [OTHER, {"Sub": OTHER["Sub"] + "/*"}]

    def test_its_key_is_used_to_read_only(self, ingest: str) -> None:
        key = "arn:aws:kms:us-east-1:000000000000:key/theirs"
        stack = rollout(ExistingBucketName="theirs", ExistingBucketKeyArn=key, Ingest=ingest)
        assert actions_on(stack, "ReadWhatTheExistingBucketEncrypts") == ("kms:Decrypt", key)


def references(part: Any) -> Iterator[str]:
    """The names that a part of the template refers to by Ref, GetAtt or Sub."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("Ref", "GetAtt") and isinstance(value, str):
                yield value.split(".")[0]
            elif key == "Sub":
                text = value[0] if isinstance(value, list) else value
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", text))
            yield from references(value)

"""How an upload reaches the orchestrator: from the stack's bucket or an existing one, directly or through a queue."""

from typing import Any

import pytest

from testkit.changes.resource_changes import references
from testkit.template import Rollout, rollout, template

OWN_BUCKET = {"Sub": "arn:${AWS::Partition}:s3:::${AWS::StackName}-inbox-${AWS::AccountId}-${AWS::Region}"}
EXISTING_BUCKET = {"Sub": "arn:${AWS::Partition}:s3:::theirs"}
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def actions_on(stack: Rollout, sid: str) -> tuple[Any, Any]:
    [found] = [statement for _, statement in stack.statements() if statement.get("Sid") == sid]
    return found["Action"], found["Resource"]


class TestOwnBucket:
    def test_bucket_blocks_public_access_and_keeps_versions(self) -> None:
        inbox = rollout()["Inbox"]
        assert set(inbox["PublicAccessBlockConfiguration"].values()) == {True}
        assert inbox["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert inbox["VersioningConfiguration"] == {"Status": "Enabled"}

    @pytest.mark.parametrize(("encryption", "algorithm"), [("aws-managed", "AES256"), ("customer-managed", "aws:kms")])
    def test_bucket_is_encrypted_with_either_key(self, encryption: str, algorithm: str) -> None:
        [rule] = rollout(Encryption=encryption)["Inbox"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == algorithm
        assert ("KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"]) == (encryption == "customer-managed")

    def test_bucket_requires_tls_on_aws(self) -> None:
        assert "InboxPolicy" not in rollout(LocalEndpoint="http://127.0.0.1:4566")
        [statement] = rollout()["InboxPolicy"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Condition"] == TLS_ONLY

    def test_resources_that_the_bucket_notifies_do_not_refer_to_it(self) -> None:
        """The bucket depends on the permission, the function and the role: a reference back would be circular."""
        for name in ("Orchestrator", "OrchestratorRole", "InboxMayInvoke", "InboxQueue", "InboxMayQueue"):
            assert "Inbox" not in set(references(template()["Resources"][name])), name

    @pytest.mark.parametrize(("ingest", "permission"), [("direct", "InboxMayInvoke"), ("queue", "InboxMayQueue")])
    def test_bucket_waits_for_the_permission_that_s3_tests(self, ingest: str, permission: str) -> None:
        assert rollout(Ingest=ingest).resources["Inbox"]["Metadata"]["After"] == {"Ref": permission}

    def test_bucket_notifies_the_alias_and_only_it_has_permission(self) -> None:
        stack = rollout()
        [notification] = stack["Inbox"]["NotificationConfiguration"]["LambdaConfigurations"]
        assert notification == {"Event": "s3:ObjectCreated:*", "Function": {"Ref": "Orchestrator.Alias"}}
        permission = stack["InboxMayInvoke"]
        assert permission["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert (permission["SourceArn"], permission["SourceAccount"]) == (OWN_BUCKET, {"Ref": "AWS::AccountId"})


class TestQueue:
    """Ingest=queue: uploads arrive through SQS."""

    def test_queue_resources_exist_only_with_ingest_queue(self) -> None:
        direct, queued = rollout(), rollout(Ingest="queue")
        assert set(queued.resources) - set(direct.resources) == {"InboxQueue", "InboxMayQueue", "InboxPoller"}
        assert set(direct.resources) - set(queued.resources) == {"InboxMayInvoke"}
        assert set(queued.outputs) - set(direct.outputs) == {"InboxQueueUrl"}

    def test_only_the_inbox_can_send_to_the_queue(self) -> None:
        stack = rollout(Ingest="queue")
        [notification] = stack["Inbox"]["NotificationConfiguration"]["QueueConfigurations"]
        assert notification == {"Event": "s3:ObjectCreated:*", "Queue": {"GetAtt": "InboxQueue.Arn"}}
        allow, deny = stack["InboxMayQueue"]["PolicyDocument"]["Statement"]
        assert (allow["Principal"], allow["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
        assert allow["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": OWN_BUCKET},
        }
        assert (deny["Effect"], deny["Condition"]) == ("Deny", TLS_ONLY)

    def test_function_receives_one_message_at_a_time(self) -> None:
        poller = rollout(Ingest="queue", InboxConcurrency=7)["InboxPoller"]
        assert poller["EventSourceArn"] == {"GetAtt": "InboxQueue.Arn"}
        assert poller["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert (poller["BatchSize"], poller["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
        assert poller["ScalingConfig"] == {"MaximumConcurrency": "7"}

    @pytest.mark.parametrize("timeout", template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"])
    def test_visibility_timeout_is_six_times_the_function_timeout(self, timeout: int) -> None:
        """AWS recommends it, so that a message does not reappear while the function works on it or is throttled."""
        queue = rollout(Ingest="queue", OrchestratorTimeout=timeout)["InboxQueue"]
        assert queue["VisibilityTimeout"] == 6 * timeout

    def test_dead_letter_queue_keeps_messages_longer_than_the_inbox_queue(self) -> None:
        """A message keeps its age when it moves: with the same retention, an old one would be deleted at once."""
        stack = rollout(Ingest="queue")
        queue = stack["InboxQueue"]
        assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"GetAtt": "Failures.Arn"}, "maxReceiveCount": 3}
        assert queue["MessageRetentionPeriod"] < stack["Failures"]["MessageRetentionPeriod"]

    @pytest.mark.parametrize("queue", ["InboxQueue", "Failures"])
    def test_queue_is_encrypted_with_exactly_one_key(self, queue: str) -> None:
        """SQS rejects both kinds of keys at once, also on a change, so that the other one is disabled explicitly."""
        assert rollout(Ingest="queue")[queue]["SqsManagedSseEnabled"] is True
        with_key = rollout(Ingest="queue", Encryption="customer-managed")[queue]
        assert with_key["KmsMasterKeyId"] == {"GetAtt": "Key.Arn"}
        assert with_key["SqsManagedSseEnabled"] is False


@pytest.mark.parametrize("ingest", ["direct", "queue"])
class TestExistingBucket:
    """ExistingBucketName: a bucket that the stack does not manage."""

    def test_stack_creates_no_bucket_and_configures_none(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        assert not {"Inbox", "InboxPolicy", "InboxMayInvoke"} & set(stack.resources)
        assert stack.outputs["InboxBucketName"]["Value"] == "theirs"

    def test_rule_matches_uploads_to_this_bucket_only(self, ingest: str) -> None:
        rule = rollout(ExistingBucketName="theirs", Ingest=ingest)["Uploads"]
        assert rule["EventPattern"] == {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": ["theirs"]}},
        }

    def test_rule_targets_the_configured_ingest(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        [target] = stack["Uploads"]["Targets"]
        rule = {"GetAtt": "Uploads.Arn"}
        if ingest == "queue":
            assert target["Arn"] == {"GetAtt": "InboxQueue.Arn"}
            allow, _ = stack["InboxMayQueue"]["PolicyDocument"]["Statement"]
        else:
            assert target["Arn"] == {"Ref": "Orchestrator.Alias"}
            assert stack["UploadsMayInvoke"]["SourceArn"] == rule
            _, allow = stack["FailuresPolicy"]["PolicyDocument"]["Statement"]
        assert allow["Principal"] == {"Service": "events.amazonaws.com"}
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}

    def test_uploads_that_eventbridge_cannot_deliver_reach_the_dead_letter_queue(self, ingest: str) -> None:
        """Otherwise EventBridge drops them, and nothing reports it."""
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        [target] = stack["Uploads"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": {"GetAtt": "Failures.Arn"}}
        _, allow = stack["FailuresPolicy"]["PolicyDocument"]["Statement"]
        assert allow["Condition"] == {"ArnEquals": {"aws:SourceArn": {"GetAtt": "Uploads.Arn"}}}
        for alarm in ("UndeliveredUploads", "UploadsWithoutDeadLetter"):
            assert stack[alarm]["Dimensions"] == [{"Name": "RuleName", "Value": {"Ref": "Uploads"}}]

    def test_permissions_cover_this_bucket_only(self, ingest: str) -> None:
        stack = rollout(ExistingBucketName="theirs", Ingest=ingest)
        assert actions_on(stack, "ReadDocuments")[1] == {"Sub": EXISTING_BUCKET["Sub"] + "/*"}
        assert actions_on(stack, "DistinguishMissingFromForbidden")[1] == EXISTING_BUCKET
        [endpoint] = stack["S3Endpoint"]["PolicyDocument"]["Statement"]
        assert endpoint["Resource"][:2] == [EXISTING_BUCKET, {"Sub": EXISTING_BUCKET["Sub"] + "/*"}]

    def test_key_of_the_bucket_is_used_only_to_decrypt(self, ingest: str) -> None:
        key = "arn:aws:kms:us-east-1:000000000000:key/theirs"
        stack = rollout(ExistingBucketName="theirs", ExistingBucketKeyArn=key, Ingest=ingest)
        assert actions_on(stack, "DecryptExistingBucket") == ("kms:Decrypt", key)

"""A call for each pattern in the policy for deployers, because IAM simulates no patterns."""

from collections.abc import Iterator, Mapping
from typing import Final

SAMPLE_CALLS: Final[Mapping[str, str]] = {
    "application-autoscaling:*": "application-autoscaling:RegisterScalableTarget",
    "athena:*": "athena:CreateWorkGroup",
    "cloudformation:DescribeStack*": "cloudformation:DescribeStackEvents",
    "cloudformation:GetTemplate*": "cloudformation:GetTemplate",
    "cloudwatch:Delete*": "cloudwatch:DeleteAlarms",
    "cloudwatch:Put*": "cloudwatch:PutMetricAlarm",
    "codebuild:*": "codebuild:CreateProject",
    "codedeploy:*": "codedeploy:CreateDeploymentGroup",
    "dynamodb:Describe*": "dynamodb:DescribeTable",
    "ec2:AuthorizeSecurityGroup*": "ec2:AuthorizeSecurityGroupIngress",
    "ec2:Create*": "ec2:CreateVpc",
    "ec2:DeleteRoute*": "ec2:DeleteRouteTable",
    "ec2:DeleteVpc*": "ec2:DeleteVpc",
    "ec2:Describe*": "ec2:DescribeVpcs",
    "ec2:Detach*": "ec2:DetachInternetGateway",
    "ec2:ModifyVpc*": "ec2:ModifyVpcAttribute",
    "ec2:Replace*": "ec2:ReplaceRoute",
    "ec2:RevokeSecurityGroup*": "ec2:RevokeSecurityGroupEgress",
    "ec2:UpdateSecurityGroupRule*": "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    "ecr:Delete*": "ecr:DeleteRepository",
    "ecr:Get*": "ecr:GetLifecyclePolicy",
    "ecr:Put*": "ecr:PutLifecyclePolicy",
    "ecs:*": "ecs:CreateService",
    "elasticloadbalancing:*": "elasticloadbalancing:CreateLoadBalancer",
    "events:*": "events:PutRule",
    "firehose:*": "firehose:CreateDeliveryStream",
    "glue:*": "glue:CreateDatabase",
    "kms:EnableKey*": "kms:EnableKeyRotation",
    "kms:GetKey*": "kms:GetKeyPolicy",
    "kms:List*": "kms:ListAliases",
    "lambda:*EventSourceMapping": "lambda:CreateEventSourceMapping",
    "lambda:Create*": "lambda:CreateFunction",
    "lambda:Delete*": "lambda:DeleteFunction",
    "lambda:Get*": "lambda:GetFunction",
    "lambda:List*": "lambda:ListVersionsByFunction",
    "lambda:Put*": "lambda:PutFunctionConcurrency",
    "lambda:Update*": "lambda:UpdateFunctionCode",
    "logs:Delete*": "logs:DeleteLogGroup",
    "logs:Get*": "logs:GetDataProtectionPolicy",
    "route53:Change*": "route53:ChangeResourceRecordSets",
    "route53:Get*": "route53:GetHostedZone",
    "route53:List*": "route53:ListResourceRecordSets",
    "s3:DeleteBucket*": "s3:DeleteBucket",
    "s3:DeleteObject*": "s3:DeleteObject",
    "s3:Get*": "s3:GetBucketNotification",
    "s3:GetBucket*": "s3:GetBucketLocation",
    "s3:GetObject*": "s3:GetObject",
    "s3:ListBucket*": "s3:ListBucket",
    "s3:Put*": "s3:PutBucketNotification",
    "s3:PutBucket*": "s3:PutBucketPolicy",
    "sns:*": "sns:CreateTopic",
    "sqs:*": "sqs:CreateQueue",
}
"""By pattern: a call that a deployment makes."""


def concrete_calls(actions: list[str]) -> Iterator[str]:
    """Yield the actions with a call in place of each pattern.

    Raises:
        KeyError: A pattern has no sample.
    """
    for action in actions:
        yield SAMPLE_CALLS[action] if "*" in action else action

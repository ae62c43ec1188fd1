"""AWS's limits on what Triptych uses, as a new account in us-east-1 finds them. An older account may have more: look.

aws service-quotas get-service-quota --service-code fargate --quota-code L-3032A538
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from triptych.plan.prices import Check


@dataclass(frozen=True)
class Quota:
    """A limit of `value` `unit`, and what moves it. `service` and `code` name it for Service Quotas, if it is there."""

    name: str
    value: float
    unit: str
    way_out: str
    page: str
    as_of: date
    check: Check
    service: str = ""
    code: str = ""

    @property
    def adjustable(self) -> bool:
        """Whether one asks for more of it through Service Quotas."""
        return bool(self.service)


_ECS = "https://docs.aws.amazon.com/general/latest/gr/ecs-service.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"
_ON_DEMAND = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
_ALB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"
_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
_READ = date(2026, 11, 22)

QUOTAS: Mapping[str, Quota] = {
    "fargate_vcpus": Quota(
        "Fargate vCPUs running (On-Demand)", 6, "vCPU", "ask; AWS also raises it with use",
        _ECS, date(2026, 10, 9), Check.QUOTED, "fargate", "L-3032A538",
    ),
    "fargate_spot_vcpus": Quota(
        "Fargate vCPUs running (Spot)", 6, "vCPU", "ask; AWS also raises it with use",
        _ECS, date(2026, 10, 9), Check.QUOTED, "fargate", "L-36FBB829",
    ),
    "lambda_concurrency": Quota(
        "Lambda handlers at once", 1000, "handlers", "ask. A new account may start with 10: look first",
        _LAMBDA, _READ, Check.QUOTED, "lambda", "L-B99A9384",
    ),
    "queue_concurrency": Quota(
        "Handlers that one queue feeds (MaximumConcurrency)", 1000, "handlers", "Ingest=direct",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html", _READ, Check.QUOTED,
    ),
    "alb_targets": Quota(
        "Targets of one load balancer", 1000, "tasks", "larger tasks (ModelCpu), or ask",
        _ALB, _READ, Check.QUOTED, "elasticloadbalancing", "L-7E6692B2",
    ),
    "alb_capacity": Quota(
        "Capacity that can be reserved for one load balancer", 15_000, "LCU",
        "ask (a region may reserve none at first), or a load balancer a version", _ALB, _READ, Check.QUOTED,
    ),
    "dynamodb_hot_key": Quota(
        "Writes to one index key (a partition)", 1000, "write units/s", "more SHARDS in records/keys.py",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
        _READ, Check.QUOTED,
    ),
    "dynamodb_new_table": Quota(
        "Writes to a new table, or to one index of it, at first", 4000, "write units/s",
        "grow over hours, not at once; or raise its warm throughput", _ON_DEMAND, _READ, Check.QUOTED,
    ),
    "dynamodb_table": Quota(
        "Writes to the table, or to one index of it", 40_000, "write units/s", "ask",
        _DYNAMODB, _READ, Check.QUOTED, "dynamodb", "L-AB614373",
    ),
    "s3_put": Quota(
        "Uploads below one prefix of the bucket", 3500, "requests/s", "spread names over prefixes",
        _S3, _READ, Check.QUOTED,
    ),
    "s3_get": Quota(
        "Reads below one prefix of the bucket", 5500, "requests/s", "spread names over prefixes",
        _S3, _READ, Check.QUOTED,
    ),
    "event_bytes": Quota(
        "Bytes of an event (Lambda, asynchronous; SQS)", 1_000_000, "bytes", "none needed: an event names one document",
        "https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb",
        date(2026, 1, 29), Check.QUOTED,
    ),
    "item_bytes": Quota(
        "Bytes of a record (DynamoDB item)", 400_000, "bytes", "none needed", _DYNAMODB, _READ, Check.REPORTED,
    ),
}  # fmt: skip


def granted(texts: Iterable[str]) -> dict[str, float]:
    """What an account has, from `fargate_vcpus=4000` and the like.

    Raises:
        ValueError: says what is wrong, and names the quotas.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in QUOTAS or not value.replace(".", "", 1).isdecimal() or float(value) == 0:
            raise ValueError(
                f"{text!r} is no quota: give its name and a number above 0, as in fargate_vcpus=4000 ({_NAMES})"
            )
        found[name] = float(value)
    return found


_NAMES = ", ".join(name for name, quota in QUOTAS.items() if quota.adjustable)

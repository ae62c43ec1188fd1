"""The parts of template.yaml that an estimate depends on. tests/unit/triptych/plan/test_rollout.py compares the two."""

from collections.abc import Mapping

VERSIONS = 3
ZONES = 2
INTERFACE_ENDPOINTS = 3
"""Per zone with Network=private: two for ECR, one for CloudWatch Logs."""
TASK_MEMORY_GB: Mapping[int, float] = {256: 1, 512: 2, 1024: 2, 2048: 4, 4096: 8, 8192: 16}
"""Memory by ModelCpu."""
TASK_WORKERS: Mapping[int, int] = {256: 1, 512: 1, 1024: 1, 2048: 2, 4096: 4, 8192: 8}
"""Documents that a task processes in parallel, by ModelCpu."""
CONVERTER_VCPUS, CONVERTER_MEMORY_GB = 2, 4
"""Size of a task of the converter."""
MAX_CONVERTER_TASKS = 50
"""Maximum of ConverterTasks."""
DEFAULT_CPU = 1024
HANDLER_MEMORY_GB = 1.0
STARTS_PER_HOUR = 4
"""Starts of each process of the orchestrator. Assumed, and high: AWS does not say how long it keeps a process."""
FULL_INDEXES = 3
"""Indexes that contain every record: by_time, by_label, by_status. by_review contains a part of them."""
MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000
"""Bounds of InboxConcurrency."""
MAX_MIN_TASKS = 100
"""Maximum of MinModelTasks."""
MAX_TASKS = 1000
"""Maximum of MaxModelTasks."""
MIN_REQUESTS, MAX_REQUESTS = 10, 100_000
"""Bounds of RequestsPerTask."""
DEPLOYMENT_FACTOR = 2
"""During a deployment a service may run twice its tasks (MaximumPercent 200)."""
SUBNET_ADDRESSES = 2**11 - 5
"""Usable addresses per zone: a /21 subnet, of which AWS reserves five."""
OTHER_ADDRESSES = 2 * 8 + 2 * 3 + 2 * 2
"""Addresses not available to tasks: eight per subnet for the load balancer, the endpoints, the handlers' interfaces."""
ALARMS = {"fargate": 23, "single": 17, "lambda": 23}
"""Alarm metrics, as AWS bills them, by ModelHosting."""
EVENT_ALARMS = 2
"""Further ones with Results=events."""
PUBLISHER_MEMORY_GB = 0.25
ANALYTICS_ALARMS = 4
"""Further ones with Analytics=events."""
ROW_SENDER_MEMORY_GB = 0.25
FILES_PER_HOUR = 6
"""Files that Firehose writes per hour with Analytics=events, one for each of its intervals."""
SCALING_ALARMS = {"fargate": 12, "single": 4, "lambda": 0}
"""Alarms that target tracking creates: two per policy, two policies per service."""
SERVICES = {"fargate": VERSIONS, "single": 1, "lambda": 0}
"""Fargate services of the versions."""
FUNCTION_MEMORY_MIB: Mapping[int, int] = {256: 1024, 512: 1024, 1024: 1769, 2048: 3538, 4096: 7076, 8192: 10240}
"""Memory of a model function by ModelCpu; Lambda assigns a vCPU per 1769 MiB."""
WARM_CALLS_PER_HOUR = 12
"""Calls of each model function with ModelWarmth=schedule."""
DASHBOARDS = 1

"""What of template.yaml the answer depends on. tests/unit/triptych/plan/test_template.py holds it to the file."""

from collections.abc import Mapping

VERSIONS = 3
ZONES = 2
INTERFACE_ENDPOINTS = 3
"""With Network=private, in each zone: two of ECR, one of CloudWatch Logs."""
TASK_MEMORY_GB: Mapping[int, float] = {256: 1, 512: 2, 1024: 2, 2048: 4, 4096: 8, 8192: 16}
"""ModelCpu to the memory that goes with it."""
TASK_WORKERS: Mapping[int, int] = {256: 1, 512: 1, 1024: 1, 2048: 2, 4096: 4, 8192: 8}
"""ModelCpu to the documents that a task works on at a time."""
USUAL_CPU = 1024
HANDLER_MEMORY_GB = 1.0
INDEXES = 3
"""Indexes in which every record stands, whole: by_time, by_label, by_status. by_review holds a share."""
LEAST_CONCURRENCY, MOST_CONCURRENCY = 2, 1000
"""InboxConcurrency."""
MOST_MIN_TASKS = 100
"""MinModelTasks."""
MOST_TASKS = 1000
"""MaxModelTasks."""
LEAST_REQUESTS, MOST_REQUESTS = 10, 100_000
"""RequestsPerTask."""
DEPLOYMENT = 2
"""While it is deployed a service may run twice its tasks (MaximumPercent 200)."""
SUBNET_ADDRESSES = 2**11 - 5
"""Of each zone's subnet, a /21; AWS keeps five."""
OTHER_ADDRESSES = 2 * 8 + 2 * 3 + 2 * 2
"""Not for tasks: eight a subnet for the load balancer, which AWS asks for, endpoints, the handlers' interfaces."""
ALARMS = 19
"""Metrics that alarms watch, as they are billed."""
SCALING_ALARMS = 12
"""What target tracking makes of its own: two alarms a policy, two policies a version."""
DASHBOARDS = 1

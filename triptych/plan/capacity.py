"""Number of tasks that a rate needs, latencies, and concurrent executions.

A task is modelled as an M/M/c queue with `workers` servers. Real service times vary less than exponential ones, and the
load balancer routes to the least busy task; both make real waits shorter than computed here.
"""

import math
from dataclasses import dataclass

from triptych.plan import measurements, rollout
from triptych.plan.workload import Hosting, Setup, Workload

_MIB_PER_VCPU = 1769
"""Memory for which Lambda assigns one vCPU."""


def waiting_share(workers: int, utilisation: float) -> float:
    """Return the share of arrivals that find all `workers` busy (Erlang C), for a `utilisation` below 1."""
    offered = workers * utilisation
    term = total = 1.0
    for busy in range(1, workers):
        term *= offered / busy
        total += term
    last = term * offered / workers / (1 - utilisation)
    return last / (total + last)


@dataclass(frozen=True)
class Capacity:
    """Tasks, latencies and concurrency of a workload on a setup."""

    workload: Workload
    setup: Setup

    @property
    def workers(self) -> int:
        """Documents that a task processes in parallel."""
        return rollout.TASK_WORKERS[self.setup.task_cpu]

    @property
    def task_vcpu_s(self) -> float:
        """Seconds of one vCPU that a task needs for a document: for one version, or for all that it serves."""
        versions = measurements.VERSIONS_IN_ONE_SERVICE if self.setup.hosting is Hosting.SINGLE else 1
        read = measurements.OBJECT_READ_VCPU_S if self.setup.by_address else 0.0
        return self.workload.document_vcpu_s * versions + read

    @property
    def service_s(self) -> float:
        """Seconds that an idle task or function needs for a document; a fraction of a vCPU needs longer."""
        if self.setup.hosting is Hosting.LAMBDA:  # one document at a time, decoded by one thread
            busy = self.workload.document_vcpu_s + measurements.FUNCTION_OVERHEAD_S
            return busy / min(1.0, self.setup.function_gb * 1024 / _MIB_PER_VCPU)
        return self.task_vcpu_s * self.workers / self.setup.vcpus

    @property
    def max_per_task(self) -> float:
        """Documents per second of a fully busy task."""
        return self.setup.vcpus / self.task_vcpu_s

    @property
    def per_task(self) -> float:
        """Documents per second of a task at the planned utilisation."""
        return self.max_per_task * self.setup.utilisation

    def tasks_for(self, rate: float) -> int:
        """Return the tasks per service that run at `rate` documents per second."""
        if self.setup.hosting is Hosting.LAMBDA:
            return 0
        return max(self.setup.min_tasks, math.ceil(rate / self.per_task - 1e-9))

    @property
    def tasks(self) -> int:
        """Average tasks per version over the month: tasks scale with the rate."""
        return self.tasks_for(self.workload.rate)

    @property
    def peak_tasks(self) -> int:
        """Tasks per version at the peak."""
        return self.tasks_for(self.workload.peak)

    @property
    def mean_wait_s(self) -> float:
        """Mean seconds that a document waits for a free worker at the planned utilisation."""
        if self.setup.hosting is Hosting.LAMBDA:
            return 0.0
        busy = waiting_share(self.workers, self.setup.utilisation)
        return busy * self.service_s / (self.workers * (1 - self.setup.utilisation))

    @property
    def peak_utilisation(self) -> float:
        """Utilisation of the tasks at the peak; below the planned one where the minimum of tasks suffices."""
        if self.setup.hosting is Hosting.LAMBDA:
            return 0.0
        return self.workload.peak / (self.peak_tasks * self.max_per_task)

    @property
    def answers_p99_s(self) -> float:
        """99th percentile, at the peak, of the seconds until all versions have answered.

        Each version may exceed it for a third of 1 % of the documents; waits have an exponential tail.
        """
        if self.setup.hosting is Hosting.LAMBDA:
            return self.service_s  # Lambda starts another instance instead of letting documents wait
        late = 0.01 / rollout.VERSIONS
        waiting = max(waiting_share(self.workers, self.peak_utilisation), late)
        rate = self.workers * (1 - self.peak_utilisation) / self.service_s
        return self.service_read_s + self.service_s + math.log(waiting / late) / rate

    @property
    def handler_s(self) -> float:
        """Mean seconds that an invocation lasts: Lambda bills it, and concurrency follows from it."""
        return min(
            self._before_calls_s + self.service_read_s + self.service_s + self.mean_wait_s, self.outage_handler_s
        )

    @property
    def service_read_s(self) -> float:
        """Seconds until the versions have read a document, all at the same time; 0 if they receive it."""
        return self._read_s if self.setup.by_address else 0.0

    @property
    def _before_calls_s(self) -> float:
        """Seconds of the orchestrator itself: its own work, and by content the read and the requests of a document.

        By address it reads nothing before the calls. Next to a converter it reads while the versions do.
        """
        own = measurements.HANDLER_MS / 1000
        if self.setup.by_address:
            return own
        return own + self._read_s + rollout.VERSIONS * self.workload.document_mb / measurements.LAMBDA_MB_PER_S

    @property
    def _read_s(self) -> float:
        """Seconds until a document has been read from S3."""
        return measurements.S3_FIRST_BYTE_MS / 1000 + self.workload.document_mb / measurements.LAMBDA_MB_PER_S

    @property
    def outage_handler_s(self) -> float:
        """Seconds that an invocation lasts while a version does not answer: until the deadline."""
        return (measurements.MODEL_BUDGET_MS + measurements.HANDLER_MS) / 1000

    def concurrent_executions(self, rate: float) -> float:
        """Return the concurrent executions at `rate` (Little's law)."""
        return rate * self.handler_s

    def outage_executions(self, rate: float) -> float:
        """Return the concurrent executions while a version is down for minutes, with three attempts per document."""
        return rate * self.outage_handler_s * measurements.ATTEMPTS

    def function_executions(self, rate: float) -> float:
        """Return the concurrent executions of the model functions at `rate`."""
        return rollout.VERSIONS * rate * self.service_s if self.setup.hosting is Hosting.LAMBDA else 0.0

    @property
    def fits_budget(self) -> bool:
        """Whether 99 % of the documents get all answers within the budget, including what precedes the calls."""
        return self.answers_p99_s + self._before_calls_s <= measurements.MODEL_BUDGET_MS / 1000

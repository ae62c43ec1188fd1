"""How many tasks a rate needs, how long a document takes then, and how many handlers are at it at a time.

A task is a queue of its own with `workers` servers (M/M/c). Real service times vary less than exponential ones, and the
load balancer sends to the least busy task, so that both make waits shorter than computed here.
"""

import math
from dataclasses import dataclass

from triptych.plan import measured, template
from triptych.plan.workload import Setup, Workload


def waiting_share(workers: int, utilisation: float) -> float:
    """Erlang's C formula: the share of arrivals that find all `workers` busy, at a `utilisation` below 1."""
    offered = workers * utilisation
    term = total = 1.0
    for busy in range(1, workers):
        term *= offered / busy
        total += term
    last = term * offered / workers / (1 - utilisation)
    return last / (total + last)


@dataclass(frozen=True)
class Capacity:
    """The size of what a workload needs on a setup."""

    workload: Workload
    setup: Setup

    @property
    def workers(self) -> int:
        """Documents that a task works on at a time."""
        return template.TASK_WORKERS[self.setup.task_cpu]

    @property
    def service_s(self) -> float:
        """Seconds that a document takes a task with nothing else to do; a part of a vCPU takes longer."""
        return self.workload.document_vcpu_s * self.workers / self.setup.vcpus

    @property
    def most_per_task(self) -> float:
        """Documents a second that keep a task fully busy."""
        return self.setup.vcpus / self.workload.document_vcpu_s

    @property
    def per_task(self) -> float:
        """Documents a second that a task is planned with."""
        return self.most_per_task * self.setup.utilisation

    def tasks_for(self, rate: float) -> int:
        """Tasks of each version that run at `rate` documents a second."""
        return max(self.setup.min_tasks, math.ceil(rate / self.per_task - 1e-9))

    @property
    def tasks(self) -> int:
        """Tasks of each version over the month: they follow the rate, so that the average rate tells their average."""
        return self.tasks_for(self.workload.rate)

    @property
    def peak_tasks(self) -> int:
        """Tasks of each version at the peak."""
        return self.tasks_for(self.workload.peak)

    @property
    def mean_wait_s(self) -> float:
        """Seconds that a document waits for a free worker, on average, at the utilisation planned with."""
        busy = waiting_share(self.workers, self.setup.utilisation)
        return busy * self.service_s / (self.workers * (1 - self.setup.utilisation))

    @property
    def peak_share(self) -> float:
        """The share of their capacity that tasks are at in the peak: less than planned with where the least suffice."""
        return self.workload.peak / (self.peak_tasks * self.most_per_task)

    @property
    def answers_p99_s(self) -> float:
        """Seconds within which all versions have answered 99 of 100 documents, in the peak.

        Each version may then be late for a third of a document in a hundred; waits are exponential beyond the first.
        """
        late = 0.01 / template.VERSIONS
        busy = max(waiting_share(self.workers, self.peak_share), late)
        rate = self.workers * (1 - self.peak_share) / self.service_s
        return self.service_s + math.log(busy / late) / rate

    @property
    def handler_s(self) -> float:
        """Seconds that a handler is busy with a document, on average: what Lambda bills and concurrency is made of."""
        transfer = (1 + template.VERSIONS) * self.workload.document_mb / measured.LAMBDA_MB_PER_S
        way = (measured.S3_FIRST_BYTE_MS + measured.HANDLER_MS) / 1000 + transfer
        return min(way + self.service_s + self.mean_wait_s, self.broken_handler_s)

    @property
    def broken_handler_s(self) -> float:
        """Seconds that a handler is busy while a version does not answer: it waits as long as it may."""
        return (measured.MODEL_BUDGET_MS + measured.HANDLER_MS) / 1000

    def handlers(self, rate: float) -> float:
        """Handlers at work at once, at `rate` (Little's law)."""
        return rate * self.handler_s

    def broken_handlers(self, rate: float) -> float:
        """The same while a version has not answered for minutes, so that each document is tried three times."""
        return rate * self.broken_handler_s * measured.ATTEMPTS

    @property
    def fits_budget(self) -> bool:
        """Whether 99 of 100 documents get all answers in time, the way before them included."""
        way = self.handler_s - self.service_s - self.mean_wait_s
        return self.answers_p99_s + way <= measured.MODEL_BUDGET_MS / 1000

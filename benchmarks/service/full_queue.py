"""How long a full queue takes, measured at the same load as the runs that are compared with it.

The service begins requests in the order of arrival, and processes P of them at the same time, which end in any order.
So a request that takes the last of N slots is answered when N requests have been answered, and those that overtook it:
one at each other place, P - 1, if all take equally long. At most, its time is that of N + P - 1 consecutive responses
while the queue is full. Its mean is this number divided by the capacity, which about half of the requests in the last
place exceed; a p99 must be compared with the end of its distribution.

The distribution is observed at twice the capacity, because rejected requests take CPU time too: N callers that send a
request as soon as one is answered would keep the queue full as well, but without the rejected ones. From times of
single documents, with standard deviation s on C CPUs, the time would be normal with standard deviation sqrt(N) s / C.
That is too little, because consecutive documents are not independent: the state of the machine affects all of them
alike.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.service.load import open_loop
from benchmarks.service.servers import Server
from model_service.settings import ServiceSettings
from testkit.intervals import tolerance_limit

_MIN_QUEUES: Final = 10
"""Full queues that are measured at least."""


def queue_limit(server: Server) -> int:
    """Return the number of requests that the service accepts at the same time."""
    return int(server.metric("triptych_in_flight_limit"))


@dataclass(frozen=True)
class FullQueue:
    """Measurements of a full queue.

    Attributes:
        limit: Its number of requests, N.
        responses: Responses until the last of them is answered, N + P - 1.
        per_second: Accepted requests per second while it is full.
        times_ms: Times of so many consecutive responses, one for each response that begins one. They overlap.
        latencies_ms: Latencies of the requests, which are those of the last places.
    """

    limit: int
    responses: int
    per_second: float
    times_ms: Sequence[float]
    latencies_ms: Sequence[float]

    @property
    def queues(self) -> float:
        """The number of full queues that did not overlap."""
        return len(self.times_ms) / self.responses

    @property
    def mean_ms(self) -> float:
        """Mean time of a full queue."""
        return statistics.fmean(self.times_ms)

    @property
    def deviation_ms(self) -> float:
        """Standard deviation of the time of a full queue."""
        return statistics.stdev(self.times_ms)

    @property
    def bound_ms(self) -> float:
        """The time that 99 % of full queues do not exceed, with a confidence of 99 %.

        A 99th percentile of some dozens of queues would be about the longest of them. So it is computed for a normal
        distribution, which a sum of so many times resembles, as an upper tolerance limit. Overlapping times give mean
        and standard deviation more precisely, but only those that do not overlap count as independent.
        """
        return tolerance_limit(self.times_ms, self.queues)


def measure_full_queue(server: Server, documents: Sequence[bytes], rate: float, seconds: float) -> FullQueue:
    """Send more than the service can answer for some seconds, or longer for `_MIN_QUEUES` queues."""
    limit = queue_limit(server)
    # Half of the requests are accepted. The first ones find an empty queue, and no further ones follow the last ones.
    result = open_loop(server, documents, rate, max(seconds, (_MIN_QUEUES + 3) * limit / (rate / 2)))
    full = slice(limit, -limit)
    completed = result.accepted_at[full]
    responses = limit + ServiceSettings().places - 1
    times_ms = [(end - begin) * 1000 for begin, end in zip(completed, completed[responses:], strict=False)]
    per_second = (len(completed) - 1) / (completed[-1] - completed[0])
    return FullQueue(limit, responses, per_second, times_ms, result.accepted_ms[full])

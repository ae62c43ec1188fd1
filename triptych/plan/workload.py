"""The input of an estimate: the documents and the setup that classifies them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from triptych.plan import rollout
from triptych.plan.measurements import MAX_DOCUMENT_MB, MAX_PAGES, page_vcpu_ms
from triptych.plan.rates import SECONDS_PER_MONTH
from triptych.plan.rollout import MAX_CONVERTER_TASKS, MAX_MIN_TASKS, TASK_MEMORY_GB


class Arch(StrEnum):
    """Processor architecture of the tasks and of the handler."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


class Hosting(StrEnum):
    """The parameter ModelHosting."""

    FARGATE = "fargate"
    SINGLE = "single"
    LAMBDA = "lambda"


class NetworkMode(StrEnum):
    """The parameter NetworkMode."""

    PRIVATE = "private"
    PUBLIC = "public"


class Spot(StrEnum):
    """The parameter ModelSpot."""

    NONE = "none"
    EXTRA = "extra"
    ALL = "all"


class Ingest(StrEnum):
    """The parameter Ingest."""

    DIRECT = "direct"
    QUEUE = "queue"


class Transfer(StrEnum):
    """The parameter DocumentTransfer."""

    CONTENT = "content"
    ADDRESS = "address"


@dataclass(frozen=True)
class Workload:
    """The documents that arrive.

    Attributes:
        rate: Documents per second, averaged over the month.
        peak: Documents per second in the busiest minutes.
        page_mb: Size of a page in megabytes (10^6 bytes).
        pages: Pages per document.
        keep_months: Retention of documents and records.
        page_ms: Milliseconds of one vCPU per page, if measured on your own pages.
    """

    rate: float
    peak: float
    page_mb: float = 1.0
    pages: int = 1
    keep_months: float = 1.0
    page_ms: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields.

        Raises:
            ValueError: A field is out of range.
        """
        if self.peak < self.rate:
            raise ValueError(f"the peak ({self.peak:g}/s) must not be below the average rate ({self.rate:g}/s)")
        if self.page_mb <= 0 or self.pages < 1 or self.keep_months < 0:
            raise ValueError(
                "the page size must be positive, a document needs at least one page, and retention must not be negative"
            )
        if self.page_ms is not None and self.page_ms <= 0:
            raise ValueError("the time per page must be positive")
        if self.document_mb > MAX_DOCUMENT_MB:
            raise ValueError(
                f"documents of {self.document_mb:g} MB are rejected unread: the maximum is {MAX_DOCUMENT_MB:.0f} MB"
            )

    @property
    def document_mb(self) -> float:
        """Size of a document in megabytes (10^6 bytes)."""
        return self.page_mb * self.pages

    @property
    def document_vcpu_s(self) -> float:
        """Seconds of one vCPU per document and version."""
        page_ms = page_vcpu_ms(self.page_mb) if self.page_ms is None else self.page_ms
        return page_ms * min(self.pages, MAX_PAGES) / 1000

    @property
    def documents_per_month(self) -> float:
        """Documents per month."""
        return self.rate * SECONDS_PER_MONTH


@dataclass(frozen=True)
class Setup:
    """Parameters of template.yaml, and the planned utilisation.

    Attributes:
        utilisation: Planned share of a task's capacity. At the default of 0.5, 99 % of the documents have all three
            answers within the budget (docs/scaling.md has the calculation), half of the tasks can carry the load if an
            availability zone fails, and the rate may double while further tasks start.
        converter_tasks: Tasks of the converter of office documents; 0 for none.
        events: Whether each change of a record becomes an event (Results=events).
        hosting: Where the versions run (ModelHosting).
        analytics: Whether each change of a record becomes a row for Athena (Analytics=events).
        snap_start: Whether the orchestrator starts from snapshots (SnapStart=orchestrator).
        transfer: What a request to a service contains (DocumentTransfer); without effect on functions.
    """

    task_cpu: int
    arch: Arch = Arch.X86_64
    network: NetworkMode = NetworkMode.PRIVATE
    spot: Spot = Spot.NONE
    min_tasks: int = 2
    utilisation: float = 0.5
    converter_tasks: int = 0
    events: bool = False
    analytics: bool = False
    hosting: Hosting = Hosting.FARGATE
    snap_start: bool = False
    transfer: Transfer = Transfer.CONTENT

    def __post_init__(self) -> None:
        """Validate the fields.

        Raises:
            ValueError: A field is out of range.
        """
        if self.task_cpu not in TASK_MEMORY_GB:
            raise ValueError(f"task CPU must be one of {', '.join(map(str, TASK_MEMORY_GB))}, not {self.task_cpu}")
        if not 1 <= self.min_tasks <= MAX_MIN_TASKS:
            raise ValueError(f"minimum tasks must be between 1 and {MAX_MIN_TASKS}, not {self.min_tasks}")
        if not 0 <= self.converter_tasks <= MAX_CONVERTER_TASKS:
            raise ValueError(f"converter tasks must be between 0 and {MAX_CONVERTER_TASKS}, not {self.converter_tasks}")
        if not 0.05 <= self.utilisation <= 0.95:
            raise ValueError("the utilisation must be between 0.05 and 0.95")

    @property
    def has_tasks(self) -> bool:
        """Whether there are tasks, and with them a load balancer and a network."""
        return self.hosting is not Hosting.LAMBDA or self.converter_tasks > 0

    @property
    def services(self) -> int:
        """Number of Fargate services of the versions."""
        return rollout.SERVICES[self.hosting]

    @property
    def by_address(self) -> bool:
        """Whether services read documents from the inbox. Functions do only if a document is large."""
        return self.transfer is Transfer.ADDRESS and self.services > 0

    @property
    def calls(self) -> int:
        """How many requests a service gets for each document: one for each of its versions."""
        return rollout.VERSIONS // self.services if self.services else 1

    @property
    def reads(self) -> int:
        """How often a document is read from the inbox: by address once for each service, else by the orchestrator.

        Next to a converter, the orchestrator reads every document to find out whether it is converted. What it reads
        because a service could not is not counted.
        """
        if not self.by_address:
            return 1
        return self.services + (1 if self.converter_tasks else 0)

    @property
    def function_gb(self) -> float:
        """Memory of a model function in GB."""
        return rollout.FUNCTION_MEMORY_MIB[self.task_cpu] / 1024

    @property
    def vcpus(self) -> float:
        """Number of vCPUs per task."""
        return self.task_cpu / 1024

    @property
    def memory_gb(self) -> float:
        """Memory per task in GB."""
        return TASK_MEMORY_GB[self.task_cpu]

    def changed(self, **changes: Any) -> "Setup":
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

"""The question: how many documents, how big, and on what they are to be classified."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from triptych.plan.measured import MAX_DOCUMENT_MB, MAX_PAGES, page_vcpu_ms
from triptych.plan.template import MOST_MIN_TASKS, TASK_MEMORY_GB
from triptych.plan.units import SECONDS_A_MONTH


class Arch(StrEnum):
    """The processor of tasks and handler."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


class Network(StrEnum):
    """The parameter Network."""

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


@dataclass(frozen=True)
class Workload:
    """What arrives. `rate` and `peak` are documents a second: over the month, and in the busiest minutes.

    `page_mb` is a page's size in millions of bytes, `keep_months` how long documents and records stay, `page_ms` the
    milliseconds of one vCPU that a page takes, where somebody measured it on their own pages.
    """

    rate: float
    peak: float
    page_mb: float = 1.0
    pages: int = 1
    keep_months: float = 1.0
    page_ms: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: says what is wrong.
        """
        if self.peak < self.rate:
            raise ValueError(f"the peak ({self.peak:g}/s) is below the rate ({self.rate:g}/s), which is its average")
        if self.page_mb <= 0 or self.pages < 1 or self.keep_months < 0:
            raise ValueError(
                "a page has a size above 0, a document at least one page, and it is kept 0 months or longer"
            )
        if self.page_ms is not None and self.page_ms <= 0:
            raise ValueError("a page takes more than 0 ms")
        if self.document_mb > MAX_DOCUMENT_MB:
            raise ValueError(
                f"a document of {self.document_mb:g} MB would be rejected unread: {MAX_DOCUMENT_MB:.0f} MB is the most"
            )

    @property
    def document_mb(self) -> float:
        """Millions of bytes of a document."""
        return self.page_mb * self.pages

    @property
    def document_vcpu_s(self) -> float:
        """Seconds of one vCPU that one version needs for a document."""
        page_ms = page_vcpu_ms(self.page_mb) if self.page_ms is None else self.page_ms
        return page_ms * min(self.pages, MAX_PAGES) / 1000

    @property
    def documents_a_month(self) -> float:
        """How many come in a month."""
        return self.rate * SECONDS_A_MONTH


@dataclass(frozen=True)
class Setup:
    """What they are classified on; the fields are parameters of template.yaml, but for `utilisation`.

    `utilisation` is the share of a task's capacity that is planned with. A half, because (docs/scaling.md works it out)
    99 of 100 documents then have all three answers within the budget; because a zone's loss leaves the other half of
    the tasks just able to carry all; and because a rate may double while further tasks still start.
    """

    task_cpu: int
    arch: Arch = Arch.X86_64
    network: Network = Network.PRIVATE
    spot: Spot = Spot.NONE
    min_tasks: int = 2
    utilisation: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: says what is wrong.
        """
        if self.task_cpu not in TASK_MEMORY_GB:
            raise ValueError(f"a task has {', '.join(map(str, TASK_MEMORY_GB))} CPU units, not {self.task_cpu}")
        if not 1 <= self.min_tasks <= MOST_MIN_TASKS:
            raise ValueError(f"a version always runs 1 to {MOST_MIN_TASKS} tasks, not {self.min_tasks}")
        if not 0.05 <= self.utilisation <= 0.95:
            raise ValueError("the utilisation planned with is a share from 0.05 to 0.95")

    @property
    def vcpus(self) -> float:
        """Of a task."""
        return self.task_cpu / 1024

    @property
    def memory_gb(self) -> float:
        """Of a task."""
        return TASK_MEMORY_GB[self.task_cpu]

    def but(self, **changes: Any) -> "Setup":
        """The same with something changed."""
        return replace(self, **changes)

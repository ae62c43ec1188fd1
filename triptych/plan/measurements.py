"""Measured service times of a page, and the handler's own time, which is partly assumed.

The figures of the service are those of docs/performance.md ("this service, int8"), which describes the measurement; a
test compares the two. ResNet18 at 224 x 224 in int8 represents all versions; --page-ms replaces it by your own figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

MEASURED_ON = date(2026, 11, 30)
SOURCE = "docs/performance.md"
CPUS = 2
"""CPUs of the measured machine, all of them available to the service."""


@dataclass(frozen=True)
class Measurement:
    """One kind of page: size in KiB, median latency with one client, CPU time, throughput with eight clients."""

    kind: str
    kib: float
    ms: float
    cpu_ms: float
    per_second: float

    @property
    def vcpu_ms(self) -> float:
        """Milliseconds of one vCPU per page at full load."""
        return 1000 * CPUS / self.per_second

    @property
    def megabytes(self) -> float:
        """Size in megabytes (10^6 bytes)."""
        return self.kib * 1024 / 1e6


SCAN = Measurement("A4 scan, 300 dpi, JPEG", (900 + 298 + 944) / 3, 38, 43, 39.5)
PHOTO = Measurement("photo, 1000 px, JPEG", (97 + 151 + 80) / 3, 36, 47, 41.1)
FAX = Measurement("A4, 300 dpi, TIFF group 4", (48 + 45 + 44) / 3, 39, 48, 37.2)
PDF = Measurement("PDF, a page of text", (28 + 39 + 40) / 3, 40, 46, 40.1)
KINDS = (SCAN, PHOTO, FAX, PDF)


def page_vcpu_ms(megabytes: float, kinds: Sequence[Measurement] = KINDS) -> float:
    """Return the milliseconds of one vCPU for a page of a size in megabytes, for the most expensive kind of page.

    The cost of a JPEG grows with its bytes (entropy decoding): the line through the two measured JPEGs. The cost of
    other kinds depends on their pixels. The most expensive measured page is the lower bound for every page.

    Args:
        megabytes: Size of the page.
        kinds: Measured pages: a large JPEG, a small one, and other kinds.
    """
    large, small, *_ = kinds
    slope = (large.vcpu_ms - small.vcpu_ms) / (large.megabytes - small.megabytes)
    jpeg = small.vcpu_ms + slope * (megabytes - small.megabytes)
    return max(jpeg, *(kind.vcpu_ms for kind in kinds))


MAX_PAGES = 40
"""Pages of a document that are classified (decoding.limits); further pages cost transfer only."""
MAX_DOCUMENT_MB = 20 * 1024 * 1024 / 1e6
"""Larger documents are rejected unread (orchestrator.settings)."""
MODEL_BUDGET_MS = 2700.0
"""Time for all versions to answer: DEADLINE_MS minus WRITE_RESERVE_MS (orchestrator.settings)."""
ATTEMPTS = 3
"""Attempts per document while a version does not answer."""

HANDLER_MS = 21.0
"""The handler's own work, look-up and write, on an emulator: 114 ms minus 93 ms for the slowest call
(docs/operations.md)."""
S3_FIRST_BYTE_MS = 150.0
"""Assumed: AWS states "roughly 100-200 milliseconds" for small objects (S3 user guide, performance guidelines)."""
LAMBDA_MB_PER_S = 75.0
"""Assumed, AWS publishes no figure: network throughput of a handler, which reads a document once and sends it three
times if services receive the content, and of a task that reads a document."""
VERSIONS_IN_ONE_SERVICE = 1.62
"""Time of a document in a service with all versions, which share its decoding, relative to one with a single version:
the throughput of this service in int8 with one version and with three, for the kind with the largest ratio."""
ADDRESS_CALL_BYTES = 2000
"""A request with the address of a document, and its response, with their headers; a test measures one."""
OBJECT_READ_VCPU_S = 0.004
"""By how much more CPU time a service needs to read a document of 1 MB from S3 than to receive it in a request
(docs/endpoints.md); between 0.1 and 4 MB, the size changes it by a millisecond."""

RECORD_BYTES = 1700
"""A COMPLETE record of three versions and nine labels, by DynamoDB's size rules; a test measures one."""
REVIEWED_SHARE = 0.2
"""Assumed: share of the records in `by_review`, half of them audit samples (AUDIT_SHARE is 0.1)."""
HANDLER_LOG_BYTES = 1950
"""Two lines per document (log and metrics), three of Lambda's own, and 26 bytes that CloudWatch adds to each; without
the function name and request id that Lambda's logger adds, about 190 bytes."""
SERVICE_LOG_BYTES = 500
"""One line per call of each model service, including CloudWatch's 26 bytes."""
METRICS = 20
"""Distinct metric names (orchestrator.telemetry)."""
EVENT_BYTES = 1300
"""An S3 notification of one object with a long key."""
IMAGE_GB = 1.0
"""Assumed: compressed images stored in ECR."""
PUBLISHER_S = 0.05
"""Assumed: duration of an invocation of the publisher or the row sender, for each record. Batches take less."""
FIREHOSE_BYTES = 5 * 1024
"""Bytes that Firehose bills for a row: it rounds each up to 5 KiB."""
ROW_BYTES = 600
"""Assumed: a row in a Parquet file."""
FUNCTION_OVERHEAD_S = 0.012
"""By how much an invocation under AWS's runtime interface emulator lasts longer than the classification in it: the
event is parsed, and the document decoded from base64."""
WARM_CALL_S = 0.01
"""Assumed: duration of a scheduled call of a model function; a request for its readiness took 3 ms."""

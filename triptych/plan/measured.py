"""What a page costs the model service, as measured, and what the handler's way costs besides, partly assumed.

The service's figures are from docs/performance.md ("this service"), which tells how they were come by; a test holds the
two together. ResNet18 at 224 x 224 in f32 stands for all versions; what yours take can be given instead (--page-ms).
"""

from dataclasses import dataclass
from datetime import date

MEASURED_ON = date(2026, 11, 22)
SOURCE = "docs/performance.md"
CPUS = 2
"""CPUs of the machine that was measured, all of them the service's."""


@dataclass(frozen=True)
class Measurement:
    """One kind of page: `kib`, median `ms` of one caller, `cpu_ms` a document, `per_second` of eight callers."""

    kind: str
    kib: float
    ms: float
    cpu_ms: float
    per_second: float

    @property
    def vcpu_ms(self) -> float:
        """Milliseconds of one vCPU that a page takes of a service at full load."""
        return 1000 * CPUS / self.per_second

    @property
    def megabytes(self) -> float:
        """Size in millions of bytes."""
        return self.kib * 1024 / 1e6


SCAN = Measurement("A4 scan, 300 dpi, JPEG", (1257 + 365 + 363) / 3, 28, 44, 41.1)
PHOTO = Measurement("photo, 1000 px, JPEG", (66 + 77 + 66) / 3, 24, 37, 50.8)
FAX = Measurement("A4, 300 dpi, TIFF group 4", (28 + 28 + 31) / 3, 41, 53, 32.2)
PDF = Measurement("PDF, a page of text", (42 + 57 + 57) / 3, 29, 42, 45.8)
KINDS = (SCAN, PHOTO, FAX, PDF)


def page_vcpu_ms(megabytes: float) -> float:
    """Milliseconds of one vCPU for a page of that size (millions of bytes), of the dearest kind.

    A JPEG's cost grows with its bytes (entropy decoding): a line through the two JPEGs measured. Other kinds cost by
    their pixels, so that the dearest of them, a fax of 30 KB, is the least that any page is taken for.
    """
    slope = (SCAN.vcpu_ms - PHOTO.vcpu_ms) / (SCAN.megabytes - PHOTO.megabytes)
    jpeg = PHOTO.vcpu_ms + slope * (megabytes - PHOTO.megabytes)
    return max(jpeg, *(kind.vcpu_ms for kind in KINDS))


MAX_PAGES = 8
"""Pages of a document that are scored (decoding.limits); the rest costs bytes only."""
MAX_DOCUMENT_MB = 20 * 1024 * 1024 / 1e6
"""A larger document is rejected unread (orchestrator.settings)."""
MODEL_BUDGET_MS = 2700.0
"""Until then every version must have answered: DEADLINE_MS less WRITE_RESERVE_MS (orchestrator.settings)."""
ATTEMPTS = 3
"""Times that a document is tried while a version does not answer."""

HANDLER_MS = 21.0
"""The handler's own work, look-up and write, on an emulator: 114 ms less the slowest call's 93 (docs/operations.md)."""
S3_FIRST_BYTE_MS = 150.0
"""Assumed: AWS speaks of "roughly 100-200 milliseconds" for a small object (S3 user guide, performance guidelines)."""
LAMBDA_MB_PER_S = 75.0
"""Assumed, not published: what a handler's network carries. Each document comes in once and goes out three times."""

RECORD_BYTES = 1700
"""A COMPLETE record of three versions and nine labels, by DynamoDB's rules for sizes; a test weighs one."""
REVIEWED_SHARE = 0.2
"""Assumed: records that also stand in `by_review`, half of them for the audit (AUDIT_SHARE is 0.1), half for doubt."""
HANDLER_LOG_BYTES = 1750
"""Two lines a document (log and metrics), Lambda's own three, and 26 bytes that CloudWatch adds to each; without the
names of function and request that Lambda's logger adds, some 190 bytes."""
SERVICE_LOG_BYTES = 500
"""One line a call of each model service, likewise."""
METRICS = 20
"""Names under which metrics are sent: eight for every document, the others now and then (orchestrator.telemetry)."""
EVENT_BYTES = 1300
"""An S3 notification of one object with a long name."""
IMAGE_GB = 1.0
"""Assumed: images kept in the registry, compressed. No image has been pushed to one."""

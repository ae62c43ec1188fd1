"""Send the content of a document after all, if a service could not read the object whose address it received.

So an update, in which services lose or get the permission to read objects before or after the orchestrator changes,
costs no prediction, and neither does a permission that is missing. If the content has not been read, it is read now.
"""

import logging
from collections.abc import Callable

from orchestrator.errors import CallFailed
from orchestrator.request_body import BodyFormat, Document

logger = logging.getLogger(__name__)

NOT_READ = frozenset({"object-denied", "object-gone", "unavailable"})
"""Problems of a service that did not get an object from S3."""

_SECONDS_BETWEEN_WARNINGS = 60.0
"""A permission that is missing concerns every document, and one line in a while tells it."""


class ContentFallback:
    """Replaces addresses that a service could not read.

    Args:
        body: How the service receives documents.
        version: The version that it serves, for the log.
        clock: A monotonic clock in seconds.
    """

    def __init__(self, body: BodyFormat, version: str, clock: Callable[[], float]) -> None:
        self._body = body
        self._version = version
        self._clock = clock
        self._next_warning = -float("inf")

    def instead_of(self, document: Document, failure: CallFailed) -> Document | None:
        """Return a document to send instead of one that failed, or None if another request would not help.

        It would not if the orchestrator cannot read the object either. The failure of the service is then its outcome.

        Args:
            document: The document as it was sent.
            failure: Why the service returned no prediction.
        """
        size = len(document.content)
        sendable = self._body.sends_address(document.address, size) and self._body.accepts(size)
        if failure.problem not in NOT_READ or not sendable:
            return None
        try:
            content = document.read()
        except CallFailed:
            return None
        self._warn(failure)
        return Document(content)

    def _warn(self, failure: CallFailed) -> None:
        now = self._clock()
        if now < self._next_warning:
            return
        self._next_warning = now + _SECONDS_BETWEEN_WARNINGS
        logger.warning(
            "%s could not read a document by its address, so its content was sent: %s (%s)",
            self._version,
            failure.detail,
            failure.problem,
        )

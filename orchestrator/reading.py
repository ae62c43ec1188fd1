"""The content of an upload, which is read at most once, and only if something needs it.

Versions that receive the address of a document read it themselves. Its content is then needed only if one of them could
not (`orchestrator.content_fallback`), or to find out whether it must be converted (`orchestrator.preparation`).
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from threading import Lock

from records.assembly import ReadError
from records.errors import DocumentRejected, DocumentUnavailable
from records.uploads import Upload


class Reading:
    """The content of an upload. Threads that need it share one read.

    Args:
        upload: The upload. Its size must be known before the length is asked for.
        read: Reads it.
        readers: Runs the read.
        deadline: Time on the clock until which the content is awaited; see `extend`.
        clock: A monotonic clock in seconds.
    """

    def __init__(
        self,
        upload: Upload,
        read: Callable[[Upload], bytes],
        readers: Executor,
        deadline: float,
        clock: Callable[[], float],
    ) -> None:
        self._upload = upload
        self._read = read
        self._readers = readers
        self._deadline = deadline
        self._clock = clock
        self._lock = Lock()
        self._started: Future[tuple[bytes, float]] | None = None

    @property
    def size(self) -> int | None:
        """Size of the content in bytes, as the event states it; None if it states none."""
        return self._upload.size

    def __len__(self) -> int:
        """Return the size of the content in bytes, which must be known."""
        if self.size is None:
            raise TypeError("the size of the upload is unknown")
        return self.size

    @property
    def was_started(self) -> bool:
        """Whether something has needed the content."""
        return self._started is not None

    @property
    def is_too_late(self) -> bool:
        """Whether the deadline has passed, so that a read that starts now would be in vain."""
        return self._clock() >= self._deadline

    def extend(self, deadline: float) -> None:
        """Await the content until a later time on the clock."""
        self._deadline = deadline

    def start(self) -> "Future[tuple[bytes, float]]":
        """Start the read, unless it has been started."""
        with self._lock:
            if self._started is None:
                self._started = self._readers.submit(self._read_timed)
            return self._started

    def result(self) -> bytes | ReadError:
        """Return the content, or why it could not be read by the deadline. The read is started if necessary."""
        reading = self.start()
        try:
            content, ended = reading.result(max(0.0, self._deadline - self._clock()))
        except (DocumentRejected, DocumentUnavailable) as error:
            return error
        except (TimeoutError, CancelledError):
            reading.cancel()  # it may still wait for a thread
        else:
            if ended < self._deadline:
                return content
        return DocumentUnavailable("storage-slow", "The object was not read within the document's budget.")

    def _read_timed(self) -> tuple[bytes, float]:
        """Return the content and the time at which it was complete."""
        return self._read(self._upload), self._clock()

"""Pictures of documents' pages: rendered in decoder processes and cached.

Documents are untrusted. They are decoded in processes without credentials, and what comes back is a JPEG file that such
a process has encoded.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final

from decoding.errors import DecoderUnavailableError, DocumentError
from decoding.isolation.jobs import JpegJob
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits

FAILURE_SECONDS: Final = 600.0
"""How long a failure is cached. After that, the document is decoded again."""
_MAX_ENTRIES: Final = 10_000
_LIMITS: Final = Limits(max_seconds=6)


@dataclass(frozen=True)
class PictureSize:
    """A size of pictures.

    Attributes:
        width: Width of the box that a page is fitted into, in pixels.
        height: Height of that box.
        pages: Maximum number of pages of a document.
    """

    width: int
    height: int
    pages: int


SIZES: Final = {"small": PictureSize(192, 256, 1), "large": PictureSize(1280, 1664, 8)}
"""By the name used in URLs: a thumbnail of the first page, and every page that the versions classified."""


class PictureUnavailable(Exception):
    """A document has no picture. The message states the reason for the user."""


class PictureCache:
    """Pictures by key and size, each rendered once. Safe to use from several threads.

    Args:
        processes: Documents decoded at the same time; a process starts when it is first needed.
        max_bytes: Size limit of the cached JPEG files.
        limits: Bounds on one document. The page limit is that of the picture size.
    """

    def __init__(self, *, processes: int = 2, max_bytes: int = 96 * 1024 * 1024, limits: Limits = _LIMITS) -> None:
        self.decoders: Final = DecoderPool(processes, lazy=True)
        self._max_bytes: Final = max_bytes
        self._limits: Final = limits
        self._entries: Final[OrderedDict[_Picture, _Entry]] = OrderedDict()
        self._bytes = 0
        self._lock: Final = threading.Lock()

    def get(self, key: str, size: str, fetch: Callable[[], bytes], *, rotated: Sequence[int] = ()) -> list[bytes]:
        """Return the pages of a document as JPEG files.

        Args:
            key: Identifies the upload.
            size: A key of `SIZES`.
            fetch: Reads the document. Its exceptions propagate; only `PictureUnavailable` is cached.
            rotated: By how many degrees each page was turned clockwise to be classified.

        Raises:
            PictureUnavailable: If the document cannot be read or shown.
        """
        wanted = _Picture(key, size, tuple(rotated))
        with self._lock:
            entry = self._entries.get(wanted)
            is_new = entry is None or entry.expires <= time.monotonic()
            if entry is None or is_new:
                entry = self._entries[wanted] = _Entry()
            self._entries.move_to_end(wanted)
        if is_new:
            self._fill(entry, wanted, fetch)
        return entry.pages.result()

    def __len__(self) -> int:
        """Return the number of cached pictures and failures."""
        return len(self._entries)

    @property
    def cached_bytes(self) -> int:
        """Size of the cached JPEG files."""
        return self._bytes

    def close(self) -> None:
        """End the decoder processes."""
        self.decoders.close()

    def _fill(self, entry: "_Entry", wanted: "_Picture", fetch: Callable[[], bytes]) -> None:
        try:
            pages = self._render(fetch(), SIZES[wanted.size], wanted.rotated)
        except PictureUnavailable as error:
            entry.expires = time.monotonic() + FAILURE_SECONDS
            entry.pages.set_exception(error)
            self._evict(added_bytes=0)
        except BaseException as error:  # noqa: BLE001 -- the waiting requests get it
            with self._lock:
                self._entries.pop(wanted, None)
            if isinstance(error, DecoderUnavailableError):  # the document is not the cause
                error = PictureUnavailable("The document cannot be decoded at the moment. Try again.")
            entry.pages.set_exception(error)
        else:
            entry.pages.set_result(pages)
            self._evict(added_bytes=sum(map(len, pages)))

    def _render(self, data: bytes, size: PictureSize, rotated: tuple[int, ...]) -> list[bytes]:
        job = JpegJob(replace(self._limits, max_pages=size.pages), size.width, size.height, rotated)
        try:
            return self.decoders.run(job, data).files
        except DocumentError as error:
            raise PictureUnavailable(str(error)) from error

    def _evict(self, added_bytes: int) -> None:
        """Remove the least recently used pictures until the cache is within its bounds."""
        with self._lock:
            self._bytes += added_bytes
            while (self._bytes > self._max_bytes and len(self._entries) > 1) or len(self._entries) > _MAX_ENTRIES:
                oldest, entry = next(iter(self._entries.items()))
                if not entry.pages.done():
                    self._entries.move_to_end(oldest)
                    continue
                del self._entries[oldest]
                if entry.pages.exception() is None:
                    self._bytes -= sum(map(len, entry.pages.result()))


@dataclass(frozen=True)
class _Picture:
    key: str
    size: str
    rotated: tuple[int, ...]


@dataclass
class _Entry:
    pages: Future[list[bytes]] = field(default_factory=Future)
    expires: float = math.inf

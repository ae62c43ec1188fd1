"""Pictures of documents' pages: fetched, decoded in a few processes of their own, and remembered.

    a page's <img> ──► remembered? ──► fetched from the bucket ──► a free process ──► JPEGs, remembered
                                                                       │ crashed, or too slow
                                                                       └──► killed; another takes its place

What could not be read is remembered too: a document that takes a process down does so once.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import Final

from decoding.limits import Limits
from triptych.console import page_process

_PROGRAM: Final = "triptych.console.page_process"
_START_SECONDS: Final = 30.0
_JPEG_STARTS: Final = b"\xff\xd8\xff"
_MAX_JPEG: Final = 16 * 1024 * 1024
_MAX_KNOWN: Final = 10_000

# Nothing of the console's environment but what starts Python: no credentials above all.
_PASSED_ON: Final = ("PATH", "PYTHON", "LD_", "DYLD_", "LANG", "LC_", "TZ")


@dataclass(frozen=True)
class Size:
    """The box that a page is fitted into, in pixels, and how many pages of a document are wanted."""

    width: int
    height: int
    pages: int


SIZES: Final = {"small": Size(192, 256, 1), "large": Size(1280, 1664, Limits().max_pages)}
"""By the name that an address uses: a thumbnail of the first page, and every page that the versions saw."""


class NoPicture(Exception):
    """There is no picture of this document; the message says why, for a person."""


class Pictures:
    """Pictures by key and size, each made once. Safe to use from several threads.

    Args:
        processes: documents decoded at the same time; a process starts when it is first needed.
        max_bytes: JPEGs that are remembered.
    """

    def __init__(self, *, processes: int = 2, max_bytes: int = 96 * 1024 * 1024) -> None:
        self._free: Final[queue.LifoQueue[_Painter]] = queue.LifoQueue()
        for _ in range(processes):
            self._free.put(_Painter())
        self._max_bytes = max_bytes
        self._known: OrderedDict[tuple[str, str], Future[list[bytes]]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, key: str, size: str, fetch: Callable[[], bytes]) -> list[bytes]:
        """The pages of a document as JPEGs.

        Args:
            key: tells this upload from every other.
            size: one of `SIZES`.
            fetch: reads the document; what it raises passes, and is not remembered (NoPicture excepted).

        Raises:
            NoPicture: it cannot be read.
        """
        with self._lock:
            known = self._known.get((key, size))
            mine = known is None
            made: Future[list[bytes]] = known or Future()
            self._known[key, size] = made
            self._known.move_to_end((key, size))
        if mine:
            self._make(made, key, size, fetch)
        return made.result()

    def close(self) -> None:
        """End the processes."""
        while True:
            try:
                self._free.get_nowait().end()
            except queue.Empty:
                return

    def _make(self, made: "Future[list[bytes]]", key: str, size: str, fetch: Callable[[], bytes]) -> None:
        try:
            pages = self._painted(fetch(), SIZES[size])
        except NoPicture as error:
            made.set_exception(error)
        except BaseException as error:
            with self._lock:
                self._known.pop((key, size), None)
            made.set_exception(error)
        else:
            made.set_result(pages)
            self._remember(pages)

    def _painted(self, data: bytes, size: Size) -> list[bytes]:
        painter = self._free.get()
        try:
            return painter.paint(data, size)
        finally:
            self._free.put(painter)

    def _remember(self, pages: list[bytes]) -> None:
        with self._lock:
            self._bytes += sum(map(len, pages))
            while (self._bytes > self._max_bytes and len(self._known) > 1) or len(self._known) > _MAX_KNOWN:
                oldest, future = next(iter(self._known.items()))
                if not future.done():
                    self._known.move_to_end(oldest)
                    continue
                del self._known[oldest]
                if future.exception() is None:
                    self._bytes -= sum(map(len, future.result()))


class _Painter:
    """One process, or the place for one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def paint(self, data: bytes, size: Size) -> list[bytes]:
        """Make pictures of one document.

        Raises:
            NoPicture: it cannot be read, or the process did not survive it.
        """
        job = {"max_pages": size.pages, "width": size.width, "height": size.height}
        try:
            if self._process is None:
                self._start()
            self._pipe.send_bytes(json.dumps(job).encode())
            self._pipe.send_bytes(data)
            return self._answer(size)
        except NoPicture:
            raise
        except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
            self.end()
            raise NoPicture("This document cannot be shown safely: its decoder did not survive it.") from error

    def end(self) -> None:
        """Kill the process, if there is one; the next document starts another."""
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answer(self, size: Size) -> list[bytes]:
        head = json.loads(self._message(page_process.SECONDS))
        if "problem" in head:
            raise NoPicture(str(head.get("detail") or head["problem"]))
        count = head["pages"]
        if not isinstance(count, int) or not 1 <= count <= size.pages:
            raise ValueError(f"{count!r} pages")
        pages = [self._message(1.0) for _ in range(count)]
        if not all(page.startswith(_JPEG_STARTS) for page in pages):
            raise ValueError("no JPEG")
        return pages

    def _message(self, seconds: float) -> bytes:
        if not self._pipe.poll(seconds):
            raise EOFError(f"no answer within {seconds:g} s")
        return self._pipe.recv_bytes(_MAX_JPEG)

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
                env={name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)},
            )
        if self._message(_START_SECONDS) != page_process.READY:
            raise EOFError("the process did not start")

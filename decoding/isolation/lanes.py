"""Sharing of processes and CPUs between documents, so that slow ones do not delay the others.

    document ──► waits for the ordinary lane ──► decoded ──► done
       │                                            │ for SLOW_SECONDS, and others wait
       │ likely slow                                └──► leaves its place to them
       └──► waits for the slow lane ◄────────────────────┘
                 └──► paused until its turn ──► decoded for one turn, paused while ordinary documents are decoded ──► …

How long a document takes is estimated (`decoding.cost`), but not known: a few kilobytes of PDF can need a minute.
Pausing a process costs nothing, so a document that was moved by mistake is done at its first turn.
"""

import threading
import time
from collections import deque
from contextlib import AbstractContextManager
from itertools import takewhile
from types import TracebackType
from typing import Final, Protocol, Self

from decoding.cancellation import CancelCheck

SLOW_SECONDS: Final = 0.15
"""Seconds of decoding after which a document makes way for those that wait. Most documents take less."""
_TURN_SECONDS: Final = 0.25
# How long a document in the slow lane pauses while the ordinary lane has documents. In between it is decoded until the
# next check, a twentieth of a second later, so that it is completed even if more documents arrive.
_YIELD_SECONDS: Final = 0.2
# How long a document that is likely slow waits for ordinary ones that arrive at the same moment.
_HEAD_START_SECONDS: Final = 0.05
# Larger processes do not make way: together they could exceed the memory of a container.
_MAX_BYTES: Final = 256 * 1024 * 1024
# How often a waiting document calls its cancel check.
_CHECK_SECONDS: Final = 0.05


class Pausable(Protocol):
    """A process that can be paused, such as `DecoderProcess`."""

    def paused(self) -> AbstractContextManager[None]:
        """Pause the process until the end of a `with` statement."""
        ...

    def resident_bytes(self) -> int:
        """Return the memory that the process occupies."""
        ...


class Lane:
    """A bounded number of documents at the same time; others wait in the order of their arrival.

    A document that leaves gives its room to the one that waits first, and wakes no other.

    Args:
        size: Documents in the lane at the same time.
    """

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self._free = size
        # Set for a document once it is in the lane.
        self._queue: Final[deque[threading.Event]] = deque()
        # Guards all attributes and is notified when the lane becomes empty.
        self._emptied: Final = threading.Condition()

    @property
    def waiting(self) -> int:
        """The number of documents that wait for the lane."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """The number of documents for which the lane has room."""
        return self._free

    @property
    def is_empty(self) -> bool:
        """Whether no document is in the lane."""
        return self._free == self.size

    def enter(self, check_cancelled: CancelCheck, *, first: bool = False) -> None:
        """Enter the lane, or wait for it.

        Args:
            check_cancelled: Called several times a second while the document waits; what it raises propagates.
            first: Whether to wait before all others.
        """
        entered = threading.Event()
        with self._emptied:
            if first:
                self._queue.appendleft(entered)
            else:
                self._queue.append(entered)
            self._admit()
            waits = not entered.is_set()
        try:
            while waits:
                waits = not entered.wait(_CHECK_SECONDS)
                check_cancelled()  # also once it has entered: it may have been abandoned meanwhile
        except BaseException:
            self._stop_waiting(entered)
            raise

    def try_enter(self) -> bool:
        """Enter the lane if it has room and no document waits for it. Return whether it was entered."""
        with self._emptied:
            entered = self._free > 0 and not self._queue
            self._free -= entered
            return entered

    def leave(self) -> None:
        """Leave the lane."""
        with self._emptied:
            self._free += 1
            self._admit()
            if self.is_empty:
                self._emptied.notify_all()

    def wait_until_empty(self, seconds: float) -> None:
        """Wait until no document is in the lane, but not longer than a number of seconds."""
        with self._emptied:
            self._emptied.wait_for(lambda: self.is_empty, seconds)

    def _admit(self) -> None:
        """Let documents that wait into the lane while it has room."""
        while self._free and self._queue:
            self._free -= 1
            self._queue.popleft().set()

    def _stop_waiting(self, entered: threading.Event) -> None:
        """Let a document stop waiting. It may have entered at the same moment, and then leaves."""
        with self._emptied:
            if not entered.is_set():
                self._queue.remove(entered)
                return
        self.leave()


class Lanes:
    """The lanes of a pool.

    Args:
        ordinary: Documents in the ordinary lane at the same time.
        slow: Documents in the slow lane, of which at most `ordinary` are decoded and the others are paused. If it is
            full, documents that turn out to be slow stay in the ordinary lane.
        ahead: Further documents in the ordinary lane.
    """

    def __init__(self, ordinary: int, slow: int, *, ahead: int = 0) -> None:
        self.ordinary: Final = Lane(ordinary + ahead)
        self.slow: Final = Lane(slow)
        self.turn: Final = Lane(ordinary)


class Place:
    """A document's place in the lanes, as a context manager that leaves it.

    Args:
        lanes: Those of the pool.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes: Final = lanes
        self._held: Final[list[Lane]] = []
        self._since = 0.0  # start of decoding, or of the current turn
        self._began = 0.0
        self._paused = 0.0  # seconds since decoding began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while self._held:
            self._held.pop().leave()

    def enter(self, check_cancelled: CancelCheck, *, likely_slow: bool = False, first: bool = False) -> None:
        """Wait for the ordinary lane, or for a turn in the slow one.

        Args:
            check_cancelled: Called several times a second while the document waits; what it raises propagates.
            likely_slow: Whether the document probably takes long. Without a slow lane, it waits for the ordinary one.
            first: Whether the document waits before all others, because it has waited elsewhere.
        """
        lanes = self._lanes
        slow = likely_slow and lanes.slow.size > 0
        for lane in [lanes.slow, lanes.turn] if slow else [lanes.ordinary]:
            lane.enter(check_cancelled, first=first)
            self._held.append(lane)
        if slow:
            time.sleep(_HEAD_START_SECONDS)
            lanes.ordinary.wait_until_empty(_YIELD_SECONDS)

    def try_enter(self, *, slow: bool) -> bool:
        """Enter a lane without waiting; return whether it was entered.

        Args:
            slow: Whether to enter the slow lane and begin a turn, which is possible only while no ordinary document is
                decoded.
        """
        lanes = self._lanes
        wanted = [lanes.slow, lanes.turn] if slow else [lanes.ordinary]
        if not slow or lanes.ordinary.is_empty:
            self._held.extend(takewhile(Lane.try_enter, wanted))
        return self._held == wanted

    @property
    def is_slow(self) -> bool:
        """Whether the document is in the slow lane."""
        return self._lanes.slow in self._held

    @property
    def seconds_decoding(self) -> float:
        """For how long the document has been decoded, without pauses."""
        return time.monotonic() - self._began - self._paused

    def begin(self) -> None:
        """Note that decoding begins, of the document or of another part of it."""
        if not self._began:
            self._since = self._began = time.monotonic()

    def make_way(self, process: Pausable, check_cancelled: CancelCheck) -> None:
        """Pause the process that decodes the document, if others precede it. Called several times a second.

        Args:
            process: Decodes the document.
            check_cancelled: Called several times a second while the document waits; what it raises propagates.
        """
        asked = time.monotonic()
        try:
            self._make_way(process, asked - self._since, check_cancelled)
        finally:
            self._paused += time.monotonic() - asked

    def _make_way(self, process: Pausable, seconds: float, check_cancelled: CancelCheck) -> None:
        lanes = self._lanes
        if lanes.ordinary in self._held:
            if seconds >= SLOW_SECONDS and lanes.ordinary.waiting and process.resident_bytes() <= _MAX_BYTES:
                self._join_slow_lane(process, check_cancelled)
        elif seconds >= _TURN_SECONDS and lanes.turn.waiting:
            self._leave(lanes.turn)
            self._await_turn(process, check_cancelled)
        elif not lanes.ordinary.is_empty:
            with process.paused():
                lanes.ordinary.wait_until_empty(_YIELD_SECONDS)

    def _join_slow_lane(self, process: Pausable, check_cancelled: CancelCheck) -> None:
        if self._lanes.slow.try_enter():
            self._held.append(self._lanes.slow)
            self._leave(self._lanes.ordinary)
            self._await_turn(process, check_cancelled)

    def _await_turn(self, process: Pausable, check_cancelled: CancelCheck) -> None:
        with process.paused():
            self._lanes.turn.enter(check_cancelled)
        self._held.append(self._lanes.turn)
        self._since = time.monotonic()

    def _leave(self, lane: Lane) -> None:
        self._held.remove(lane)
        lane.leave()

"""Protects: lanes admit in order and never more than their size; a slow document leaves its place only to others."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from decoding.cancellation import never_cancel
from decoding.isolation import lanes as lanes_module
from decoding.isolation.lanes import Lane, Lanes, Place
from tests.support.polling import wait_until


class Process:
    """A process that notes whether it is paused."""

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self.pauses = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.pauses += 1
        yield

    def resident_bytes(self) -> int:
        return self.size


class CancelledError(Exception):
    """Raised by the cancel checks of these tests."""


@pytest.fixture(autouse=True)
def _every_document_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "SLOW_SECONDS", 0.0)


@contextmanager
def waiting(lane: Lane) -> Iterator[threading.Event]:
    """Let a document wait for a lane, and yield what is set once it has entered."""
    entered = threading.Event()

    def enter() -> None:
        lane.enter(never_cancel)
        entered.set()
        lane.leave()

    with ThreadPoolExecutor(1) as other:
        other.submit(enter)
        wait_until(lambda: lane.waiting > 0)
        yield entered


def test_a_document_that_has_waited_elsewhere_is_admitted_before_others() -> None:
    lanes, order = Lanes(1, 0), []

    def enter(name: str, *, first: bool) -> None:
        with Place(lanes) as place:
            place.enter(never_cancel, first=first)
            order.append(name)

    with ThreadPoolExecutor(3) as others, Place(lanes) as first:
        first.enter(never_cancel)
        for number, name in enumerate(["new", "newer", "decoded"]):
            others.submit(enter, name, first=name == "decoded")
            wait_until(lambda count=number + 1: lanes.ordinary.waiting == count)  # type: ignore[misc]

    assert order == ["decoded", "new", "newer"]


def test_a_lane_admits_in_the_order_of_arrival() -> None:
    lane, order = Lane(1), []

    def document(number: int) -> None:
        lane.enter(never_cancel)
        order.append(number)
        lane.leave()

    lane.enter(never_cancel)
    with ThreadPoolExecutor(5) as others:
        for number in range(5):
            others.submit(document, number)
            wait_until(lambda count=number + 1: lane.waiting == count)  # type: ignore[misc]
        lane.leave()

    assert order == [0, 1, 2, 3, 4]


def cancel() -> None:
    raise CancelledError


def test_a_document_cancelled_while_it_waits_leaves_the_queue() -> None:
    lane = Lane(1)
    assert lane.try_enter()
    with pytest.raises(CancelledError):
        lane.enter(cancel)
    assert not lane.waiting
    assert not lane.try_enter()
    lane.leave()
    assert lane.try_enter()


def test_a_document_cancelled_when_it_enters_leaves_the_lane() -> None:
    lane = Lane(1)
    assert lane.try_enter()

    def leave_and_cancel() -> None:
        lane.leave()  # admits the document
        raise CancelledError

    with pytest.raises(CancelledError):
        lane.enter(leave_and_cancel)
    assert lane.is_empty
    assert lane.try_enter()


def test_a_document_that_was_abandoned_while_it_waited_is_not_begun() -> None:
    lane = Lane(1)
    assert lane.try_enter()

    def leave_then_cancel() -> None:
        if lane.waiting:
            lane.leave()  # admits the document
        else:
            raise CancelledError

    with pytest.raises(CancelledError):
        lane.enter(leave_then_cancel)
    assert lane.is_empty


def test_documents_begun_ahead_do_not_add_turns_of_slow_ones() -> None:
    lanes = Lanes(2, 4, ahead=1)
    assert [lanes.ordinary.size, lanes.turn.size, lanes.slow.size] == [3, 2, 4]


def test_a_slow_document_leaves_its_place_to_one_that_waits() -> None:
    lanes, process = Lanes(1, 1), Process()
    with Place(lanes) as place:
        place.enter(never_cancel)
        place.begin()
        place.make_way(process, never_cancel)
        assert process.pauses == 0, "nobody waits"

        with waiting(lanes.ordinary) as entered:
            place.make_way(process, never_cancel)
            assert entered.wait(5)
        assert process.pauses == 1
        assert not lanes.slow.try_enter()
        assert not lanes.turn.try_enter()
    assert all(lane.try_enter() for lane in (lanes.ordinary, lanes.slow, lanes.turn))


def test_a_likely_slow_document_waits_for_the_slow_lane() -> None:
    lanes = Lanes(1, 1)
    with Place(lanes) as first, Place(lanes) as second:
        first.enter(never_cancel, likely_slow=True)
        assert lanes.ordinary.try_enter(), "the ordinary lane is free for others"
        with pytest.raises(CancelledError):
            second.enter(cancel, likely_slow=True)
    assert all(lane.try_enter() for lane in (lanes.slow, lanes.turn))


def test_pauses_do_not_count_as_decoding() -> None:
    class SlowlyPaused(Process):
        @contextmanager
        def paused(self) -> Iterator[None]:
            time.sleep(0.05)
            yield

    lanes = Lanes(1, 1)
    with Place(lanes) as place:
        place.enter(never_cancel)
        began = time.monotonic()
        place.begin()
        with waiting(lanes.ordinary):
            place.make_way(SlowlyPaused(), never_cancel)

        assert 0 <= place.seconds_decoding <= time.monotonic() - began - 0.05


def test_a_likely_slow_document_uses_the_ordinary_lane_if_there_is_no_other() -> None:
    lanes = Lanes(1, 0)
    with Place(lanes) as place:
        place.enter(never_cancel, likely_slow=True)
        assert not lanes.ordinary.try_enter()


@pytest.mark.parametrize(("slow", "size"), [(0, 0), (1, 2**30)], ids=["no-slow-lane", "large-process"])
def test_a_document_that_cannot_be_paused_keeps_its_place(slow: int, size: int) -> None:
    lanes, process = Lanes(1, slow), Process(size)
    with waiting_place(lanes, process) as entered:
        assert not entered.is_set()
    assert process.pauses == 0


@contextmanager
def waiting_place(lanes: Lanes, process: Process) -> Iterator[threading.Event]:
    """Let one document be asked to make way for another; leave the lanes afterwards."""
    place = Place(lanes)
    place.enter(never_cancel)
    place.begin()
    with waiting(lanes.ordinary) as entered:
        place.make_way(process, never_cancel)
        yield entered
        place.__exit__(None, None, None)


def test_documents_in_the_slow_lane_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "_TURN_SECONDS", 0.0)
    lanes, process = Lanes(1, 2), Process()
    place = Place(lanes)
    place.enter(never_cancel)
    place.begin()
    with waiting(lanes.ordinary):
        place.make_way(process, never_cancel)
    with waiting(lanes.turn) as entered:
        place.make_way(process, never_cancel)
        assert entered.is_set(), "the other had its turn"
    assert process.pauses == 2
    place.__exit__(None, None, None)
    assert lanes.turn.try_enter()


def test_a_spare_place_is_entered_only_if_no_document_waits_for_it() -> None:
    lanes = Lanes(2, 1)
    with Place(lanes) as place, Place(lanes) as spare, Place(lanes) as third:
        place.enter(never_cancel)
        assert spare.try_enter(slow=False)
        assert not third.try_enter(slow=False)
    assert [lane.free for lane in (lanes.ordinary, lanes.slow, lanes.turn)] == [2, 1, 2]


def test_a_spare_slow_place_is_only_entered_without_ordinary_documents() -> None:
    lanes = Lanes(2, 2)
    with Place(lanes) as ordinary:
        ordinary.enter(never_cancel)
        with Place(lanes) as spare:
            assert not spare.try_enter(slow=True)
    with Place(lanes) as slow, Place(lanes) as spare, Place(lanes) as third:
        slow.enter(never_cancel, likely_slow=True)
        assert spare.try_enter(slow=True)
        assert spare.is_slow
        assert not third.try_enter(slow=True)
    assert [lane.free for lane in (lanes.ordinary, lanes.slow, lanes.turn)] == [2, 2, 2]


def test_the_parts_of_a_document_count_together() -> None:
    with Place(Lanes(1, 1)) as place:
        place.enter(never_cancel)
        place.begin()
        time.sleep(0.02)
        place.begin()
        assert place.seconds_decoding >= 0.02

"""Protects: every transfer of a channel is bounded in time and size."""

import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from decoding.isolation.channel import (
    Channel,
    ChannelClosedError,
    ChannelTimeoutError,
    Deadline,
    MessageTooLargeError,
)


class CancelledError(Exception):
    """Raised by the cancel checks of these tests."""


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_messages_arrive_in_order_and_complete(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends[0], Channel(ends[1])
    messages = [b"", b"one", bytes(3_000_000), b"last"]

    def send_all() -> None:
        for message in messages:
            channel.send_message(message)

    sender = threading.Thread(target=send_all)
    sender.start()

    assert [other.receive_message(4_000_000) for _ in messages] == messages
    sender.join()


def test_an_idle_channel_has_no_input(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    assert not channel.has_input()
    other.send(b"x")
    assert channel.has_input()
    assert channel.bytes_received == 0
    channel.receive_into(memoryview(bytearray(1)))
    assert not channel.has_input()
    other.close()
    assert channel.has_input(), "the end of the stream can be read"


def test_waiting_for_input_reads_none_of_it(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    assert not channel.has_input(0.01)
    other.send(b"x")
    assert channel.has_input(10)
    assert channel.bytes_received == 0
    channel.receive_into(memoryview(bytearray(1)))
    other.close()
    assert channel.has_input(10), "the end of the stream can be read"


@pytest.mark.parametrize("sent", [b"", b"\0\0", struct.pack("!I", 9), struct.pack("!I", 9) + b"part"])
def test_an_incomplete_message_times_out(ends: tuple[Channel, socket.socket], sent: bytes) -> None:
    channel, other = ends
    other.send(sent)

    started = time.monotonic()
    with pytest.raises(ChannelTimeoutError):
        channel.receive_message(100, Deadline(0.1))

    assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("sent", [b"", b"\0\0", struct.pack("!I", 9) + b"part"])
def test_an_incomplete_message_ends_with_the_stream(ends: tuple[Channel, socket.socket], sent: bytes) -> None:
    channel, other = ends
    other.send(sent)
    other.close()

    with pytest.raises(ChannelClosedError):
        channel.receive_message(100, Deadline(60))


def test_a_message_that_trickles_times_out(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    done = threading.Event()

    def trickle() -> None:
        other.send(struct.pack("!I", 1000))
        while not done.wait(0.01):
            other.send(b"x")

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        with pytest.raises(ChannelTimeoutError):
            channel.receive_message(1000, Deadline(0.2))
    finally:
        done.set()
        sender.join()


def test_a_message_above_the_limit_is_rejected_before_memory_is_allocated(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, other = ends
    other.send(struct.pack("!I", 2**31))

    tracemalloc.start()
    with pytest.raises(MessageTooLargeError):
        channel.receive_message(100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1_000_000


def test_sending_to_a_process_that_does_not_read_times_out(ends: tuple[Channel, socket.socket]) -> None:
    with pytest.raises(ChannelTimeoutError):
        ends[0].send(bytes(10_000_000), Deadline(0.1))


def test_sending_to_a_closed_channel_fails(ends: tuple[Channel, socket.socket]) -> None:
    channel, other = ends
    other.close()

    with pytest.raises(ChannelClosedError):
        channel.send_message(b"x")


def test_a_blocked_transfer_calls_the_cancel_check(ends: tuple[Channel, socket.socket]) -> None:
    def cancel() -> None:
        raise CancelledError

    for blocked in (
        lambda: ends[0].receive_message(10, Deadline(60, cancel)),
        lambda: ends[0].send(bytes(10_000_000), Deadline(60, cancel)),
    ):
        with pytest.raises(CancelledError):
            blocked()

"""A conversion process that documents can take over: `python -m tests.support.hostile_converter FD KIND FOLDER`.

A document that `hostile_document` makes does what an attacker could do with code execution in the process.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from converter import protocol
from converter.conversion import Conversion
from decoding.isolation.channel import Channel

MODULE: Final = "tests.support.hostile_converter"


def hostile_document(behaviour: str) -> bytes:
    """Return a document (RTF) that makes its process behave in one of the ways of `BEHAVIOURS`."""
    assert behaviour in BEHAVIOURS
    return b"{\\rtf " + behaviour.encode()


def _reply(**fields: Any) -> Callable[[Channel], None]:
    head = {"pages": 3, "members": [], "skipped": []} | fields
    return lambda channel: channel.send_message(json.dumps(head).encode())


def _flood(channel: Channel) -> None:
    while True:
        channel.send(b"\0\0\0\1x")


def _trickle(channel: Channel) -> None:
    _reply(pages=10_000)(channel)
    while True:
        channel.send(b"x")
        time.sleep(0.05)


BEHAVIOURS: Final[Mapping[str, Callable[[Channel], None]]] = {
    "crash": lambda _: os.abort(),
    "sleep": lambda _: time.sleep(3600),
    "trickle": _trickle,
    "flood": _flood,
    "no json": lambda channel: channel.send_message(b"{"),
    "no object": lambda channel: channel.send_message(b"[]"),
    "huge pages": _reply(pages=10**12),
    "negative pages": _reply(pages=-1),
    "wrong members": _reply(members={"a": 1}),
    "wrong member": _reply(members=[["a"]]),
    "many members": _reply(members=[["a", 1]] * 5000),
    "long name": _reply(members=[["a" * 5000, 1]]),
    "unknown problem": _reply(problem="solved"),
}


def main(descriptor: int) -> None:
    """Take one document, and do what it says."""
    channel = Channel(socket.socket(fileno=descriptor))
    channel.send_message(protocol.READY)
    document_format, data, _ = protocol.receive_document(channel)
    behaviour = BEHAVIOURS.get(data.removeprefix(b"{\\rtf ").decode())
    if behaviour is None:
        protocol.send_conversion(channel, Conversion(document_format, b"%PDF-1.7"))
    else:
        behaviour(channel)


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Connection of the console to its stack, which may start, stop or move while the console is running."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from records.table import PolicyTable
from triptych.review.reviews import Reviews
from triptych.storage.connection import StackConnection
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class ConnectedStack:
    """The bucket and tables of a stack, with clients that are reused because creating them is slow."""

    connection: StackConnection
    name: str
    bucket: str
    s3: "S3Client"
    results: Results
    reviews: Reviews
    policies: PolicyTable

    @classmethod
    def open(cls, connection: StackConnection) -> "ConnectedStack":
        """Create the clients of a connection."""
        table = connection.table
        return cls(
            connection,
            connection.name,
            connection.bucket,
            connection.s3,
            Results(table),
            Reviews(table),
            PolicyTable(table),
        )


class StackAccess:
    """Connects to the stack at the first call, and again at the first call after `reset`.

    Args:
        find: Finds the stack. Raises `StackUnavailable` if it does not exist.
    """

    def __init__(self, find: Callable[[], StackConnection]) -> None:
        self._find = find
        self._connected: ConnectedStack | None = None
        self._lock = threading.Lock()

    def __call__(self) -> ConnectedStack:
        """Return the stack.

        Raises:
            StackUnavailable: The stack does not exist or cannot be looked up.
        """
        with self._lock:
            if self._connected is None:
                self._connected = ConnectedStack.open(self._find())
            return self._connected

    def reset(self) -> None:
        """Find the stack again at the next call, for example because it did not respond or credentials expired."""
        with self._lock:
            self._connected = None

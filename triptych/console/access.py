"""The stack behind the console. It may start later than the console, end, and come back elsewhere."""

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
class Opened:
    """A stack that was found, and what pages ask of it."""

    name: str
    bucket: str
    s3: "S3Client"
    results: Results
    reviews: Reviews
    policies: PolicyTable

    @classmethod
    def of(cls, to: StackConnection) -> "Opened":
        """Everything at a target; its clients are made once, for that takes longer than a query."""
        table = to.table
        return cls(to.name, to.bucket, to.s3, Results(table), Reviews(table), PolicyTable(table))


class Access:
    """Opens the stack when it is first asked for, and anew after `forget`.

    Args:
        find: finds the stack; raises StackUnavailable where there is none.
    """

    def __init__(self, find: Callable[[], StackConnection]) -> None:
        self._find = find
        self._opened: Opened | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Opened:
        """The stack.

        Raises:
            StackUnavailable: there is none.
        """
        with self._lock:
            if self._opened is None:
                self._opened = Opened.of(self._find())
            return self._opened

    def forget(self) -> None:
        """Look for it again next time: it did not answer, or no longer takes the credentials it was opened with."""
        with self._lock:
            self._opened = None

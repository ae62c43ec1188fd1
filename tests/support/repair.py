"""Helpers for tests of repair: a failing version, and all records of a table."""

from records.record import Record
from tests.support.servers import Behaviour, Request, valid_answer
from triptych.storage.connection import StackConnection


def all_records(stack: StackConnection) -> list[Record]:
    """Return every record of the table."""
    return [Record.from_item(item) for item in stack.table.scan()["Items"]]


def failing_version(version: str) -> Behaviour:
    """Return a behaviour in which one version fails and the others agree."""

    def behave(request: Request) -> None:
        called = request.path.split("/")[1]
        request.answer({"detail": "no"}, 500) if called == version else request.answer(valid_answer(called))

    return behave

"""A stack in want of repair: a version that fails, and what the table holds."""

from records.record import Record
from tests.support.servers import Behaviour, Request, truth
from triptych.storage.connection import StackConnection


def items(stack: StackConnection) -> list[Record]:
    """Every record, whatever its keys."""
    return [Record.from_item(item) for item in stack.table.scan()["Items"]]


def down(version: str) -> Behaviour:
    """One version fails; the others agree."""

    def behave(request: Request) -> None:
        asked = request.path.split("/")[1]
        request.answer({"detail": "no"}, 500) if asked == version else request.answer(truth(asked))

    return behave

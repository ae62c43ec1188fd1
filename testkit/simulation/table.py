"""DynamoDB in memory: conditional writes, consistent and stale reads, and indexes that lag behind.

It has the interface of boto3's `Table`, as far as the project uses it. A differential test compares it with moto.
"""

import bisect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from boto3.dynamodb.conditions import ConditionBase

from records.policy import POLICY_KEY
from testkit.simulation.aws import Client, World, error_response

Item = dict[str, Any]
Key = tuple[str, str]

INDEX_KEYS = {
    "by_time": "time_shard",
    "by_label": "label_shard",
    "by_status": "status_shard",
    "by_review": "review_shard",
}
"""Partition key of each index; the sort key is `event_time`."""

Observer = Callable[[Key, Item | None, Item | None, str], None]
"""Gets each change: the key, the item before and after it, and the actor."""


class SimulatedTable:
    """The items of a table.

    Args:
        world: The world.
        lag: Returns by how many seconds an index, or a read that is not consistent, lags behind a write.
        observe: Gets each change.
        page: Maximum number of records on a page of a query; None for no limit. On AWS, a page ends after 1 MB.
    """

    def __init__(self, world: World, lag: Callable[[], float], observe: Observer, page: int | None = None) -> None:
        self.items: dict[Key, Item] = {}
        self._past: dict[Key, list[tuple[float, Item | None]]] = {}
        self._world, self._lag, self._observe, self._page = world, lag, observe, page

    def put(self, item: Item, condition: ConditionBase | None, actor: str) -> None:
        """Write an item if the condition holds for the current one.

        Raises:
            ClientError: `ConditionalCheckFailedException`.
        """
        key = (item["document"], item["sequencer"])
        current = self.items.get(key)
        if condition is not None and not holds(condition, current or {}):
            raise error_response("ConditionalCheckFailedException", "The conditional request failed")
        self._change(key, current, item, actor)

    def delete(self, key: Key, actor: str) -> None:
        """Delete an item."""
        if current := self.items.get(key):
            self._change(key, current, None, actor)

    def _change(self, key: Key, current: Item | None, item: Item | None, actor: str) -> None:
        if item is None:
            del self.items[key]
        else:
            self.items[key] = item
        past = self._past.setdefault(key, [])
        visible_at = self._world.scheduler.now + self._lag()
        past.append((max(visible_at, past[-1][0] if past else 0.0), item))
        self._observe(key, current, item, actor)

    def stale(self) -> Iterator[Item]:
        """Yield the items as an index or a read that is not consistent returns them now."""
        now = self._world.scheduler.now
        for past in self._past.values():
            position = bisect.bisect_right(past, now, key=lambda entry: entry[0])
            if position and (item := past[position - 1][1]):
                yield item

    def query(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a query, one page of it."""
        index = arguments.get("IndexName")
        items = self.items.values() if arguments.get("ConsistentRead") else self.stale()
        hash_key, sort_key = (INDEX_KEYS[index], "event_time") if index else ("document", "sequencer")
        condition = arguments["KeyConditionExpression"]
        found = [item for item in items if hash_key in item and sort_key in item and holds(condition, item)]
        order = [sort_key, "document", "sequencer"]
        found.sort(key=lambda item: [item[name] for name in order], reverse=not arguments.get("ScanIndexForward", True))
        if start := arguments.get("ExclusiveStartKey"):
            found = found[_position_after(found, start) :]
        page = found[: min(arguments.get("Limit", len(found)), self._page_size(found))]
        answer: dict[str, Any] = {"Count": len(page)}
        if arguments.get("Select") != "COUNT":
            answer["Items"] = page
        if page and (len(page) < len(found) or len(page) == arguments.get("Limit")):
            names = {"document", "sequencer", hash_key, sort_key}
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer

    def _page_size(self, found: list[Item]) -> int:
        """Return how many of the items fit on a page. Policies are small, so that all of them do."""
        if self._page is None or (found and found[0]["document"] == POLICY_KEY):
            return len(found)
        return self._page


def _position_after(found: list[Item], start: Item) -> int:
    keys = [(item["document"], item["sequencer"]) for item in found]
    return keys.index((start["document"], start["sequencer"])) + 1


def holds(condition: ConditionBase, item: Item) -> bool:
    """Return whether a condition of boto3 holds for an item."""
    expression = condition.get_expression()
    operator, values = expression["operator"], expression["values"]
    if operator == "AND":
        return holds(values[0], item) and holds(values[1], item)
    name = values[0].name
    if operator == "attribute_not_exists":
        return name not in item
    if name not in item:
        return False
    if operator == "=":
        return bool(item[name] == values[1])
    if operator == "BETWEEN":
        return bool(values[1] <= item[name] <= values[2])
    raise NotImplementedError(f"the simulated table has no operator {operator}")


class TableClient:
    """A client of the table, with the interface of boto3's `Table`.

    Args:
        table: The table.
        client: How requests reach it.
        known: Fields that the client's code reads and writes; None for all. Code of an earlier version drops others.
    """

    def __init__(self, table: SimulatedTable, client: Client, known: Callable[[Item], Item] | None = None) -> None:
        self._table, self._client = table, client
        self._known = known or (lambda item: item)

    def get_item(self, *, Key: Mapping[str, str], ConsistentRead: bool = False) -> dict[str, Any]:  # noqa: N803
        """Read an item."""
        key = (Key["document"], Key["sequencer"])

        def read() -> Item | None:
            if ConsistentRead:
                return self._table.items.get(key)
            return next((item for item in self._table.stale() if (item["document"], item["sequencer"]) == key), None)

        item = self._client.call(read)
        return {"Item": self._known(item)} if item else {}

    def put_item(self, *, Item: Item, ConditionExpression: ConditionBase | None = None) -> dict[str, Any]:  # noqa: N803
        """Write an item."""
        item = self._known(Item)
        task = self._client.world.scheduler.current
        actor = task.actor if task else ""
        self._client.call(lambda: self._table.put(item, ConditionExpression, actor))
        return {}

    def query(self, **arguments: Any) -> dict[str, Any]:
        """Answer a query."""
        answer = self._client.call(lambda: self._table.query(arguments))
        if "Items" in answer:
            answer["Items"] = [self._known(item) for item in answer["Items"]]
        return answer

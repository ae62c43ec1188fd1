"""The journal: changes of the table since the emulator last saved its state.

The emulator writes objects to disk at once, but items only when it stops cleanly. So a process of the stack follows the
table's stream and appends every change to a file. After a crash, the next start applies the file to the saved state.
Records carry the number of their revision, and policies never change, so that a change is applied at most once.

    python -m triptych.stack.journal ENDPOINT TABLE FILE
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from triptych.stack import environment
from triptych.stack.home import REPOSITORY, Home
from triptych.stack.processes import ManagedProcess, start_process

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodbstreams.client import DynamoDBStreamsClient

_PAUSE_S = 0.2
"""Seconds between two reads of a stream without changes. A crash loses at most the changes of this time."""

_WRITERS = 8

_Item = dict[str, Any]
"""An item, or its key, as the API represents it: `{"document": {"S": "inbox/a.pdf"}, …}`."""


@dataclass(frozen=True)
class Change:
    """One change of an item.

    Attributes:
        key: The item's key.
        item: The item after the change, or None if it was deleted.
        revision: Revision of the record that the change wrote or deleted; None for a policy.
    """

    key: _Item
    item: _Item | None
    revision: str | None

    @classmethod
    def from_stream(cls, change: dict[str, Any]) -> "Change":
        """Read a record of the table's stream."""
        new, old = change.get("NewImage"), change.get("OldImage", {})
        return cls(change["Keys"], new, (new or old).get("revision", {}).get("N"))

    def as_json(self) -> str:
        """Return the change as one line of the file."""
        return json.dumps({"key": self.key, "item": self.item, "revision": self.revision}, separators=(",", ":"))


class Journal:
    """The file. It contains one change per line, oldest first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, changes: Iterable[Change]) -> None:
        """Append changes. They are on disk when this returns."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{change.as_json()}\n" for change in changes)
            file.flush()
            os.fsync(file.fileno())

    def changes(self) -> Iterator[Change]:
        """Yield the changes. A line that a crash left incomplete ends the file."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield Change(**json.loads(line))
                except (ValueError, TypeError):
                    return

    def compact(self) -> list[list[Change]]:
        """Drop the changes that later ones replace, and return the others by item.

        An item has a deletion, of the highest revision that was deleted, and its last write after that, if any.
        """
        by_key: dict[str, list[Change]] = {}
        for change in self.changes():
            deletions = [earlier for earlier in by_key.get(json.dumps(change.key), []) if earlier.item is None]
            if change.item is None:
                by_key[json.dumps(change.key)] = [max([*deletions, change], key=_revision_number)]
            else:
                by_key[json.dumps(change.key)] = [*deletions, change]
        draft = Journal(self._path.with_suffix(".draft"))
        draft.remove()
        draft.append(change for changes in by_key.values() for change in changes)
        draft._path.replace(self._path)
        return list(by_key.values())

    def remove(self) -> None:
        """Delete the file: the emulator has saved what it contains."""
        self._path.unlink(missing_ok=True)


def _revision_number(change: Change) -> int:
    return int(change.revision or 0)


def restore(journal: Journal, client: "DynamoDBClient", table: str) -> int:
    """Apply the changes to a table, except those that it contains, and return the number of items in the journal."""

    def restore_item(changes: list[Change]) -> None:
        for change in changes:
            _apply(change, client, table)

    items = journal.compact()
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(restore_item, items))
    return len(items)


def _apply(change: Change, client: "DynamoDBClient", table: str) -> None:
    """Write or delete one item, unless the table has the same or a later revision of it."""
    arguments: dict[str, Any] = {"TableName": table}
    conditions = [] if change.item is None else ["attribute_not_exists(document)"]
    if change.revision is not None:
        conditions.append("revision <= :revision" if change.item is None else "revision < :revision")
        arguments["ExpressionAttributeValues"] = {":revision": {"N": change.revision}}
    if conditions:
        arguments["ConditionExpression"] = " OR ".join(conditions)
    try:
        if change.item is None:
            client.delete_item(Key=change.key, **arguments)
        else:
            client.put_item(Item=change.item, **arguments)
    except client.exceptions.ConditionalCheckFailedException:
        return


def follow_stream(
    client: "DynamoDBClient", streams: "DynamoDBStreamsClient", table: str, *, sleep: Callable[[float], None]
) -> Iterator[list[Change]]:
    """Yield the changes of a table, from the oldest in its stream, without end.

    Raises:
        ClientError: The table has no stream, or it was replaced by another stream.
        BotoCoreError: The emulator does not respond.
    """
    stream = client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator: str | None = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        if page["Records"]:
            yield [Change.from_stream(dict(record["dynamodb"])) for record in page["Records"]]
        else:
            sleep(_PAUSE_S)
        iterator = page.get("NextShardIterator")


def start_journal(home: Home, endpoint_url: str, table: str) -> ManagedProcess:
    """Start the process that writes the journal of a table."""
    return start_process(
        [sys.executable, "-m", "triptych.stack.journal", endpoint_url, table, str(home.journal)],
        environment=environment.aws_environment(home),
        log=home.logs / "journal.log",
        cwd=REPOSITORY,
    )


def write_stream(journal: Journal, follow: Callable[[], Iterator[list[Change]]]) -> None:
    """Write the changes of a stream from its beginning, until it or the disk fails.

    Compacting first removes a line that the disk had no space for, so that nothing is written after it.

    Args:
        journal: Receives the changes.
        follow: Follows the stream.
    """
    try:
        journal.compact()
        for changes in follow():
            journal.append(changes)
    except (BotoCoreError, ClientError, KeyError, OSError) as error:
        with suppress(OSError):  # the log is on the same disk
            print(f"{type(error).__name__}: {error}", flush=True)


def main() -> None:
    """Write the journal until the process is stopped."""
    endpoint_url, table, path = sys.argv[1:]
    session = environment.local_session()
    client: DynamoDBClient = session.client("dynamodb", endpoint_url=endpoint_url)
    streams: DynamoDBStreamsClient = session.client("dynamodbstreams", endpoint_url=endpoint_url)
    journal = Journal(Path(path))
    while True:
        write_stream(journal, lambda: follow_stream(client, streams, table, sleep=time.sleep))
        time.sleep(1)  # the emulator restarts, another deployment replaces the table's stream, or the disk is full


if __name__ == "__main__":
    main()

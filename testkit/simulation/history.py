"""Runs one scenario, and checks every guarantee."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import RecordConflict
from records.keys import timestamp
from records.record import Record
from testkit.simulation import scenario as scenarios
from testkit.simulation.aws import World
from testkit.simulation.bucket import SimulatedBucket
from testkit.simulation.cooperation import Current
from testkit.simulation.function import SimulatedFunction
from testkit.simulation.people import BUCKET, People
from testkit.simulation.queue import SimulatedQueue
from testkit.simulation.reference import POLICIES, Reference, UploadFact, Violation
from testkit.simulation.scenario import REPAIR_AT, FaultSource, Scenario
from testkit.simulation.scheduler import Process, Scheduler
from testkit.simulation.services import ServiceSession
from testkit.simulation.stream import SimulatedStream
from testkit.simulation.table import Item, Key, SimulatedTable
from triptych.errors import TriptychError
from triptych.review.reviews import CannotReview
from triptych.storage.results import RecordQuery

_END = REPAIR_AT + 4000


_PAGE = 2
"""Maximum number of records on a page of a query, so that a few records need several pages."""

_SAME_MOMENT_S = 0.002
"""Labels of one reviewer that are less than this apart may have the same time: a record has milliseconds."""


@dataclass(frozen=True)
class Result:
    """The result of one history.

    Attributes:
        scenario: What happened, with all faults.
        violations: The guarantees that did not hold.
        trace: What was written and answered, in order of time.
        items: The items of the table at the end.
    """

    scenario: Scenario
    violations: tuple[Violation, ...]
    trace: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def records(self) -> list[Record]:
        """The records at the end."""
        return [Record.from_item(item) for item in self.items if item["document"] != POLICIES]


class History:
    """One history of the whole system.

    Args:
        scenario: What happens.
        faults: What happens to single requests.
    """

    def __init__(self, scenario: Scenario, faults: FaultSource) -> None:
        outages = tuple(each for each in scenario.actions if isinstance(each, scenarios.Outage))
        rollouts = tuple(each for each in scenario.actions if isinstance(each, scenarios.NewWeights))
        self._scenario, self._faults = scenario, faults
        self._scheduler = Scheduler()
        self._world = World(self._scheduler, faults, outages)
        self._reference = Reference(lambda: self._scheduler.now, punctual=faults.none and not outages)
        self._table = SimulatedTable(self._world, lambda: scenario.index_lag, self._wrote, _PAGE)
        self._bucket = SimulatedBucket(self._scheduler, versioned=scenario.versioned)
        self._dead_letters = SimulatedQueue(self._world)
        self._function = SimulatedFunction(
            self._world,
            self._bucket,
            self._table,
            self._dead_letters,
            scenario.codes,
            scenario.clock_errors,
            by_address=scenario.by_address,
        )
        self._people = People(self._world, self._table, self._bucket, self._dead_letters, self._function.invoke)
        self._stream = SimulatedStream(self._world) if scenario.events else None
        self._facts: list[tuple[UploadFact, str]] = []
        self._labels: dict[str, scenarios.Label] = {}
        self._trace: list[tuple[Any, ...]] = []
        Current.scheduler = self._scheduler
        Current.session = ServiceSession(self._world, rollouts, self._bucket, BUCKET)
        Current.worker = self._function.current_worker

    def run(self) -> Result:
        """Run the scenario, end all faults, let an operator repair, and check."""
        numbers: Counter[type] = Counter()
        for action in self._scenario.actions:
            numbers[type(action)] += 1  # by kind, so that other actions can be removed without renaming this one
            self._scheduler.call_at(action.at, self._starter(numbers[type(action)], action))
        try:
            self._scheduler.run(REPAIR_AT)
            self._check_that_nothing_is_lost()
            self._faults.end()
            self._bucket.archived = False
            self._command("repair", self._repair)
            self._scheduler.run(_END)
            self._check_the_end()
        finally:
            self._scheduler.close()
        final = replace(self._scenario, faults=self._faults.noted)
        trace = tuple(" ".join(map(str, entry)) for entry in self._trace)
        return Result(final, tuple(self._reference.violations), trace, tuple(self._table.items.values()))

    # What happens.

    def _starter(self, number: int, action: scenarios.Action) -> Callable[[], object]:
        people = self._people
        match action:
            case scenarios.Put():
                return lambda: self._put(action)
            case scenarios.Delete():
                return lambda: self._bucket.delete(action.key)
            case scenarios.Archive():
                self._scheduler.call_at(action.until, lambda: setattr(self._bucket, "archived", False))
                return lambda: setattr(self._bucket, "archived", True)
            case scenarios.Label():
                name = f"label {number} by {action.by}"
                self._labels[name] = action
                return lambda: self._command(name, lambda me: people.label(me, self._key(action.upload), action))
            case scenarios.Undo():
                name = f"undo {number} by {action.by}"
                return lambda: self._command(name, lambda me: people.undo(me, self._key(action.upload), action))
            case scenarios.Promote():
                return lambda: self._command(f"promote {number}", lambda me: people.promote(me, action))
            case scenarios.Redrive():
                return lambda: self._command(f"redrive {number}", lambda _: people.redrive())
            case scenarios.Backfill():
                return lambda: self._command(f"backfill {number}", people.backfill)
            case _:  # outages and rollouts are facts of the world
                return lambda: None

    def _put(self, put: scenarios.Put) -> None:
        """Store an object, and let S3 announce it."""
        stored = self._bucket.put(put.key, put.content)
        number = len(self._facts)
        versioned = self._scenario.versioned
        identity = stored.version_id if versioned else stored.etag
        fact = UploadFact(number, f"{BUCKET}/{put.key}", identity, put.content, bool(put.deliveries))
        sequencer = f"{0x55AED6DCD90281E5 + number:016X}"
        self._facts.append((fact, sequencer.ljust(32, "0")))
        self._reference.uploads[fact.document, identity] = fact
        described = {"key": quote_plus(put.key), "size": len(put.content), "eTag": stored.etag, "sequencer": sequencer}
        event = {
            "Records": [
                {
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "eventTime": timestamp(self._scheduler.wall_clock()),
                    "s3": {
                        "bucket": {"name": BUCKET},
                        "object": described | ({"versionId": stored.version_id} if versioned else {}),
                    },
                }
            ]
        }
        deliver = self._function.enqueue if self._scenario.queued else self._function.deliver
        for delivery, delay in enumerate(put.deliveries, 1):
            name = f"event {number + 1}.{delivery}"
            self._scheduler.call_at(self._scheduler.now + delay, lambda name=name: deliver(event, name))  # type: ignore[misc]

    def _command(self, name: str, run: Callable[[Process], object]) -> None:
        """Run a user's command in a separate process."""
        process = Process(self._scheduler, name)

        def report() -> None:
            error = outcome.error
            self._trace.append((f"{self._scheduler.now:9.3f}", name, "ended" if error is None else repr(error)))
            if error is not None and not isinstance(error, TriptychError | BotoCoreError | ClientError):
                self._reference.fail(22, f"{name} raised {error!r}")
            self._check_command(name, error)

        outcome = self._scheduler.spawn(lambda: run(process), process, name)
        outcome.on_done = report

    def _repair(self, process: Process) -> None:
        """Follow the runbook after an incident: backfill, then redrive. Indexes have caught up before."""
        records = [self._record(fact, final=True) for fact, _ in self._facts]
        incomplete = [record for record in records if record is None or record["status"] != "COMPLETE"]
        if incomplete:
            self._people.backfill(process)
            self._scheduler.pause(10)
        if incomplete or self._dead_letters.messages:
            self._scheduler.pause(1000)  # a killed redrive hides messages for a while
            self._people.redrive()

    def _key(self, number: int) -> Key:
        fact, sequencer = self._facts[number] if number < len(self._facts) else self._facts[0]
        return self._reference.records.get((fact.document, fact.identity), (fact.document, sequencer))

    # Checks.

    def _wrote(self, key: Key, before: Item | None, after: Item | None, actor: str) -> None:
        what = f"{after.get('status', 'policy')} revision {after.get('revision', '')}" if after else "deleted"
        self._trace.append((f"{self._scheduler.now:9.3f}", actor, "wrote", *key, what))
        if self._stream and after and key[0] != POLICIES:
            self._stream.append(before, after)
        try:
            self._reference.wrote(key, before, after, actor)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            self._reference.fail(18, f"{actor} wrote {key} in a form that cannot be read: {error!r}")

    def _check_command(self, name: str, error: BaseException | None) -> None:
        """Check that a label was stored or removed if that was acknowledged, and not if it was refused."""
        if name.startswith(("label", "undo")):
            writes, kind, by = self._reference.label_writes, name.split()[0], name.split()[-1]
            # Another undo of the same reviewer may have removed the same label.
            same = [each for each in writes if kind == "undo" and each.startswith(kind) and each.endswith(by)]
            same += self._repetitions_of(name)
            done, refused = any(map(writes.get, [name, *same])), isinstance(error, CannotReview)
            self._reference.expect(12, error is not None or done, f"{name} returned, but changed nothing")
            self._reference.expect(
                12, not (refused and writes.get(name)), f"{name} was refused, but changed the labels"
            )
        if name.startswith("promote"):
            written = name in self._reference.promoted
            self._reference.expect(15, written or error is not None, f"{name} returned, but wrote no policy")
            conflict = isinstance(error, TriptychError) and isinstance(
                error.__cause__ or error.__context__, RecordConflict
            )
            self._reference.expect(15, not (written and conflict), f"{name} wrote a policy, but said {error}")

    def _repetitions_of(self, name: str) -> list[str]:
        """Return the commands with which the reviewer assigned the same label in the same millisecond: one act."""
        label = self._labels.get(name)
        return [
            other
            for other, each in self._labels.items()
            if label and replace(each, at=label.at) == label and abs(each.at - label.at) < _SAME_MOMENT_S
        ]

    def _record(self, fact: UploadFact, *, final: bool) -> Item | None:
        """Return the record of an upload, or None if there is none, or it is not final and should be."""
        key = self._reference.records.get((fact.document, fact.identity))
        item = self._table.items.get(key) if key else None
        return None if item and final and not is_final(item) else item

    def _check_that_nothing_is_lost(self) -> None:
        dead = "".join(message.body for message in self._dead_letters.messages.values())
        for fact, sequencer in self._facts:
            known = self._record(fact, final=True) or sequencer[:16] in dead or not fact.announced
            # The caller of a synchronous invocation learns what is missing.
            known = known or "invocation" in self._reference.last_writer.get((fact.document, fact.identity), "")
            self._reference.expect(3, bool(known), f"upload {fact.number} has no final record and no dead letter")

    def _check_the_end(self) -> None:
        expect = self._reference.expect
        expect(19, not self._dead_letters.messages, "dead letters are left after a redrive")
        uploaded = {fact.document.partition("/")[2] for fact, _ in self._facts}
        expect(20, set(self._bucket.listed()) <= uploaded, f"objects were written that nobody uploaded: {uploaded}")
        for fact, _ in self._facts:
            current = self._bucket.find(fact.document.partition("/")[2])
            listed = current is not None and current.content == fact.content
            if fact.announced or listed:
                item = self._record(fact, final=False)
                status = item["status"] if item else "no record"
                expect(4, bool(item) and is_final(item or {}), f"upload {fact.number} ends with {status}")
                if item and listed and status != "COMPLETE":
                    rejected = any(
                        each.get("error", {}).get("kind") == "rejected" for each in item["predictions"].values()
                    )
                    expect(4, rejected, f"upload {fact.number} is readable, but ends with {status}")
        if self._stream:
            self._reference.check_events(self._stream.sent, self._stream.kept)
        if self._scenario.index_lag > 1:  # a query costs as much as an invocation, and this is where it may differ
            self._command("query", self._query)
        self._scheduler.run(_END + 100)

    def _query(self, _: Process) -> None:
        """Check that a query of an index returns all records."""
        found = self._people.results.newest(RecordQuery.where(), limit=20)
        keys = {(record.upload.document, record.upload.sort_key): record.revision for record in found}
        stored = {key: item["revision"] for key, item in self._table.items.items() if key[0] != POLICIES}
        self._reference.expect(17, keys == stored, f"the index returns {keys}, the table contains {stored}")


def is_final(item: Item) -> bool:
    """Return whether no retry can improve a record, as docs/architecture.md defines it."""
    permanent = {"deleted", "superseded", "archived", "too-slow", "empty", "too-large"}
    return item["status"] in ("COMPLETE", "REJECTED") or (
        item["status"] == "PARTIAL" and item.get("reason", {}).get("kind") in permanent
    )


def run_scenario(scenario: Scenario, faults: FaultSource | None = None) -> Result:
    """Run a scenario, with its own faults unless others are given. `cooperative` must be active."""
    return History(scenario, faults or FaultSource(scenario.faults)).run()


def run_seed(seed: int) -> Result:
    """Generate and run the scenario of a seed. `cooperative` must be active."""
    return run_scenario(*scenarios.generate(seed))

"""The events of one history, as data that can be generated from a seed, printed, shrunk and replayed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

CONTENTS = (b"letter", b"invoice", b"receipt", b"unreadable")
"""Contents of documents. No version can read the last one."""

KEYS = ("a.pdf", "b.pdf")
REVIEWERS = ("ann", "bo")
OPERATORS = ("olga", "otto")
LABELS = ("invoice", "receipt", "none-of-these")

REPAIR_AT = 3600.0
"""Seconds after the start at which all faults end and an operator repairs what they left."""


@dataclass(frozen=True)
class Put:
    """An upload, and the delays of its events. Without a delay, the event is lost."""

    at: float
    key: str
    content: bytes
    deliveries: tuple[float, ...] = (0.1,)


@dataclass(frozen=True)
class Delete:
    """The deletion of the newest version of a key."""

    at: float
    key: str


@dataclass(frozen=True)
class Archive:
    """A lifecycle rule that archives all objects, and their restoration."""

    at: float
    until: float


@dataclass(frozen=True)
class Label:
    """A reviewer labels the record of an upload, given by its number."""

    at: float
    by: str
    upload: int
    label: str


@dataclass(frozen=True)
class Undo:
    """A reviewer removes the own label from the record of an upload."""

    at: float
    by: str
    upload: int


@dataclass(frozen=True)
class Promote:
    """An operator writes a new policy."""

    at: float
    by: str
    weights: tuple[tuple[str, float], ...] | None = None
    audit_share: float | None = None


@dataclass(frozen=True)
class Redrive:
    """An operator runs `triptych redrive`."""

    at: float


@dataclass(frozen=True)
class Backfill:
    """An operator runs `triptych backfill`."""

    at: float


@dataclass(frozen=True)
class NewWeights:
    """A rollout of new weights of a version: until the end, old and new tasks answer in turn."""

    at: float
    version: str
    until: float


@dataclass(frozen=True)
class Outage:
    """A period in which every request to a service fails in one way."""

    at: float
    until: float
    service: str
    fault: str


Action = Put | Delete | Archive | Label | Undo | Promote | Redrive | Backfill | NewWeights | Outage


@dataclass(frozen=True)
class Fault:
    """The fault of one request: its kind, and seconds that the request takes."""

    kind: str
    seconds: float = 0.01


@dataclass(frozen=True)
class Scenario:
    """One history.

    Attributes:
        actions: What people, S3 and the services do.
        faults: What happens to single requests, by actor and number of the request. Others succeed at once.
        versioned: Whether the bucket has versions.
        queued: Whether events reach the function through a queue.
        codes: Versions of the function's code that run at the same time; see `testkit.simulation.function`.
        clock_errors: Seconds by which the clocks of the function's processes are fast, in turn.
        index_lag: Seconds by which indexes, and reads that are not consistent, lag behind a write.
        events: Whether changes of records are published as events.
        by_address: Whether the versions receive addresses, and read objects themselves.
    """

    actions: tuple[Action, ...] = ()
    faults: dict[tuple[str, int], Fault] = field(default_factory=dict)
    versioned: bool = True
    queued: bool = False
    codes: tuple[str, ...] = ("current",)
    clock_errors: tuple[float, ...] = (0.0,)
    index_lag: float = 0.0
    events: bool = False
    by_address: bool = False

    def __repr__(self) -> str:
        """Return Python source without the values that are the default."""
        return source_of(self)


def source_of(value: Any) -> str:
    """Return the Python source of a value of this module, without the fields that have their default."""
    if isinstance(value, tuple) and not hasattr(value, "__dataclass_fields__"):
        inner = ", ".join(map(source_of, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {source_of(each)}" for key, each in value.items()) + "}"
    if not hasattr(value, "__dataclass_fields__"):
        return repr(value)
    simplest = Scenario() if isinstance(value, Scenario) else None
    parts = [
        f"{each.name}={source_of(getattr(value, each.name))}"
        for each in fields(value)
        if simplest is None or getattr(value, each.name) != getattr(simplest, each.name)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"


def generate(seed: int) -> tuple[Scenario, "FaultSource"]:
    """Return a scenario, and the source that draws and notes its faults while it runs."""
    rng = random.Random(seed)
    versioned = rng.random() < 0.8
    scenario = Scenario(
        actions=tuple(sorted(_actions(rng, versioned), key=lambda action: action.at)),
        versioned=versioned,
        queued=rng.random() < 0.25,
        codes=rng.choice([("current",)] * 5 + [("current", "previous"), ("current", "next"), ("next", "current")]),
        clock_errors=rng.choice([(0.0,), (0.0,), (0.0, 2.0), (-5.0, 20.0), (20.0, -20.0)]),
        index_lag=rng.choice([0.0, 0.05, 0.5, 5.0]),
        events=rng.random() < 0.25,
        by_address=rng.random() < 0.25,
    )
    return scenario, FaultSource({}, rng, rate=rng.choice([0.0, 0.05, 0.15, 0.15, 0.4]))


_MOMENTS = (1.2, 1.5, 3.0, 61.0, 61.2, 121.3, 181.3, 662.0, 700.3)
"""Times shortly after which something else may happen: first attempts, retries, and late events."""


def _actions(rng: random.Random, versioned: bool) -> Iterator[Action]:
    puts = rng.choice([1, 1, 1, 2, 2, 3])
    keys = KEYS if rng.random() < 0.4 else KEYS[:1]
    for number in range(puts):
        at = 1.0 + rng.choice([0.0, 0.05, 2.0, 60.0]) * number
        content = rng.choices(CONTENTS, [6, 6, 6, 1])[0] + b"-%d" % number
        yield Put(at, rng.choice(keys), content, _deliveries(rng))
    yield from _reviews(rng, puts)
    if rng.random() < 0.25:
        for number in range(rng.choice([1, 2])):
            at = rng.choice(_MOMENTS) - 1 + rng.random() * 0.1 * number
            yield _promotion(rng, at, OPERATORS[number])
    yield from _changes(rng, keys, versioned)
    yield from _repairs(rng)


def _reviews(rng: random.Random, puts: int) -> Iterator[Action]:
    for _ in range(rng.choice([0, 0, 0, 1, 2, 3])):
        at, upload = rng.choice(_MOMENTS) + rng.random() * 0.3, rng.randrange(puts)
        by = rng.choice(REVIEWERS)
        yield Label(at, by, upload, rng.choice(LABELS)) if rng.random() < 0.7 else Undo(at, by, upload)


def _changes(rng: random.Random, keys: tuple[str, ...], versioned: bool) -> Iterator[Action]:
    """Yield changes of services and objects."""
    if rng.random() < 0.2:
        yield NewWeights(rng.choice(_MOMENTS) - 0.3, rng.choice(["v1", "v2", "v3"]), rng.choice([100.0, 1000.0]))
    if rng.random() < 0.12:
        yield Delete(rng.choice(_MOMENTS) - 0.2, rng.choice(keys))
    if versioned and rng.random() < 0.06:
        yield Archive(rng.choice(_MOMENTS) - 0.2, rng.choice([90.0, 1000.0]))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        at = rng.choice([0.0, 0.0, 1.2, 60.0, 650.0])
        service, fault = rng.choice(OUTAGES)
        yield Outage(at, at + rng.choice([0.5, 30.0, 150.0, 900.0]), service, fault)


def _repairs(rng: random.Random) -> Iterator[Action]:
    if rng.random() < 0.15:
        at = rng.choice([300.0, 300.0, 61.2, 700.2])
        if at == 300.0 and rng.random() < 0.5:  # there is a dead letter, which cannot be finished yet
            yield Outage(0.0, 900.0, rng.choice(["v1", "v2", "v3"]), "error")
        yield Redrive(at)
    if rng.random() < 0.12:
        yield Backfill(rng.choice([662.05, 700.2, 1300.0]))


def _deliveries(rng: random.Random) -> tuple[float, ...]:
    return rng.choice(
        [(0.1,)] * 8 + [(0.1, 0.1), (0.1, 0.13), (0.1, 61.0), (5.0, 0.1), (660.0,), (0.1, 700.0), (700.0, 700.0), ()]
    )


def _promotion(rng: random.Random, at: float, by: str) -> Promote:
    if rng.random() < 0.3:
        return Promote(at, by, audit_share=rng.choice([0.0, 0.5, 1.0]))
    weights = rng.choice([(("v2", 1.0),), (("v1", 1.0), ("v3", 2.0)), (("v1", 1.0), ("v2", 1.0), ("v3", 1.0))])
    return Promote(at, by, weights)


MODEL_FAULTS = ("unreachable", "overloaded", "error", "hang", "lying", "truncated", "other-model", "rejects")
OUTAGES = (
    *[(version, fault) for version in ("v1", "v2", "v3") for fault in MODEL_FAULTS],
    *[("models", fault) for fault in ("unreachable", "overloaded", "hang")],
    *[("table", fault) for fault in ("throttled", "lost-request", "lost-answer")],
    *[("bucket", fault) for fault in ("throttled", "denied")],
)
"""Services that may fail for a while, and how."""

_KINDS = {
    "table": ("slow", "slow", "slow", "throttled", "lost-request", "lost-answer", "delayed", "kill"),
    "bucket": ("slow", "slow", "throttled", "lost-request", "kill"),
    "queue": ("slow", "throttled", "lost-answer"),
    "invoke": ("slow", "lost-answer", "throttled"),
    "events": ("slow", "throttled", "lost-request", "lost-answer", "kill"),
    "event": ("throttled", "throttled", "refused"),
    "model": ("slow", "slow", "kill", *MODEL_FAULTS),
}
"""Kinds of faults of single requests, by service."""

_DURATIONS = (0.002, 0.03, 0.06, 0.12, 0.3, 0.8, 1.5, 4.0)


class FaultSource:
    """The faults of single requests: given ones, and others that are drawn and noted.

    Args:
        given: Faults by actor and number of the request.
        rng: Draws further faults; None to replay only.
        rate: Share of requests with a fault.

    Attributes:
        noted: All faults so far.
        ended: Whether all further requests succeed.
    """

    def __init__(
        self, given: dict[tuple[str, int], Fault], rng: random.Random | None = None, rate: float = 0.0
    ) -> None:
        self.noted = dict(given)
        self._rng = rng if rate else None
        self._rate = rate
        self._requests: dict[str, int] = {}
        self.ended = False

    @property
    def none(self) -> bool:
        """Whether all requests succeed at once."""
        return self._rng is None and not self.noted

    def next(self, actor: str, service: str) -> Fault | None:
        """Return what happens to the next request of an actor; None if it succeeds at once."""
        number = self._requests[actor] = self._requests.get(actor, 0) + 1
        rng = self._rng
        if rng is None:
            return self.noted.get((actor, number))
        if rng.random() >= self._rate:
            return None
        fault = Fault(rng.choice(_KINDS[service]), rng.choice(_DURATIONS))
        self.noted[actor, number] = fault
        return fault

    def end(self) -> None:
        """Let all further requests succeed."""
        self.ended = True

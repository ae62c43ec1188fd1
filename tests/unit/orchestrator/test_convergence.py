"""Protects the central promise: whatever is delivered, in any order, any number of times, and wherever a handler dies,
each upload ends in exactly one correct record, and no prediction and no label is ever lost or changed."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestrator.pipeline import Budget, Pipeline
from orchestrator.preparation import Preparation
from orchestrator.request_body import Content
from records.addresses import ObjectAddress
from records.errors import DocumentRejected, DocumentUnavailable, RecordConflict, RecordsUnavailable
from records.outcomes import Outcome, Prediction
from records.record import Record, Status
from records.reviews import Queue
from records.uploads import Upload, audit_number
from records.verdict import combine
from tests.support.examples import examples
from tests.support.pipelines import FakeDerived
from tests.support.uploads import NOON, FixedPolicy, model_failure, policy, prediction, upload
from triptych.review.reviews import CannotReview, Reviews

VERSIONS = ("v1", "v2", "v3")
UPLOADS = [
    upload(
        name, sequencer=f"00{number:016X}", event_time=NOON + timedelta(seconds=number), version_id=f"{name}-{number}"
    )
    for name in ("a.pdf", "b.pdf")
    for number in (1, 2)
]


POLICIES = {
    made.id: made
    for made in (
        policy(1, weights={}, champion="", audit_share=0.5),
        policy(2, weights={"v2": 1.0}, champion="v2", audit_share=0.0),
        policy(3, weights={"v1": 1.0, "v3": 2.0}, champion="v3", audit_share=1.0),
    )
}
REVIEWERS = ("ann", "bo")
LABELS = ("invoice", "receipt")


class Died(Exception):
    """The handler's process was killed."""


def true_prediction(version: str, document: bytes) -> Prediction:
    """Return a version's prediction for a document, which differs between versions and between documents."""
    return prediction(confidence=0.5 + sum(document + version.encode()) % 400 / 1000)


class EmptyTable:
    """A table without policies. Records are in the world."""

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": []}


class World:
    """Bucket, versions and table, with the faults that they currently have.

    Attributes:
        by_address: Whether versions receive addresses.
        denied: Versions that may not read objects.
        deleted_after: The version after whose read the object is deleted; empty for none.
    """

    versions = VERSIONS

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Record] = {}
        self.predicted: set[tuple[str, str, str]] = set()
        self.down: set[str] = set()
        self.by_address = False
        self.denied: set[str] = set()
        self.deleted_after = ""
        self.gone: set[tuple[str, str]] = set()
        self.storage_fails = self.table_fails = False
        self.dies_before_write = self.dies_after_write = False
        self.before_save: Callable[[], object] | None = None

    def accepts(self, size: int) -> bool:
        return True

    def read(self, upload: Upload) -> bytes:
        if self.storage_fails:
            raise DocumentUnavailable("storage-error", "slow down")
        if (upload.document, upload.sort_key) in self.gone:
            raise DocumentRejected("deleted", "gone")
        return str(upload.version_id).encode()

    def read_themselves(self, address: ObjectAddress, size: int) -> bool:
        return self.by_address

    def predict(
        self,
        document: Content,
        *,
        versions: Iterable[str],
        deadline: float,
        trace_id: str = "",
        address: ObjectAddress | None = None,
    ) -> Mapping[str, Outcome]:
        return {version: self.outcome(version, document, address) for version in versions}

    def outcome(self, version: str, document: Content, address: ObjectAddress | None) -> Outcome:
        """Return a version's outcome. If it cannot read the object, it gets the content."""
        if version in self.down:
            return model_failure("unreachable")
        [of] = [each for each in UPLOADS if each.address == address]
        problem = self.problem(of, version)
        content = document if isinstance(document, bytes) else str(of.version_id).encode()
        if problem and not isinstance(document, bytes):
            read = document.result()
            if not isinstance(read, bytes):
                return replace(model_failure("rejected"), problem=problem)
            content = read
        if version == self.deleted_after:
            self.gone.add((of.document, of.sort_key))
        return true_prediction(version, content)

    def problem(self, of: Upload, version: str) -> str | None:
        """Return why a version cannot read an object."""
        if self.storage_fails:
            return "unavailable"
        if (of.document, of.sort_key) in self.gone:
            return "object-gone"
        return "object-denied" if version in self.denied else None

    def find(self, upload: Upload) -> Record | None:
        return self.get(upload.document, upload.sort_key)

    def get(self, document: str, sequencer: str) -> Record | None:
        if self.table_fails:
            raise RecordsUnavailable("throttled")
        return self.items.get((document, sequencer))

    def describe(self, bucket: str, key: str, version_id: str | None) -> Upload:
        raise AssertionError("no event is late here")

    def find_same(self, upload: Upload) -> Record | None:
        raise AssertionError("no event is late here")

    def save(self, record: Record, *, replacing: Record | None) -> None:
        if self.dies_before_write:
            raise Died
        if self.before_save:
            action, self.before_save = self.before_save, None
            action()
        if self.table_fails:
            raise RecordsUnavailable("throttled")
        key = (record.upload.document, record.upload.sort_key)
        stored = self.items.get(key)
        if (stored.revision if stored else None) != (replacing.revision if replacing else None):
            raise RecordConflict("changed")
        self.items[key] = record
        self.predicted |= {(*key, version) for version in record.answered()}
        if self.dies_after_write:
            raise Died


class Convergence(RuleBasedStateMachine):
    """Deliveries and labels of a few uploads while any service may fail."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        self.time = NOON
        self.policy = FixedPolicy(POLICIES["p1"])
        self.pipeline = Pipeline(
            self.world,
            Preparation(None, FakeDerived(), lambda: 0.0),
            self.world,
            self.world,
            self.policy,
            budget=Budget(3.0, 0.3),
            clock=lambda: 0.0,
            now=lambda: NOON,
        )
        self.reviews = Reviews(cast(Any, EmptyTable()), store=self.world, now=self.tick)
        self.expected_labels: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def tick(self) -> datetime:
        """Return a later time for each label: labels with one time are one act of labelling."""
        self.time += timedelta(seconds=1)
        return self.time

    def deliver(self, of: Upload) -> None:
        with suppress(Died, RecordsUnavailable):  # Lambda delivers the event again
            self.pipeline.classify(of)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        fault=st.sampled_from(
            ["none", "none", "storage_fails", "table_fails", "dies_before_write", "dies_after_write"]
        ),
        denied=st.sets(st.sampled_from(VERSIONS)),
        deleted_after=st.sampled_from(["", "", *VERSIONS]),
    )
    def delivery(self, of: Upload, down: set[str], fault: str, denied: set[str], deleted_after: str) -> None:
        self.world.down, self.world.denied, self.world.deleted_after = down, denied, deleted_after
        if fault != "none":
            setattr(self.world, fault, True)
        self.deliver(of)
        self.world.deleted_after = ""
        if fault != "none":
            setattr(self.world, fault, False)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        down_for_other=st.sets(st.sampled_from(VERSIONS)),
        deleted_between=st.booleans(),
    )
    def two_deliveries_at_once(
        self, of: Upload, down: set[str], down_for_other: set[str], deleted_between: bool
    ) -> None:
        """Another handler does all of its work between this one's lookup and its write."""

        def other() -> None:
            self.world.down = down_for_other
            if deleted_between:
                self.deletion(of)
            self.deliver(of)

        self.world.down = down
        self.world.before_save = other
        self.deliver(of)
        self.world.before_save = None

    @rule()
    def change_of_the_transfer(self) -> None:
        self.world.by_address = not self.world.by_address

    @rule(of=st.sampled_from(UPLOADS))
    def deletion(self, of: Upload) -> None:
        self.world.gone.add((of.document, of.sort_key))

    @rule(to=st.sampled_from(sorted(POLICIES)))
    def promotion(self, to: str) -> None:
        self.policy.policy = POLICIES[to]

    def label(self, of: Upload, by: str, label: str | None) -> None:
        """Assign a label, or with None undo the last one, and note the labels that the record must have."""
        key = (of.document, of.sort_key)
        try:
            if label is None:
                self.reviews.undo(*key, by)
                self.expected_labels[key].pop()
            else:
                self.reviews.label(*key, label, by)
                self.expected_labels.setdefault(key, []).append((label, by))
        except CannotReview:
            record = self.world.items.get(key)
            assigned = self.expected_labels.get(key, [])[-1:]
            assert (
                record is None or record.verdict is None or (label is None and [name for _, name in assigned] != [by])
            )

    @rule(of=st.sampled_from(UPLOADS), by=st.sampled_from(REVIEWERS), label=st.sampled_from([*LABELS, None]))
    def review(self, of: Upload, by: str, label: str | None) -> None:
        self.label(of, by, label)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        label=st.sampled_from([*LABELS, None]),
        reviewer_reads_first=st.booleans(),
    )
    def review_and_delivery_at_once(
        self, of: Upload, down: set[str], label: str | None, reviewer_reads_first: bool
    ) -> None:
        self.world.down = down
        acts: list[Callable[[], object]] = [lambda: self.label(of, "ann", label), lambda: self.deliver(of)]
        first, second = acts if reviewer_reads_first else acts[::-1]
        self.world.before_save = second
        first()
        self.world.before_save = None

    @rule(of=st.sampled_from(UPLOADS), label=st.sampled_from(LABELS), other=st.sampled_from(LABELS))
    def two_reviews_at_once(self, of: Upload, label: str, other: str) -> None:
        self.world.before_save = lambda: self.label(of, "bo", other)
        self.label(of, "ann", label)
        self.world.before_save = None

    @invariant()
    def all_labels_are_kept_in_order(self) -> None:
        for key, labels in self.expected_labels.items():
            record = self.world.items[key]
            reviews = [*record.earlier_reviews, *([record.review] if record.review else [])]
            assert [(review.label, review.by) for review in reviews] == labels

    @invariant()
    def record_is_in_its_queue(self) -> None:
        for key, record in self.world.items.items():
            queue = str(record.to_item().get("review_shard", "")).partition("#")[0]
            audited = record.verdict and audit_number(*key) < POLICIES[record.policy].audit_share
            if self.expected_labels.get(key):
                assert queue == "reviewed"
            elif record.verdict and record.verdict.needs_review:
                assert queue == Queue.REVIEW
            else:
                assert queue == (Queue.AUDIT if audited else "")

    @invariant()
    def verdict_follows_from_policy_and_predictions(self) -> None:
        for record in self.world.items.values():
            assert record.policy in ({*POLICIES} if record.verdict else {""})
            if record.verdict:
                assert record.verdict == combine(record.predictions, POLICIES[record.policy])

    @invariant()
    def predictions_are_true_and_none_is_lost(self) -> None:
        for record in self.world.items.values():
            content = str(record.upload.version_id).encode()
            for version, outcome in record.answered().items():
                assert outcome == true_prediction(version, content)
        for document, sequencer, version in self.world.predicted:
            assert version in self.world.items[document, sequencer].answered()

    @invariant()
    def status_follows_from_the_predictions(self) -> None:
        for key, record in self.world.items.items():
            if record.status is Status.REJECTED:
                assert key in self.world.gone
                assert not record.answered()
            else:
                expected = {3: Status.COMPLETE, 0: Status.FAILED}.get(len(record.answered()), Status.PARTIAL)
                assert record.status is expected
            assert (record.verdict is None) == (not record.answered())

    def teardown(self) -> None:
        """Without faults and after another delivery, each upload has one final record, COMPLETE unless it was
        deleted."""
        if not hasattr(self, "world"):
            return
        self.world.down = set()
        for of in UPLOADS:
            self.deliver(of)
        assert set(self.world.items) == {(of.document, of.sort_key) for of in UPLOADS}
        for key, record in self.world.items.items():
            assert record.final
            assert record.status is Status.COMPLETE or key in self.world.gone
        self.predictions_are_true_and_none_is_lost()


TestConvergence: Any = Convergence.TestCase
TestConvergence.settings = settings(max_examples=examples(150), stateful_step_count=25)

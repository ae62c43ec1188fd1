"""Protects the promise of the whole: whatever is delivered, in any order, how often, and wherever a handler dies, each
upload ends in exactly one true record, and nothing that was once known of it, or said of it by a person, is ever lost
or changed."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestrator.pipeline import Budget, Pipeline
from records.errors import DocumentRejected, DocumentUnavailable, RecordConflict, RecordsUnavailable
from records.outcomes import Outcome, Prediction
from records.record import Record, Status
from records.reviews import Queue
from records.uploads import Upload, audit_number
from records.verdict import combine
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
PEOPLE = ("ann", "bo")
LABELS = ("invoice", "receipt")


class Died(Exception):
    """The handler's process was killed."""


def truth(version: str, document: bytes) -> Prediction:
    """What a version says of a document: something that only this version says of only this document."""
    return prediction(confidence=0.5 + sum(document + version.encode()) % 400 / 1000)


class World:
    """Bucket, versions and table, with everything that can be wrong with them just now."""

    versions = VERSIONS

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Record] = {}
        self.ever_known: set[tuple[str, str, str]] = set()
        self.down: set[str] = set()
        self.gone: set[tuple[str, str]] = set()
        self.storage_fails = self.table_fails = False
        self.dies_before_write = self.dies_after_write = False
        self.meanwhile: Callable[[], object] | None = None

    def read(self, upload: Upload) -> bytes:
        if self.storage_fails:
            raise DocumentUnavailable("storage-error", "slow down")
        if (upload.document, upload.sort_key) in self.gone:
            raise DocumentRejected("deleted", "gone")
        return str(upload.version_id).encode()

    def predict(
        self, document: bytes, *, versions: Iterable[str], deadline: float, trace_id: str = ""
    ) -> Mapping[str, Outcome]:
        return {
            version: model_failure("unreachable") if version in self.down else truth(version, document)
            for version in versions
        }

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
        if self.meanwhile:
            another, self.meanwhile = self.meanwhile, None
            another()
        if self.table_fails:
            raise RecordsUnavailable("throttled")
        key = (record.upload.document, record.upload.sort_key)
        standing = self.items.get(key)
        if (standing.revision if standing else None) != (replacing.revision if replacing else None):
            raise RecordConflict("changed")
        self.items[key] = record
        self.ever_known |= {(*key, version) for version in record.answered()}
        if self.dies_after_write:
            raise Died


class Convergence(RuleBasedStateMachine):
    """Deliveries of a few uploads, and labels for them, in a world in which anything may fail."""

    @initialize()
    def start(self) -> None:
        self.world = World()
        self.standing = FixedPolicy(POLICIES["p1"])
        self.pipeline = Pipeline(
            self.world,
            self.world,
            self.world,
            self.standing,
            budget=Budget(3.0, 0.3),
            clock=lambda: 0.0,
            now=lambda: NOON,
        )
        self.reviews = Reviews(cast(Any, None), store=self.world, now=lambda: NOON)
        self.said: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def deliver(self, of: Upload) -> None:
        with suppress(Died, RecordsUnavailable):  # Lambda delivers it again, some time
            self.pipeline.classify(of)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        fault=st.sampled_from(
            ["none", "none", "storage_fails", "table_fails", "dies_before_write", "dies_after_write"]
        ),
    )
    def delivery(self, of: Upload, down: set[str], fault: str) -> None:
        self.world.down = down
        if fault != "none":
            setattr(self.world, fault, True)
        self.deliver(of)
        if fault != "none":
            setattr(self.world, fault, False)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        down_for_the_other=st.sets(st.sampled_from(VERSIONS)),
        deleted_between=st.booleans(),
    )
    def two_at_once(self, of: Upload, down: set[str], down_for_the_other: set[str], deleted_between: bool) -> None:
        """Another handler does all of its work between this one's look-up and its write."""

        def other() -> None:
            self.world.down = down_for_the_other
            if deleted_between:
                self.deletion(of)
            self.deliver(of)

        self.world.down = down
        self.world.meanwhile = other
        self.deliver(of)
        self.world.meanwhile = None

    @rule(of=st.sampled_from(UPLOADS))
    def deletion(self, of: Upload) -> None:
        self.world.gone.add((of.document, of.sort_key))

    @rule(to=st.sampled_from(sorted(POLICIES)))
    def promotion(self, to: str) -> None:
        self.standing.policy = POLICIES[to]

    def say(self, of: Upload, by: str, label: str | None) -> None:
        """Label a document, or with None take the label back; and remember what must stand from now on."""
        key = (of.document, of.sort_key)
        try:
            if label is None:
                self.reviews.undo(*key, by)
                self.said[key].pop()
            else:
                self.reviews.label(*key, label, by)
                self.said.setdefault(key, []).append((label, by))
        except CannotReview:
            record = self.world.items.get(key)
            mine = self.said.get(key, [])[-1:]
            assert record is None or record.verdict is None or (label is None and [name for _, name in mine] != [by])

    @rule(of=st.sampled_from(UPLOADS), by=st.sampled_from(PEOPLE), label=st.sampled_from([*LABELS, None]))
    def review(self, of: Upload, by: str, label: str | None) -> None:
        self.say(of, by, label)

    @rule(
        of=st.sampled_from(UPLOADS),
        down=st.sets(st.sampled_from(VERSIONS)),
        label=st.sampled_from([*LABELS, None]),
        reviewer_looked_first=st.booleans(),
    )
    def a_review_and_a_delivery_at_once(
        self, of: Upload, down: set[str], label: str | None, reviewer_looked_first: bool
    ) -> None:
        self.world.down = down
        acts: list[Callable[[], object]] = [lambda: self.say(of, "ann", label), lambda: self.deliver(of)]
        first, second = acts if reviewer_looked_first else acts[::-1]
        self.world.meanwhile = second
        first()
        self.world.meanwhile = None

    @rule(of=st.sampled_from(UPLOADS), label=st.sampled_from(LABELS), other=st.sampled_from(LABELS))
    def two_people_at_once(self, of: Upload, label: str, other: str) -> None:
        self.world.meanwhile = lambda: self.say(of, "bo", other)
        self.say(of, "ann", label)
        self.world.meanwhile = None

    @invariant()
    def what_people_said_stands_in_their_order(self) -> None:
        for key, said in self.said.items():
            record = self.world.items[key]
            reviews = [*record.earlier_reviews, *([record.review] if record.review else [])]
            assert [(review.label, review.by) for review in reviews] == said

    @invariant()
    def a_record_waits_where_a_person_will_find_it(self) -> None:
        for key, record in self.world.items.items():
            stands = str(record.to_item().get("review_shard", "")).partition("#")[0]
            drawn = record.verdict and audit_number(*key) < POLICIES[record.policy].audit_share
            if self.said.get(key):
                assert stands == "reviewed"
            elif record.verdict and record.verdict.needs_review:
                assert stands == Queue.REVIEW
            else:
                assert stands == (Queue.AUDIT if drawn else "")

    @invariant()
    def a_verdict_is_what_its_policy_makes_of_the_predictions(self) -> None:
        for record in self.world.items.values():
            assert record.policy in ({*POLICIES} if record.verdict else {""})
            if record.verdict:
                assert record.verdict == combine(record.predictions, POLICIES[record.policy])

    @invariant()
    def every_prediction_is_true_and_none_is_lost(self) -> None:
        for record in self.world.items.values():
            content = str(record.upload.version_id).encode()
            for version, said in record.answered().items():
                assert said == truth(version, content)
        for document, sequencer, version in self.world.ever_known:
            assert version in self.world.items[document, sequencer].answered()

    @invariant()
    def a_status_says_what_the_record_holds(self) -> None:
        for key, record in self.world.items.items():
            if record.status is Status.REJECTED:
                assert key in self.world.gone
                assert not record.answered()
            else:
                expected = {3: Status.COMPLETE, 0: Status.FAILED}.get(len(record.answered()), Status.PARTIAL)
                assert record.status is expected
            assert (record.verdict is None) == (not record.answered())

    def teardown(self) -> None:
        """Once all is well and everything was delivered again, each upload has one record, which is complete unless
        the upload was deleted, and is at its end in any case."""
        if not hasattr(self, "world"):
            return
        self.world.down = set()
        for of in UPLOADS:
            self.deliver(of)
        assert set(self.world.items) == {(of.document, of.sort_key) for of in UPLOADS}
        for key, record in self.world.items.items():
            assert record.final
            assert record.status is Status.COMPLETE or key in self.world.gone
        self.every_prediction_is_true_and_none_is_lost()


TestConvergence: Any = Convergence.TestCase
TestConvergence.settings = settings(max_examples=150, stateful_step_count=25)

"""Evidence on a candidate, and the documents to label for it: the answers of a replay joined with the records."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from records.errors import RecordsUnavailable
from records.outcomes import ModelFailure
from records.policy import Policy
from records.record import Record
from records.reviews import Draw, Queue, pair_name
from records.table import PolicyTable
from triptych.errors import TriptychError, UsageError
from triptych.review.queues import Deal
from triptych.review.replay import ReplayAnswers, ReplayedVersion
from triptych.storage.results import RecordQuery, Results

if TYPE_CHECKING:
    from evidence.candidates import CandidateEvidence

_LABELS = 10_000


@dataclass(frozen=True)
class ReplayedRecords:
    """The records that a replay answered.

    Attributes:
        version: The version that was replayed.
        answers: Its answers.
        bucket: The inbox.
        policy: The current policy.
        population: The records of the last run's period, newest first.
        labelled: All labelled records.
    """

    version: ReplayedVersion
    answers: ReplayAnswers
    bucket: str
    policy: Policy
    population: Sequence[Record]
    labelled: Sequence[Record]

    @classmethod
    def read(
        cls, version: ReplayedVersion, answers: ReplayAnswers, bucket: str, results: Results, policies: PolicyTable
    ) -> "ReplayedRecords":
        """Read the records of a replay.

        Raises:
            UsageError: The version was not replayed.
            TriptychError: The table cannot be read.
        """
        run = answers.run
        if run is None:
            raise UsageError(f"{version.name} has no predictions for this stack: run triptych replay first.")
        try:
            policy = policies.newest()
        except RecordsUnavailable as error:
            raise TriptychError(str(error)) from error
        newest = results.newest(RecordQuery.where(since=run.since, until=run.until), limit=run.newest)
        labelled = results.newest(RecordQuery.where(reviewed=True), limit=_LABELS)
        return cls(version, answers, bucket, policy, newest, labelled)

    def assess(self) -> "CandidateEvidence":
        """Return the evidence on the candidate."""
        from evidence.candidates import Candidate, assess_candidate  # imports SciPy, which takes a third of a second
        from evidence.examples import current_weights, examples_from

        weights = current_weights([*self.population, *self.labelled])
        failures = Counter(each.kind for each in self.answers.outcomes.values() if isinstance(each, ModelFailure))
        candidate = Candidate(
            self.version.name,
            {" ".join(key): label for key, label in self.answers.labels().items()},
            failures,
            self.version.exported_on if self.version.trained_on(self.bucket) else None,
        )
        return assess_candidate(
            candidate,
            self.policy.champion if self.policy.champion in weights else "",
            examples_from(self.population, weights, self.policy),
            examples_from(self.labelled, weights, self.policy),
        )

    def deal(self, limit: int) -> list[Deal]:
        """Return documents without a label on which candidate and rival differ, in pseudorandom order.

        They may be in no queue, because the deployed versions agree on them.
        """
        found = self.assess()
        assert self.answers.run is not None, "`read` requires a run"
        since, until = self.answers.run.since, self.answers.run.until
        records = {f"{each.upload.document} {each.upload.sort_key}": each for each in self.population}
        phase = (pair_name(found.rival, self.version.name),)
        return [
            Deal(records[id_], Draw(Queue.EVIDENCE, number / len(found.to_label), since, phase, until), found.question)
            for number, id_ in enumerate(found.to_label[:limit], 1)
        ]

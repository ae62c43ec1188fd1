"""Protects: what is claimed about a version that is not deployed follows from labels that represent the documents."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from evidence.candidates import Candidate, CandidateEvidence, assess_candidate
from evidence.examples import Example, Exclusion, current_weights, examples_from
from evidence.pair_counts import random_sample
from evidence.pairs import Conclusion
from evidence.versions import assess_version
from records.policy import DEFAULT_POLICY
from records.reviews import Draw, Queue, pair_name
from records.verdict import combine
from tests.support.evidence import SimulatedRecords, example, simulate_records
from tests.support.uploads import NOON

CANDIDATE = "v4@abcdefa"
PAIR = pair_name("v3", CANDIDATE)


@dataclass(frozen=True)
class Replayed:
    """Documents that v1, v2 and v3 classified, and answers of v4, which is not deployed."""

    population: Sequence[Example]
    labelled: Sequence[Example]
    answers: dict[str, str]
    true_labels: dict[str, str]
    difference: float
    """Accuracy of v4 minus that of v3 on these documents."""

    def assess(self, labelled: Sequence[Example] | None = None, **changes: object) -> CandidateEvidence:
        candidate = Candidate(CANDIDATE, self.answers, {})
        used = self.labelled if labelled is None else labelled
        return assess_candidate(replace(candidate, **changes), "v3", self.population, used)  # type: ignore[arg-type]

    def disagreements(self) -> list[Example]:
        differing = [each for each in self.population if each.predictions["v3"].label != self.answers[each.id]]
        return sorted(differing, key=lambda each: each.rank)

    def drawn_for_candidate(self, number: int) -> list[Example]:
        """Return the first unlabelled disagreements of the queue of v3 and the candidate, with labels."""
        known = {each.id for each in self.labelled}
        drawn = [each for each in self.disagreements() if each.id not in known][:number]
        draw = Draw(Queue.EVIDENCE, 0.5, phase=(PAIR,))
        return [
            replace(
                each,
                true_label=self.true_labels[each.id],
                labelled_at=NOON,
                draw=draw,
                legacy=False,
                exclusion=Exclusion.CANDIDATE if each.stratum is Queue.AUDIT else None,
                queue=Queue.OTHER if each.stratum is Queue.AUDIT else each.stratum,
            )
            for each in drawn
        ]


def simulate(seed: int, *, documents: int = 800, reviewed: float = 0.7, v3: float = 0.9, v4: float = 0.9) -> Replayed:
    accuracy = {"v1": 0.7, "v2": 0.88, "v3": v3, "v4": v4}
    made = simulate_records(documents, accuracy, seed=seed)
    answers, records = {}, []
    for each in made.records:
        deployed = {name: found for name, found in each.answered().items() if name != "v4"}
        answers[f"{each.upload.document} {each.upload.sort_key}"] = each.answered()["v4"].label
        records.append(replace(each, predictions=deployed, verdict=combine(deployed)))
    simulated = SimulatedRecords(records, made.true_labels)
    weights = current_weights(records)
    return Replayed(
        examples_from(records, weights, DEFAULT_POLICY),
        examples_from(simulated.labelled(reviewed), weights, DEFAULT_POLICY),
        answers,
        {f"{r.upload.document} {r.upload.sort_key}": made.true_labels[r.upload.document] for r in records},
        made.accuracy("v4") - made.accuracy("v3"),
    )


@pytest.fixture(scope="module")
def better() -> Replayed:
    return simulate(1, v3=0.75, v4=0.97)


def test_labels_that_exist_show_that_a_candidate_is_better(better: Replayed) -> None:
    found = better.assess()
    assert found.conclusion is Conclusion.BETTER
    assert found.sentence.startswith(f"{CANDIDATE} is better than v3: +")
    low, high = found.difference.low, found.difference.high
    assert low is not None
    assert high is not None
    assert 0 < low <= better.difference <= high
    assert (found.replayed, found.more_labels, found.rival) == (len(better.population), None, "v3")
    agreeing = sum(each.predictions["v3"].label == better.answers[each.id] for each in better.population)
    assert found.agreement.value == pytest.approx(agreeing / len(better.population))


def test_estimate_is_unbiased_although_doubtful_documents_are_labelled_more_often(full: bool) -> None:
    errors = []
    for seed in range(40 if full else 8):
        world = simulate(100 + seed, documents=500, v4=0.93)
        found = world.assess()
        assert found.difference.value is not None
        errors.append(found.difference.value - world.difference)
    assert abs(sum(errors) / len(errors)) < 0.012


def test_equal_candidate_is_not_called_better_or_worse(full: bool) -> None:
    conclusions = [simulate(200 + seed, documents=500).assess().conclusion for seed in range(60 if full else 8)]
    assert sum(each in (Conclusion.BETTER, Conclusion.WORSE) for each in conclusions) <= len(conclusions) * 0.1


def test_disagreements_without_a_label_are_listed_in_the_order_of_the_queue(better: Replayed) -> None:
    labelled = {each.id for each in better.labelled}
    population = [replace(each, true_label="memo") if each.id in labelled else each for each in better.population]
    found = replace(better, population=population).assess()
    assert list(found.to_label) == [each.id for each in better.disagreements() if each.id not in labelled]


def test_labels_drawn_for_the_candidate_decide_what_the_others_leave_open() -> None:
    world = simulate(3, documents=1200, reviewed=0.1, v4=0.97)
    before = world.assess()
    assert (before.conclusion, before.more_labels is not None) == (Conclusion.OPEN, True)
    assert f"{CANDIDATE} or v3: not enough evidence yet" in before.sentence
    assert before.question.startswith(f"The candidate {CANDIDATE} and v3 differ here; about ")
    drawn = world.drawn_for_candidate(150)
    after = world.assess([*world.labelled, *drawn])
    assert after.conclusion is Conclusion.BETTER
    assert after.wins + after.ties + after.losses > before.wins + before.ties + before.losses


def test_labels_drawn_for_a_candidate_do_not_bias_the_deployed_versions() -> None:
    """They prefer documents on which the candidate differs, so they count only after their turn in another queue."""
    world = simulate(3, documents=1200, reviewed=0.3, v4=0.97)
    drawn = world.drawn_for_candidate(60)
    together = random_sample([*world.labelled, *drawn])
    had_turn = [each for each in drawn if each in together]
    assert len(had_turn) < len(drawn) / 2
    before = assess_version("v3", None, world.population, random_sample(world.labelled)).accuracy.value
    biased = assess_version("v3", None, world.population, [*world.labelled, *drawn]).accuracy.value
    after = assess_version("v3", None, world.population, together).accuracy.value
    assert before is not None
    assert biased is not None
    assert after == pytest.approx(before, abs=0.01)
    assert biased < before - 0.02


def test_label_drawn_for_a_candidate_counts_once_its_turn_has_come() -> None:
    def labelled(rank: float, draw: Draw) -> Example:
        made = example(f"at {rank}", {"v1": "invoice"}, "invoice")
        return replace(made, rank=rank, draw=draw, labelled_at=NOON, legacy=False, queue=Queue.REVIEW)

    dealt = labelled(0.5, Draw(Queue.REVIEW, 0.5))
    early, late = (labelled(rank, Draw(Queue.EVIDENCE, 0.5, phase=(PAIR,))) for rank in (0.4, 0.6))
    assert random_sample([dealt, early, late]) == [dealt, early]


def test_labels_that_the_candidate_may_have_been_trained_on_do_not_count(better: Replayed) -> None:
    found = better.assess(unseen_since=NOON + timedelta(days=1))
    assert (found.wins, found.ties, found.losses, found.difference.value) == (0, 0, 0, None)
    assert found.conclusion is Conclusion.OPEN
    assert any("trained on labelled documents" in note for note in found.notes)


def test_without_a_champion_the_candidate_is_compared_with_the_vote(better: Replayed) -> None:
    found = assess_candidate(Candidate(CANDIDATE, better.answers, {"deleted": 3}), "", better.population, [])
    assert (found.rival, found.failures) == ("vote", {"deleted": 3})
    assert "the vote" in found.sentence


def test_candidate_that_always_agrees_cannot_be_distinguished() -> None:
    population = [example(str(number), {"v3": "invoice"}) for number in range(5)]
    answers = {each.id: "invoice" for each in population}
    found = assess_candidate(Candidate(CANDIDATE, answers, {}), "v3", population, [])
    assert "they agree on all 5 replayed documents" in found.sentence
    nothing = assess_candidate(Candidate(CANDIDATE, {}, {}), "v3", population, [])
    assert "cannot be compared" in nothing.sentence

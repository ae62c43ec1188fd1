"""Protects: a label counts for a pair only if it was drawn evenly from all disagreements of that pair."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from evidence.examples import Example
from evidence.intervals import stratified_share
from evidence.pair_counts import PairCounts, drawn_evenly
from evidence.versions import stratify
from records.reviews import Draw, Queue
from tests.support.evidence import example
from tests.support.uploads import NOON

EVIDENCE = Draw(Queue.EVIDENCE, 0.5, NOON - timedelta(days=1), ("v1:v2",))


def drawn(name: str, rank: float, draw: Draw | None, *, hours: float = 0, **predictions: str) -> Example:
    """Return an example that was labelled one hour after noon and uploaded some hours after noon."""
    found = example(
        name, predictions or {"v1": "invoice", "v2": "receipt"}, "invoice", at=NOON + timedelta(hours=hours)
    )
    changes = {"rank": rank, "draw": draw, "legacy": False, "labelled_at": NOON + timedelta(hours=1)}
    return Example(**{**vars(found), **changes})


def names(examples: list[Example]) -> list[str]:
    return [each.id for each in examples]


def test_labels_of_schema_1_count_for_every_pair() -> None:
    assert names(drawn_evenly([example("a", {"v1": "invoice", "v2": "memo"}, "memo")], "v1", "v2")) == ["a"]


def test_draw_counts_for_the_pairs_of_its_phase_only() -> None:
    found = [drawn("a", 0.5, EVIDENCE, v1="invoice", v2="memo", v3="form")]
    assert names(drawn_evenly(found, "v1", "v2")) == ["a"]
    assert drawn_evenly(found, "v1", "v3") == []


def test_doubtful_document_counts_once_its_turn_has_come() -> None:
    doubt = Draw(Queue.REVIEW, 1.0)
    before, after = drawn("before", 0.2, doubt), drawn("after", 0.8, doubt)
    evidence = drawn("evidence", 0.5, EVIDENCE)
    assert names(drawn_evenly([before, after, evidence], "v1", "v2")) == ["before", "evidence"]
    assert drawn_evenly([before, after], "v1", "v2") == []


def test_document_outside_of_the_period_of_a_draw_has_no_turn() -> None:
    doubt = Draw(Queue.REVIEW, 1.0)
    old, late = drawn("old", 0.2, doubt, hours=-48), drawn("late", 0.2, doubt, hours=2)
    assert names(drawn_evenly([old, late, drawn("evidence", 0.5, EVIDENCE)], "v1", "v2")) == ["evidence"]


def test_record_of_schema_1_that_is_labelled_now_counts_in_its_turn() -> None:
    doubt = replace(drawn("old", 0.2, Draw(Queue.REVIEW, 1.0)), legacy=True)
    assert drawn_evenly([doubt], "v1", "v2") == []
    assert names(drawn_evenly([doubt, drawn("evidence", 0.5, EVIDENCE)], "v1", "v2")) == ["old", "evidence"]


def simulated_labels(rng: np.random.Generator, documents: int) -> tuple[list[Example], list[Example]]:
    """Simulate a period in which all doubtful documents, half of the evidence and a tenth of the rest are labelled.

    Documents are doubtful more often if v1 is wrong. The evidence queue was narrowed to v1 and v2 after a while.

    Returns:
        All examples, and those with a label.
    """
    everything, labelled = [], []
    for number in range(documents):
        right = rng.random(3) < (0.8, 0.9, 0.6)
        labels = {f"v{version + 1}": "invoice" if right[version] else "memo" for version in range(3)}
        differing = len(set(labels.values())) > 1
        doubtful = bool(rng.random() < (0.1 if right[0] else 0.9))
        stratum = Queue.REVIEW if doubtful else Queue.EVIDENCE if differing else Queue.AUDIT
        rank = float(rng.random())
        phase = ("v1:v2", "v1:v3", "v2:v3") if rank < 0.2 else ("v1:v2",)
        asked = (rank < 0.2 and differing) or (rank < 0.5 and labels["v1"] != labels["v2"])
        draw = Draw(Queue.EVIDENCE, 0.5, None, phase) if asked else Draw(Queue.REVIEW if doubtful else Queue.AUDIT, 1.0)
        base = example(f"{number}", labels, "invoice", stratum=stratum)
        made = Example(**{**vars(base), "rank": rank, "draw": draw, "legacy": False, "labelled_at": NOON})
        everything.append(made)
        if doubtful or asked or rng.random() < 0.1:
            labelled.append(made)
    return everything, labelled


def test_counts_of_a_narrowed_queue_are_not_biased() -> None:
    """Doubtful documents are all labelled, and v1 is wrong on most of them: counting them all would flatter v2."""
    rng = np.random.default_rng(3)
    _, labelled = simulated_labels(rng, 3000)
    for first, second, share in (("v1", "v2", 0.8 * 0.1 / (0.8 * 0.1 + 0.2 * 0.9)), ("v2", "v3", 0.36 / (0.36 + 0.06))):
        counts = PairCounts.of(first, second, labelled)
        found, n = counts.first_only / counts.disagreements, counts.disagreements
        assert abs(found - share) < 3 * np.sqrt(share * (1 - share) / n)
    every = [each for each in labelled if each.differs("v1", "v2")]
    naive = np.mean([each.is_correct("v1") for each in every])
    assert abs(naive - 0.8 * 0.1 / 0.26) > 0.05


def test_stratified_accuracy_is_unbiased_under_all_queues() -> None:
    rng = np.random.default_rng(4)
    estimates = []
    for _ in range(20):
        everything, labelled = simulated_labels(rng, 600)
        estimates.append([_accuracy(name, everything, labelled) for name in ("v1", "v2", "v3")])
    errors = np.array(estimates) - (0.8, 0.9, 0.6)
    assert (np.abs(errors.mean(axis=0)) < 3 * errors.std(axis=0) / np.sqrt(len(errors))).all()


def _accuracy(name: str, everything: list[Example], labelled: list[Example]) -> float:
    found = stratified_share(list(stratify(everything, labelled, lambda each: each.is_correct(name)).values()))
    assert found.value is not None
    return found.value


def test_rare_cell_without_a_label_joins_another_of_its_stratum() -> None:
    known = [example(f"{n}", {"v1": "invoice", "v2": "memo", "v3": "memo"}, "memo") for n in range(3)]
    rare = example("rare", {"v1": "invoice", "v2": "memo", "v3": "form"})
    [cell] = stratify([*known, rare], known, lambda each: each.is_correct("v1")).values()
    assert (cell.population, cell.labelled, cell.right) == (4, 3, 0)

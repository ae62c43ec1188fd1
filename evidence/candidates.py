"""Evidence on a candidate: a version that is not deployed, but has classified stored documents.

Labels were drawn without regard to its predictions, at a different rate in each cell of the deployed versions'
predictions (`evidence.versions.stratify`). So within each cell, the labelled documents on which it differs from its
rival are an even sample of all of them, and `stratified` combines the cells. Once documents are drawn because the two
differ, these are an even sample of all disagreements and have a separate e-process, like those of deployed pairs.
The mean of two e-processes is one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log

import numpy as np

from evidence.difference import ALPHA, format_difference
from evidence.examples import VOTE, Example, Exclusion
from evidence.intervals import Estimate, simple_share, unknown
from evidence.pair_counts import random_sample, with_turn
from evidence.pairs import EQUIVALENCE_MARGIN, MAX_FORECAST_LABELS, Conclusion, forecast_phrase
from evidence.sequential import forecast_outcomes, log_wealth
from evidence.stratified import Cell, StratifiedWealth, weighted_outcomes
from evidence.versions import cell_of
from records.reviews import pair_name

_MIN_CELL = 0.02
"""Cells with a smaller share of the disagreements count as unlabelled: their labels would cost more than they show."""

_CLAIM = -log(ALPHA)


@dataclass(frozen=True)
class Candidate:
    """A version that is not deployed.

    Attributes:
        name: Its name, see `records.reviews.candidate_name`.
        answers: Predicted label by `Example.id`.
        failures: Number of documents that it could not classify, by kind.
        unseen_since: Labels given earlier may be part of its training data and do not count; None for no such labels.
    """

    name: str
    answers: Mapping[str, str]
    failures: Mapping[str, int]
    unseen_since: datetime | None = None


@dataclass(frozen=True)
class CandidateEvidence:
    """Evidence on a candidate. Differences are its accuracy minus the rival's, on documents like the replayed ones.

    Attributes:
        name: Name of the candidate.
        rival: What it is compared with: the champion, or the soft vote without one.
        replayed: Number of documents of the replay that both classified.
        failures: Number of documents that the candidate could not classify, by kind.
        agreement: Share of the replayed documents on which both predict the same label.
        wins: Labelled disagreements on which only the candidate is right.
        losses: Labelled disagreements on which only the rival is right.
        ties: Labelled disagreements on which neither is right.
        difference: Difference of accuracy, each label weighted by the documents that it represents, with bounds that
            hold at all times.
        conclusion: Result of the comparison.
        more_labels: Forecast of labels of disagreements until one is called better. None if that is decided, or takes
            more than `MAX_FORECAST_LABELS`.
        to_label: `Example.id` of each disagreement without a label, in the order in which to label them.
        sentence: The conclusion in words.
        notes: Caveats, in sentences.
    """

    name: str
    rival: str
    replayed: int
    failures: Mapping[str, int]
    agreement: Estimate
    wins: int
    losses: int
    ties: int
    difference: Estimate
    conclusion: Conclusion
    more_labels: int | None
    to_label: tuple[str, ...]
    sentence: str
    notes: tuple[str, ...]

    @property
    def question(self) -> str:
        """Reason for the selection of a document on which both differ, in one line."""
        wait = "many more labels settle it"
        if self.more_labels:
            wait = "1 more label settles it" if self.more_labels == 1 else f"about {self.more_labels} more settle it"
        return f"The candidate {self.name} and {_described(self.rival)} differ here; {wait}."


def assess_candidate(
    candidate: Candidate, champion: str, population: Sequence[Example], labelled: Sequence[Example]
) -> CandidateEvidence:
    """Return the evidence on a candidate.

    Args:
        candidate: The candidate.
        champion: Name of the champion; empty for none.
        population: The replayed documents of the period, labelled or not: all of them, or a random sample.
        labelled: All labelled examples, also those that are not part of the random sample.
    """
    rival = champion or VOTE
    shared = [each for each in population if each.id in candidate.answers and each.prediction(rival)]
    differing = [each for each in shared if _differs(each, candidate, rival)]
    counted = _labelled_disagreements(candidate, rival, labelled)
    contest = _Contest.of(candidate, rival, len(shared), differing, counted)
    difference, conclusion = contest.conclude()
    waiting = sorted((each for each in differing if each.true_label is None), key=lambda each: each.rank)
    more = contest.forecast() if conclusion is Conclusion.OPEN and differing else None
    wins, ties, losses = _outcomes(candidate, rival, counted)
    return CandidateEvidence(
        name=candidate.name,
        rival=rival,
        replayed=len(shared),
        failures=dict(sorted(candidate.failures.items())),
        agreement=simple_share(len(shared) - len(differing), len(shared)),
        wins=wins,
        losses=losses,
        ties=ties,
        difference=difference,
        conclusion=conclusion,
        more_labels=more,
        to_label=tuple(each.id for each in waiting),
        sentence=_sentence(candidate.name, rival, difference, conclusion, more, len(shared), len(differing)),
        notes=tuple(_notes(candidate, labelled, more, len(waiting))),
    )


@dataclass(frozen=True)
class _Contest:
    """Evidence of the labels on the difference.

    Attributes:
        rate: Share of documents on which candidate and rival differ.
        cells: Labelled disagreements by cell.
        drawn: Wins, ties and losses among those that are an even sample of all disagreements.
    """

    rate: float
    cells: tuple[Cell, ...]
    drawn: tuple[int, int, int]

    @classmethod
    def of(
        cls, candidate: Candidate, rival: str, shared: int, differing: Sequence[Example], counted: Sequence[Example]
    ) -> "_Contest":
        shares = Counter(map(cell_of, differing))
        cells = []
        for cell, count in shares.items():
            notable = count >= _MIN_CELL * len(differing)
            members = [each for each in counted if cell_of(each) == cell] if notable else []
            cells.append(Cell(count / shared, *_outcomes(candidate, rival, members)))
        pair = pair_name(rival, candidate.name)
        dealt = [each for each in counted if each.draw and pair in each.draw.phase]
        drawn = _outcomes(candidate, rival, with_turn(counted, dealt))
        return cls(len(differing) / shared if shared else 0.0, tuple(cells), drawn)

    def swapped(self) -> "_Contest":
        """Return the contest with candidate and rival exchanged."""
        return _Contest(self.rate, tuple(cell.swapped() for cell in self.cells), self.drawn[::-1])

    def lower(self) -> float:
        """Return a lower bound of the difference that holds at all times with probability 1 - `ALPHA`."""
        wealth = StratifiedWealth(self.cells)
        low, high = -self.rate, self.rate
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self._log_e(wealth, middle) >= _CLAIM else (low, middle)
        return low

    def _log_e(self, wealth: StratifiedWealth, theta: float) -> float:
        even = float(log_wealth(*self.drawn, np.clip(theta / self.rate, 1e-9 - 1, 1 - 1e-9)))
        return float(np.logaddexp(even, wealth.log_e(theta)) - log(2))

    def conclude(self) -> tuple[Estimate, Conclusion]:
        """Return the difference with its bounds, and what follows from them."""
        (won, _, lost), _ = weighted_outcomes(self.cells)
        labels = sum(cell.labelled for cell in self.cells)
        if not labels or not self.rate:
            return unknown(), Conclusion.OPEN
        low, high = self.lower(), -self.swapped().lower()
        difference = Estimate(self.rate * float(won - lost), low, high, labels)
        if low > 0 or high < 0:
            return difference, Conclusion.BETTER if low > 0 else Conclusion.WORSE
        return difference, Conclusion.EQUIVALENT if max(-low, high) < EQUIVALENCE_MARGIN else Conclusion.OPEN

    def forecast(self) -> int | None:
        """Return how many more labels, drawn evenly from the disagreements, decide the comparison."""
        shares, effective = weighted_outcomes(self.cells)
        won, tied, lost = (effective * shares).tolist()
        more = forecast_outcomes(*self.drawn, ALPHA / 2, known=(won, tied, lost))
        return more if more is not None and more <= MAX_FORECAST_LABELS else None


def _labelled_disagreements(candidate: Candidate, rival: str, labelled: Sequence[Example]) -> list[Example]:
    """Return the labelled disagreements that are an even sample within each cell."""
    pair = pair_name(rival, candidate.name)
    drawn = [
        each
        for each in labelled
        if each.exclusion in (None, Exclusion.CANDIDATE) and each.draw and pair in each.draw.phase
    ]
    ordinary = {each.id: each for each in random_sample(labelled)}
    return [
        each
        for each in (ordinary | {each.id: each for each in drawn}).values()
        if each.id in candidate.answers
        and each.prediction(rival)
        and _differs(each, candidate, rival)
        and not _seen(candidate, each)
    ]


def _seen(candidate: Candidate, example: Example) -> bool:
    """Return whether the label may be part of the candidate's training data."""
    labelled_at, since = example.labelled_at, candidate.unseen_since
    return since is not None and labelled_at is not None and labelled_at < since


def _differs(example: Example, candidate: Candidate, rival: str) -> bool:
    prediction = example.prediction(rival)
    return prediction is not None and prediction.label != candidate.answers[example.id]


def _outcomes(candidate: Candidate, rival: str, examples: Sequence[Example]) -> tuple[int, int, int]:
    """Return the numbers of wins, ties and losses."""
    wins = sum(candidate.answers[each.id] == each.true_label for each in examples)
    losses = sum(each.is_correct(rival) for each in examples)
    return wins, len(examples) - wins - losses, losses


def _sentence(
    name: str, rival: str, difference: Estimate, conclusion: Conclusion, more: int | None, shared: int, differing: int
) -> str:
    other = _described(rival)
    match conclusion:
        case Conclusion.BETTER:
            return f"{name} is better than {other}: {format_difference(difference)}."
        case Conclusion.WORSE:
            return f"{name} is worse than {other}: {format_difference(difference)}."
        case Conclusion.EQUIVALENT:
            return f"{name} and {other} are practically equivalent: their accuracy differs by less than 1 pp."
    if not shared:
        return f"{name} and {other} cannot be compared: no replayed document has predictions of both."
    if not differing:
        return f"{name} and {other} cannot be distinguished: they agree on all {shared} replayed documents."
    return (
        f"{name} or {other}: not enough evidence yet: {forecast_phrase(more)} more labels of their disagreements are "
        "needed."
    )


def _described(rival: str) -> str:
    return "the vote" if rival == VOTE else rival


def _notes(candidate: Candidate, labelled: Sequence[Example], more: int | None, to_label: int) -> list[str]:
    notes = []
    if seen := sum(each.id in candidate.answers and _seen(candidate, each) for each in labelled):
        notes.append(
            f"Not counted: {seen} labels given before {candidate.name} was exported, because it was trained on "
            "labelled documents of this inbox."
        )
    if more and more > to_label:
        notes.append(f"Only {to_label} disagreements have no label yet: replay more documents.")
    return notes

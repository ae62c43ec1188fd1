"""The report: all that is known of the versions, from records to one sentence."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import numpy as np

from evidence.advice import Action, Advice, advise
from evidence.calibration import Calibration, assess_calibration
from evidence.cases import STRATA, VOTE, Case, cases, current_weights
from evidence.drift import Drift, drift
from evidence.intervals import Estimate, Floats, Stratum, share, stratified_share, weighted_share
from evidence.pairs import PairEvidence, compare
from records.keys import timestamp
from records.policy import DEFAULT_POLICY, Policy
from records.record import Record
from records.reviews import NONE_OF_THESE, Queue

QUANTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class StratumEvidence:
    """One stratum of documents: its share of all, and accuracy within it."""

    name: Queue
    share: float
    accuracy: Estimate


@dataclass(frozen=True)
class Confusion:
    """Counts of labelled documents: a row for each true label, a column for each answer. Not weighted."""

    truths: tuple[str, ...]
    answers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class VersionEvidence:
    """What is known of one version, or of the vote; only answers of its current weights count.

    Attributes:
        name: Such as `v2`, or `vote`.
        weights: `model_sha256` of the current weights; None for the vote.
        answered: Documents of the population sample that these weights answered.
        outdated: Documents of the sample and labelled ones that only earlier weights answered: not counted.
        errors: How often it did not answer, in the population sample, by kind.
        accuracy: Over all documents that it answered, weighted for how documents were chosen; documents that fit no
            label count as wrong. Without value where a stratum has no label yet: see `missing`.
        strata: The same within each stratum.
        missing: What must be labelled before `accuracy` is known, in a sentence; else None.
        recall: Of each true label, the share recognised; weighted.
        confusion: What was taken for what.
        calibration: None without labels.
        latency_ms: Quantiles (`p50` …) of what the orchestrator waited for it; a quantile needs documents beyond it.
    """

    name: str
    weights: str | None
    answered: int
    outdated: int
    errors: Mapping[str, int]
    accuracy: Estimate
    strata: tuple[StratumEvidence, ...]
    missing: str | None
    recall: Mapping[str, Estimate]
    confusion: Confusion
    calibration: Calibration | None
    latency_ms: Mapping[str, float | None]


@dataclass(frozen=True)
class Report:
    """All evidence on the versions of one stack.

    Attributes:
        made_at: When.
        since, until: Of the uploads that were looked at; None where there was no bound.
        oldest: Of the uploads in the population sample; None without any.
        policy: Id of the current policy, under which the vote is taken.
        champion: The version that others are compared with; empty where there is none.
        population: Documents in the population sample.
        flagged: Share of them that needed review.
        labelled: Counts of labels: `review`, `audit` (both by chance, so they count) and `other` (they do not).
        none_of_them: Share of documents that fit no label, weighted.
        versions: One each, in order of their names.
        vote: The same for what they say together under the current policy.
        pairs: Each two versions.
        drift: By day.
        advice: What to do, in a sentence.
        notes: What a reader must know to trust the figures, and to go on, in sentences.
        waiting: Documents that wait for a label, counted so far as whoever counted did; None where nobody did.
    """

    made_at: datetime
    since: datetime | None
    until: datetime | None
    oldest: datetime | None
    policy: str
    champion: str
    population: int
    flagged: Estimate
    labelled: Mapping[str, int]
    none_of_them: Estimate
    versions: tuple[VersionEvidence, ...]
    vote: VersionEvidence
    pairs: tuple[PairEvidence, ...]
    drift: Drift
    advice: Advice
    notes: tuple[str, ...]
    waiting: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values with the names of the fields; times in ISO 8601."""
        content: dict[str, Any] = _plain(self)
        return content


def assess(
    labelled: Iterable[Record],
    population: Iterable[Record],
    *,
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
    since: datetime | None = None,
    until: datetime | None = None,
    waiting: int | None = None,
) -> Report:
    """What the records say about the versions.

    Args:
        labelled: Records with a review, however they came to be labelled.
        population: The newest records of the period, labelled or not: as many as can be read, but all of a stretch.
        now: The moment of the report.
        policy: The current one.
        since: Where the period begins, for the reader.
        until: Where it ends.
        waiting: How many documents wait for a label, if that was counted.
    """
    labelled, population = list(labelled), list(population)
    weights = current_weights([*population, *labelled])
    versions = list(weights)
    sample = cases(population, weights, policy)
    known = [case for case in cases(labelled, weights, policy) if case.truth is not None]
    fair = [case for case in known if case.by_chance]
    pairs = compare(versions, sample, fair)
    advice = advise(policy.champion, versions, pairs)
    starved = advice.action is Action.WAIT and waiting == 0
    return Report(
        made_at=now,
        since=since,
        until=until,
        oldest=min((case.at for case in sample), default=None),
        policy=policy.id,
        champion=policy.champion,
        population=len(sample),
        flagged=share(sum(case.stratum is Queue.REVIEW for case in sample), len(sample)),
        labelled={
            **{str(stratum): sum(case.stratum is stratum for case in fair) for stratum in STRATA},
            str(Queue.OTHER): len(known) - len(fair),
        },
        none_of_them=stratified_share(list(_strata(sample, fair, lambda case: case.truth == NONE_OF_THESE).values())),
        versions=tuple(_version(name, weights[name], sample, fair) for name in versions),
        vote=_version(VOTE, None, sample, fair),
        pairs=tuple(pairs),
        drift=drift(versions, sample),
        advice=advice,
        notes=tuple(_notes(sample, known, fair, since, starved=starved)),
        waiting=waiting,
    )


def _version(name: str, weights: str | None, sample: Sequence[Case], fair: Sequence[Case]) -> VersionEvidence:
    answered = [case for case in sample if case.answer(name)]
    judged = [case for case in fair if case.answer(name)]
    strata = _strata(answered, judged, lambda case: case.right(name))
    accuracy = stratified_share(list(strata.values()))
    stands_for = _stands_for(judged, strata) if accuracy.value is not None else np.zeros(len(judged))
    counted = [case for case, weight in zip(judged, stands_for, strict=True) if weight]
    said = [answer for case in counted if (answer := case.answer(name))]
    right = np.array([case.right(name) for case in counted], dtype=bool)
    stands_for = stands_for[stands_for > 0]
    truths = np.array([case.truth for case in counted], dtype=object)
    return VersionEvidence(
        name=name,
        weights=weights,
        answered=len(answered),
        outdated=len({case.name for case in (*sample, *fair) if _outdated(case, name)}),
        errors=dict(sorted(Counter(case.errors[name] for case in sample if name in case.errors).items())),
        accuracy=accuracy,
        strata=tuple(
            StratumEvidence(queue, stratum.population / len(answered), share(stratum.right, stratum.labelled))
            for queue, stratum in strata.items()
            if stratum.population
        ),
        missing=_missing(strata, accuracy),
        recall={
            label: weighted_share(right[truths == label], stands_for[truths == label])
            for label in sorted({case.truth for case in counted if case.truth})
            if label != NONE_OF_THESE
        },
        confusion=_confusion(name, judged),
        calibration=assess_calibration(np.array([answer.confidence for answer in said]), right, stands_for),
        latency_ms=_quantiles([case.latency_ms[name] for case in answered]),
    )


def _strata(sample: Sequence[Case], judged: Sequence[Case], right: Callable[[Case], bool]) -> dict[Queue, Stratum]:
    """Each stratum's size and labels."""
    found = {}
    for queue in STRATA:
        labelled = [case for case in judged if case.stratum is queue]
        found[queue] = Stratum(
            population=sum(case.stratum is queue for case in sample),
            labelled=len(labelled),
            right=sum(map(right, labelled)),
        )
    return found


def _stands_for(judged: Sequence[Case], strata: Mapping[Queue, Stratum]) -> Floats:
    """How many documents of the population sample each labelled document stands for."""
    return np.array([strata[case.stratum].population / strata[case.stratum].labelled for case in judged])


def _outdated(case: Case, name: str) -> bool:
    """Whether the document has been answered, but (in part, for the vote) by earlier weights."""
    return bool(case.outdated) if name == VOTE else name in case.outdated


def _missing(strata: Mapping[Queue, Stratum], accuracy: Estimate) -> str | None:
    if accuracy.value is not None:
        return None
    total = sum(stratum.population for stratum in strata.values())
    if not total:
        return "No document in the sample was answered by these weights."
    names = {Queue.REVIEW: "flagged for review", Queue.AUDIT: "that nothing spoke against"}
    gaps = [
        f"{stratum.population / total:.0%} of the documents are {names[queue]}"
        if queue is Queue.REVIEW
        else f"{stratum.population / total:.0%} are documents {names[queue]} (audits)"
        for queue, stratum in strata.items()
        if stratum.population and not stratum.labelled
    ]
    return f"Accuracy is unknown: {' and '.join(gaps)}, and none of them is labelled yet."


def _confusion(name: str, judged: Sequence[Case]) -> Confusion:
    pairs = Counter((case.truth or "", answer.label) for case in judged if (answer := case.answer(name)))
    answers = tuple(sorted({answer for _, answer in pairs} | {truth for truth, _ in pairs if truth != NONE_OF_THESE}))
    truths = tuple(sorted({truth for truth, _ in pairs}, key=lambda truth: (truth == NONE_OF_THESE, truth)))
    return Confusion(truths, answers, tuple(tuple(pairs[truth, answer] for answer in answers) for truth in truths))


def _quantiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """Each quantile that at least one document can be expected beyond."""
    n = len(milliseconds)
    return {
        f"p{quantile * 100:.0f}": float(np.quantile(milliseconds, quantile)) if n * (1 - quantile) >= 1 else None
        for quantile in QUANTILES
    }


def _notes(
    sample: Sequence[Case], known: Sequence[Case], fair: Sequence[Case], since: datetime | None, *, starved: bool
) -> list[str]:
    notes = []
    if starved and sample:
        notes.append("Nothing waits for a label just now: labels need further documents.")
    if picked := len(known) - len(fair):
        notes.append(f"{picked} labelled documents were picked by a person, not by chance: they are not counted.")
    if outdated := sum(bool(case.outdated) for case in fair):
        notes.append(f"{outdated} labelled documents were answered by a version's earlier weights: not counted for it.")
    if nothing := sum(case.truth == NONE_OF_THESE for case in fair):
        notes.append(f"{nothing} labelled documents fit no label: they count as wrong for every version.")
    if since:
        notes.append("Daily looks are allowed only while the start of the period stays the same.")
    if not sample:
        notes.append("There is no document with a verdict in this period.")
    return notes


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.metadata.get("json", each.name): _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value

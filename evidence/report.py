"""The report: all evidence on the versions of one stack, from records to one sentence of advice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from evidence.advice import Action, PromotionAdvice, advise_promotion
from evidence.candidates import CandidateEvidence
from evidence.challengers import ChallengerEvidence, assess_challengers, label_error_notes
from evidence.drift import Drift, detect_drift
from evidence.examples import STRATA, VOTE, Example, Exclusion, current_weights, examples_from
from evidence.intervals import Estimate, simple_share, stratified_share
from evidence.pair_counts import random_sample
from evidence.pairs import PairEvidence, compare_pairs, remaining_versions
from evidence.promises import audited_verdicts
from evidence.risk import RiskControl, control_risk
from evidence.versions import VersionEvidence, assess_version, stratify, vote_auroc
from records.keys import timestamp
from records.labels import NONE_OF_THESE
from records.policy import DEFAULT_POLICY, Policy
from records.record import Record
from records.reviews import Queue

DEFAULT_TARGET = 0.01
"""Largest share of automated verdicts that may be wrong, unless the policy promises another."""


@dataclass(frozen=True)
class Report:
    """All evidence on the versions of one stack.

    Attributes:
        made_at: Time of the report.
        since: Start of the period, by time of upload; None for no bound.
        until: End of the period; None for no bound.
        oldest: Time of the oldest upload in the population sample; None if the sample is empty.
        policy: Id of the current policy, under which the soft vote is taken.
        champion: Version that the others are compared with; empty for none.
        population: Number of documents in the population sample.
        flagged: Share of them whose verdict needs review.
        differing: Share of them on which versions differ.
        labelled: Number of labels by stratum: `review`, `evidence` and `audit` (random sample), and `other` (not used).
        none_of_them: Share of documents that fit no label, weighted.
        versions: Evidence on each version, sorted by name.
        vote: Evidence on the soft vote under the current policy.
        pairs: Comparison of every pair of versions.
        challengers: Evidence on each challenger of the champion beyond its comparison; empty without a champion.
        drift: Changes from day to day.
        advice: What to do.
        notes: Caveats and next steps, in sentences.
        risk: How often automated verdicts are wrong, by threshold of doubt.
        waiting: Number of documents that wait for a label, possibly counted to a limit; None if not counted.
        candidate: Evidence on a version that is not deployed; None if none was asked about.
    """

    made_at: datetime
    since: datetime | None
    until: datetime | None
    oldest: datetime | None
    policy: str
    champion: str
    population: int
    flagged: Estimate
    differing: Estimate
    labelled: Mapping[str, int]
    none_of_them: Estimate
    versions: tuple[VersionEvidence, ...]
    vote: VersionEvidence
    pairs: tuple[PairEvidence, ...]
    challengers: tuple[ChallengerEvidence, ...]
    drift: Drift
    advice: PromotionAdvice
    notes: tuple[str, ...]
    risk: RiskControl
    waiting: int | None = None
    candidate: CandidateEvidence | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values under stable keys; times in ISO 8601."""
        content: dict[str, Any] = _to_json(self)
        return content


def compute_report(
    labelled: Iterable[Record],
    population: Iterable[Record],
    *,
    now: datetime,
    policy: Policy = DEFAULT_POLICY,
    since: datetime | None = None,
    until: datetime | None = None,
    waiting: int | None = None,
    complete: bool = False,
    labels_complete: bool = True,
    target: float | None = None,
    floors: Mapping[str, float] | None = None,
) -> Report:
    """Build the report from records.

    Args:
        labelled: Records with a review, from any queue.
        population: The newest records of the period, labelled or not, without gaps.
        now: Time of the report.
        policy: The current policy.
        since: Start of the period, for display.
        until: End of the period, for display.
        waiting: Number of documents that wait for a label, if counted.
        complete: Whether `population` holds all records of the period. If so, bounds on the rate of disagreement are
            tighter: see `sequential.rate_bounds`.
        labels_complete: Whether `labelled` holds all labelled records of the period.
        target: Largest share of automated verdicts that may be wrong; that of the policy if None, or 1 %.
        floors: Threshold of doubt of each policy whose audits count, see `promises.thresholds_by_policy`.
    """
    labelled, population = list(labelled), list(population)
    weights = current_weights([*population, *labelled])
    versions = list(weights)
    sample = examples_from(population, weights, policy)
    with_label = [each for each in examples_from(labelled, weights, policy) if each.true_label is not None]
    drawn = random_sample(with_label)
    pairs = compare_pairs(versions, sample, drawn, champion=policy.champion, complete=complete)
    remaining = remaining_versions(versions, drawn)
    assessed = tuple(assess_version(name, weights[name], sample, drawn) for name in versions)
    challengers = assess_challengers(policy.champion, assessed, pairs, drawn)
    harm = {each.version: each.sentence for each in challengers if each.harmed}
    advice = advise_promotion(policy.champion, versions, pairs, remaining, harm)
    queue_empty = advice.action is Action.WAIT and waiting == 0
    return Report(
        made_at=now,
        since=since,
        until=until,
        oldest=min((example.uploaded_at for example in sample), default=None),
        policy=policy.id,
        champion=policy.champion,
        population=len(sample),
        flagged=simple_share(sum(example.stratum is Queue.REVIEW for example in sample), len(sample)),
        differing=simple_share(
            sum(len({each.label for each in example.predictions.values()}) > 1 for example in sample), len(sample)
        ),
        labelled={
            **{str(stratum): sum(each.stratum is stratum for each in drawn) for stratum in STRATA},
            str(Queue.OTHER): len(with_label) - len(drawn),
        },
        none_of_them=_none_of_these_share(sample, drawn),
        versions=assessed,
        vote=assess_version(VOTE, None, sample, drawn),
        pairs=tuple(pairs),
        challengers=tuple(challengers),
        drift=detect_drift(versions, sample),
        advice=advice,
        notes=(
            *_policy_notes(policy),
            *_sample_notes(sample, since, queue_empty=queue_empty),
            *_label_notes(with_label, drawn, complete=labels_complete),
            *label_error_notes(pairs, drawn),
        ),
        risk=_control_risk(sample, drawn, policy, target, {policy.id: policy.doubt_below} | dict(floors or {})),
        waiting=waiting,
    )


def _control_risk(
    population: Sequence[Example],
    labelled: Sequence[Example],
    policy: Policy,
    target: float | None,
    floors: Mapping[str, float],
) -> RiskControl:
    """Return the risk of the verdicts under the current weights; verdicts under others are not evidence on them."""
    audits = audited_verdicts(labelled, policy, floors)
    confidences = [-1.0 if each.other_doubt else each.vote.confidence for each in population if each.vote]
    return control_risk(
        audits,
        confidences,
        target=target or policy.at_most_wrong or DEFAULT_TARGET,
        in_force=policy.doubt_below,
        promised=policy.at_most_wrong is not None,
        auroc=vote_auroc(population, labelled),
    )


def _none_of_these_share(population: Sequence[Example], labelled: Sequence[Example]) -> Estimate:
    strata = stratify(population, labelled, lambda example: example.true_label == NONE_OF_THESE)
    return stratified_share(list(strata.values()))


def _policy_notes(policy: Policy) -> list[str]:
    return [f"{policy.id} replaced {policy.widened_from} automatically. {policy.why}"] if policy.widened_from else []


def _sample_notes(population: Sequence[Example], since: datetime | None, *, queue_empty: bool) -> list[str]:
    notes = []
    if not population:
        notes.append("No document in this period has a verdict.")
    elif queue_empty:
        notes.append("The review queue is empty: more labels require more documents.")
    if since:
        notes.append("Repeated looks are valid only with the same start of the period.")
    return notes


def _label_notes(labelled: Sequence[Example], drawn: Sequence[Example], *, complete: bool) -> list[str]:
    """Return caveats about the labels.

    Args:
        labelled: All labelled examples.
        drawn: Those of the random sample.
        complete: Whether all labels of the period were read.
    """
    notes = []
    if selected := sum(example.exclusion is Exclusion.SELECTED for example in labelled):
        notes.append(f"Excluded: {_documents(selected)} selected by a reviewer, not at random.")
    if late := sum(example.exclusion is Exclusion.LATE_PREDICTION for example in labelled):
        notes.append(
            f"Excluded: {_documents(late)} that a version classified after the label was given, possibly after "
            "training on it."
        )
    excluded = sum(each.exclusion in (None, Exclusion.CANDIDATE) for each in labelled) - len(drawn)
    if excluded:
        notes.append(f"Excluded: {_documents(excluded)} drawn for a candidate, which are not a random sample.")
    if outdated := sum(bool(example.outdated) for example in drawn):
        notes.append(f"Excluded for a version: {_documents(outdated)} that only its earlier weights classified.")
    if unmatched := sum(example.true_label == NONE_OF_THESE for example in drawn):
        notes.append(f"Counted as wrong for every version: {_documents(unmatched)} that fit no label.")
    if not complete:
        notes.append("Only the newest labels were read, so repeated looks are not valid: raise --labels.")
    return notes


def _documents(count: int) -> str:
    return "1 labelled document" if count == 1 else f"{count} labelled documents"


def _to_json(value: Any) -> Any:
    """Return plain JSON values. A dataclass field may state its JSON key in its metadata."""
    if is_dataclass(value):
        return {each.metadata.get("json", each.name): _to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _to_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(inner) for inner in value]
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value

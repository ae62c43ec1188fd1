"""Audits as evidence on the promise of a policy: which count, and whether they show that it is broken."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from evidence.examples import VOTE, Example, current_weights, examples_from
from evidence.pair_counts import audits_with_turn, random_sample
from evidence.risk import Audited, breaks_promise, widened_threshold
from records.policy import Policy
from records.record import Record


def audited_verdicts(drawn: Sequence[Example], policy: Policy, floors: Mapping[str, float]) -> list[Audited]:
    """Return the audited verdicts that are evidence on a policy, oldest label first.

    Args:
        drawn: Labelled examples of the random sample.
        policy: The current policy.
        floors: Threshold of doubt of each policy whose audits count, by ID; see `thresholds_by_policy`.
    """
    return [
        Audited(vote.confidence, not each.is_correct(VOTE), floors[each.policy], each.policy == policy.id)
        for each in audits_with_turn(drawn)
        if (vote := each.vote) and each.policy in floors
    ]


def thresholds_by_policy(history: Sequence[Policy]) -> dict[str, float]:
    """Return the threshold of doubt of each policy whose audits are evidence on the newest one, by ID.

    These have the same weights, and no promise was broken since: audits from before a drift do not count as
    evidence on the verdicts after it.

    Args:
        history: Policies, newest first.
    """
    unbroken = list(takewhile(lambda policy: not policy.widened_from, history))
    counting = history[: len(unbroken) + 1]  # with the policy that replaced a broken one
    return {policy.id: policy.doubt_below for policy in counting if policy.weights == history[0].weights}


def threshold_after_alarm(labelled: Iterable[Record], policy: Policy) -> float | None:
    """Return the threshold of doubt that should replace the policy's; None unless audits break its promise.

    Args:
        labelled: Labelled records.
        policy: The current policy.
    """
    if policy.at_most_wrong is None:
        return None
    labelled = list(labelled)
    examples = examples_from(labelled, current_weights(labelled), policy)
    audits = audited_verdicts(random_sample(examples), policy, {policy.id: policy.doubt_below})
    above = [each for each in audits if each.confidence >= policy.doubt_below]
    if not breaks_promise(above, policy.at_most_wrong):
        return None
    return widened_threshold(above, policy.doubt_below, policy.at_most_wrong)

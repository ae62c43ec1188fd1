"""Promotion: write new policies, which say how predictions are combined into verdicts."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from records.errors import RecordConflict, RecordsUnavailable
from records.policy import DEFAULT_POLICY, Policy
from records.table import PolicyTable
from triptych.errors import TriptychError, UsageError
from triptych.storage.results import RecordQuery, Results
from triptych.terminal.record_views import version_names

_RECENT = 50
"""Number of newest records whose versions count as deployed."""


@dataclass(frozen=True)
class PolicyChange:
    """A change to the active policy. Whatever is not given stays the same.

    Attributes:
        to: Version to promote, which then decides alone unless `weights` are given; or the id of an earlier policy,
            whose weights, champion and audit share are restored.
        weights: Weight of each version that has a vote.
        audit_share: Share of verdicts without doubt to put into the audit sample.
        doubt_below: Confidence below which a verdict is doubtful.
        at_most_wrong: Largest share of automated verdicts that may be wrong, which `doubt_below` keeps. A
            promise ends with the weights that it was certified for.
    """

    to: str = ""
    weights: Mapping[str, float] | None = None
    audit_share: float | None = None
    doubt_below: float | None = None
    at_most_wrong: float | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The given values that are independent of the versions, by field of `Policy`."""
        given = {name: getattr(self, name) for name in ("audit_share", "doubt_below", "at_most_wrong")}
        return {name: value for name, value in given.items() if value is not None}


class Promotions:
    """Reads and writes the policies of one stack.

    Args:
        policies: The table of policies.
        results: The table of records, which shows which versions are deployed.
        now: Returns the current time.
    """

    def __init__(
        self,
        policies: PolicyTable,
        results: Results,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policies = policies
        self._results = results
        self._now = now

    def current(self) -> Policy:
        """Return the active policy.

        Raises:
            TriptychError: The table cannot be read.
        """
        with _translate_errors():
            return self._policies.newest()

    def history(self, limit: int = 50) -> list[Policy]:
        """Return at most `limit` policies, newest first and the default policy last.

        Raises:
            TriptychError: The table cannot be read.
        """
        with _translate_errors():
            return [*self._policies.history(limit=limit), DEFAULT_POLICY][:limit]

    def versions(self) -> list[str]:
        """Return the sorted names of the versions that recent documents were sent to."""
        return version_names(self._results.newest(RecordQuery.where(), limit=_RECENT))

    def promote(self, change: PolicyChange, *, by: str, why: str) -> Policy:
        """Write a new policy, which becomes active at once.

        Raises:
            UsageError: The change is empty or invalid, or names a version that is not deployed.
            TriptychError: Someone else wrote a policy at the same time, or the table is unavailable.
        """
        if not why.strip() or not by.strip():
            raise UsageError("A promotion needs an author and a reason: both are kept in the history of policies.")
        current = self.current()
        try:
            changed = self._apply(change, current)
            if changed.weights != current.weights or change.doubt_below is not None:
                changed = replace(changed, at_most_wrong=None)
            changed = replace(changed, **change.values, widened_from="")
            new = replace(changed, id=f"p{current.number + 1}", by=by.strip(), why=why.strip(), at=self._now())
        except ValueError as error:
            raise UsageError(f"Invalid policy: {error}.") from None
        with _translate_errors():
            try:
                self._policies.add(new)
            except RecordConflict:
                raise TriptychError(f"Someone else wrote {new.id} at the same time. Check it and try again.") from None
        return new

    def _apply(self, change: PolicyChange, current: Policy) -> Policy:
        """Return the current policy with the change, still under the old id, author and reason."""
        if not change.to and change.weights is None and not change.values:
            raise UsageError(
                "Nothing to change: name a version or an earlier policy, or use --weights, --audit-share, "
                "--doubt-below or --at-most-wrong."
            )
        if change.to:
            with _translate_errors():
                earlier = self._policies.find(change.to)
            if earlier:
                return self._restore(earlier, change)
            if re.fullmatch(r"p\d+", change.to):
                raise UsageError(f"No policy {change.to}: `triptych policy` lists all policies.")
        if not change.to and change.weights is None:
            return current
        weights = {change.to: 1.0} if change.weights is None else change.weights
        self._check_deployed([*weights, *filter(None, [change.to])])
        return replace(current, weights=weights, champion=change.to or _heaviest(weights, current.champion))

    def _restore(self, earlier: Policy, change: PolicyChange) -> Policy:
        if change.weights is not None:
            raise UsageError(f"{earlier.id} has its own weights: remove --weights, or name a version.")
        deployed = self.versions()
        if earlier.weights and deployed and not any(map(earlier.weight, deployed)):
            raise UsageError(f"{earlier.id} gives no vote to any deployed version ({', '.join(deployed)}).")
        return earlier

    def _check_deployed(self, versions: list[str]) -> None:
        deployed = self.versions()
        unknown = sorted(set(versions) - set(deployed))
        if unknown and deployed:
            raise UsageError(
                f"Not deployed: {', '.join(unknown)}. Recent documents were sent to {', '.join(deployed)} only. "
                "Deploy a version first, so that you can compare its predictions before they count."
            )
        if unknown:
            raise UsageError(
                "No documents have been processed yet, so the deployed versions are unknown. Upload one first."
            )


def _heaviest(weights: Mapping[str, float], champion: str) -> str:
    """Return the version with the largest weight; of several, the champion, or none if it is not among them."""
    heaviest = [version for version, weight in weights.items() if weight == max(weights.values())]
    return heaviest[0] if len(heaviest) == 1 else champion if champion in heaviest else ""


def parse_weights(text: str) -> dict[str, float]:
    """Parse weights such as `v1=1,v2=0.5`.

    Raises:
        UsageError: The text has another form, or names a version twice.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        version, equals, weight = (piece.strip() for piece in part.partition("="))
        try:
            number = float(weight)
        except ValueError:
            number = None
        if not version or not equals or number is None or version in weights:
            raise UsageError(f"Invalid weights {text!r}: give each version once, as in v1=1,v2=1,v3=2.")
        weights[version] = number
    return weights


def parse_share(text: str) -> float:
    """Parse a share such as `1%` or `0.01`.

    Raises:
        UsageError: The text has another form, or the share is not between 0 and 1.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if rest or not 0 < share < 1:
        raise UsageError(f"Invalid share {text!r}: use 1% or 0.01.")
    return share


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except RecordsUnavailable as error:
        raise TriptychError(str(error)) from error

"""Change whose answers make the verdict: a new policy, made from the one that holds and what a person wants changed."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from records.errors import RecordConflict, RecordsUnavailable
from records.policy import DEFAULT_POLICY, Policy
from records.table import PolicyTable
from triptych.errors import TriptychError, UsageError
from triptych.storage.results import RecordQuery, Results

_LOOKED_AT = 50
"""A version is known if it stands in one of so many of the newest records."""


@dataclass(frozen=True)
class PolicyChange:
    """What a person wants changed; what is not given stays as it is.

    Attributes:
        to: A version, which then decides alone unless `weights` say otherwise; or the id of an earlier policy, whose
            weights, champion and share of audits are to hold again.
        weights: Whose answers count, and how much.
        audit_share: How much of what nothing speaks against is put before a person.
    """

    to: str = ""
    weights: Mapping[str, float] | None = None
    audit_share: float | None = None


class Promotions:
    """Makes policies.

    Args:
        policies: those that there are.
        results: the records, which tell what versions there are.
    """

    def __init__(self, policies: PolicyTable, results: Results) -> None:
        self._policies = policies
        self._results = results

    def current(self) -> Policy:
        """The policy that holds.

        Raises:
            TriptychError: the table cannot be read just now.
        """
        with _told():
            return self._policies.newest()

    def history(self, limit: int = 50) -> list[Policy]:
        """The policies that were made, newest first, and after them what held before there was any.

        Raises:
            TriptychError: the table cannot be read just now.
        """
        with _told():
            return [*self._policies.history(limit=limit), DEFAULT_POLICY][:limit]

    def versions(self) -> list[str]:
        """The versions that the newest documents were put to, in order."""
        newest = self._results.newest(RecordQuery.where(), limit=_LOOKED_AT)
        return sorted({version for record in newest for version in record.predictions})

    def promote(self, wish: PolicyChange, *, by: str, why: str) -> Policy:
        """Make the policy that a person wants, and have it hold from now on.

        Raises:
            UsageError: it makes no sense, or trusts a version that no document was put to lately.
            TriptychError: somebody else made one at the same moment, or the table is not there just now.
        """
        if not why.strip() or not by.strip():
            raise UsageError("Say who promotes and why: whoever reads the history will want to know.")
        current = self.current()
        try:
            wanted = self._wanted(wish, current)
            if wish.audit_share is not None:
                wanted = replace(wanted, audit_share=wish.audit_share)
            made = replace(wanted, id=f"p{current.number + 1}", by=by.strip(), why=why.strip(), at=datetime.now(UTC))
        except ValueError as error:
            raise UsageError(f"That is no policy: {error}.") from None
        with _told():
            try:
                self._policies.add(made)
            except RecordConflict:
                raise TriptychError(f"Somebody else made {made.id} just now: look at it and try again.") from None
        return made

    def _wanted(self, wish: PolicyChange, current: Policy) -> Policy:
        """The current policy with the wish granted, still under its old id, name and reason."""
        if not wish.to and wish.weights is None and wish.audit_share is None:
            raise UsageError("What is to change? Name a version, an earlier policy, --weights or --audit-share.")
        if wish.to:
            with _told():
                earlier = self._policies.find(wish.to)
            if earlier:
                return self._again(earlier, wish)
            if re.fullmatch(r"p\d+", wish.to):
                raise UsageError(f"There is no policy {wish.to}: `triptych policy` lists them.")
        if not wish.to and wish.weights is None:
            return current
        weights = {wish.to: 1.0} if wish.weights is None else wish.weights
        self._check_known([*weights, *filter(None, [wish.to])])
        return replace(current, weights=weights, champion=wish.to or _heaviest(weights, current.champion))

    def _again(self, earlier: Policy, wish: PolicyChange) -> Policy:
        if wish.weights is not None:
            raise UsageError(f"{earlier.id} has weights of its own: leave --weights out, or name a version.")
        known = self.versions()
        if earlier.weights and known and not any(map(earlier.weight, known)):
            raise UsageError(f"{earlier.id} trusts none of the versions that there are now ({', '.join(known)}).")
        return earlier

    def _check_known(self, wanted: list[str]) -> None:
        known = self.versions()
        unknown = sorted(set(wanted) - set(known))
        if unknown and known:
            raise UsageError(
                f"No recent document was put to {', '.join(unknown)}, only to {', '.join(known)}. "
                "A version is deployed first and promoted after: so its answers can be watched before they count."
            )
        if unknown:
            raise UsageError("There is no document yet, so it cannot be told which versions there are: drop one first.")


def _heaviest(weights: Mapping[str, float], champion: str) -> str:
    """The version that weighs most; among several the champion, if it is one of them, else none."""
    most = [version for version, weight in weights.items() if weight == max(weights.values())]
    return most[0] if len(most) == 1 else champion if champion in most else ""


def parse_weights(text: str) -> dict[str, float]:
    """Read `v1=1,v2=0.5`.

    Raises:
        UsageError: it is not of that form.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        version, equals, weight = (piece.strip() for piece in part.partition("="))
        try:
            number = float(weight)
        except ValueError:
            number = None
        if not version or not equals or number is None or version in weights:
            raise UsageError(f"{text!r} are no weights: give each version once, as in v1=1,v2=1,v3=2")
        weights[version] = number
    return weights


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RecordsUnavailable as error:
        raise TriptychError(str(error)) from error

"""Policies: how verdicts are made, and which share of unquestioned verdicts is audited.

Policies are data, which change without a deployment. Each is an item of the table of records, under a partition key
that no document can have, because bucket names contain no `~`. Policies are immutable: the newest is in force, and the
others document who changed what, when and why.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.keys import decimals, timestamp

POLICY_KEY = "~policy"
"""Partition key of all policies."""

DOUBT_BELOW = 0.85
"""Confidence below which a verdict needs review, unless a policy states another. models/README.md states which share of
the verdicts on held-out pages needs review."""

MAX_DOUBT = 1.01
"""Largest threshold of doubt, above every confidence."""

MAX_WEIGHT = 1000.0
"""Maximum weight of a version."""


@dataclass(frozen=True)
class Policy:
    """How a verdict is made.

    Attributes:
        id: `p1`, `p2` … in order of creation; `p0` is the default policy.
        weights: Weight of each version in the soft vote. A version that is not named is called and recorded, but has
            no vote, so that its predictions can be evaluated first. If no version is named, all weigh the same.
        champion: The version trusted most, with which others are compared; empty before the first promotion.
        audit_share: Share of the verdicts without review reasons that are audited.
        by: Who created the policy.
        at: When the policy was created; None for the default policy.
        why: Why the policy was created.
        doubt_below: Confidence below which a verdict needs review; above 1 for all verdicts.
        at_most_wrong: Largest share of wrong verdicts among those that need no review, which `doubt_below` is chosen
            for; None without such a promise.
        widened_from: ID of the policy whose promise audits showed to be broken, so that this one with a higher
            `doubt_below` replaced it automatically; empty for policies that a user wrote.
    """

    id: str
    weights: Mapping[str, float]
    champion: str
    audit_share: float
    by: str
    at: datetime | None
    why: str
    doubt_below: float = DOUBT_BELOW
    at_most_wrong: float | None = None
    widened_from: str = ""

    def __post_init__(self) -> None:
        """Validate the policy.

        Raises:
            ValueError: A value is invalid; the message is for users.
        """
        if not (self.id[:1] == "p" and self.id[1:].isdecimal() and self.id.isascii()):
            raise ValueError(f"invalid policy ID {self.id!r}: use p1, p2 …")
        for version, weight in self.weights.items():
            if not (math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
                raise ValueError(f"the weight of {version} must be between 0 and {MAX_WEIGHT:.0f}, not {weight}")
        if self.weights and not any(self.weights.values()):
            raise ValueError("at least one version needs a weight above 0")
        if self.champion and not self.weight(self.champion):
            raise ValueError(f"the champion {self.champion} needs a weight above 0")
        if not 0 <= self.audit_share <= 1:
            raise ValueError(f"the share of audits must be between 0 and 1, not {self.audit_share}")
        if not 0 <= self.doubt_below <= MAX_DOUBT:
            raise ValueError(f"the threshold of doubt must be between 0 and {MAX_DOUBT:g}, not {self.doubt_below}")
        if self.at_most_wrong is not None and not 0 < self.at_most_wrong < 1:
            raise ValueError(f"the share of wrong verdicts must be between 0 and 1, not {self.at_most_wrong}")

    @property
    def number(self) -> int:
        """Number in the ID."""
        return int(self.id[1:])

    def weight(self, version: str) -> float:
        """Return the version's weight in the soft vote."""
        return self.weights.get(version, 0.0) if self.weights else 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return the policy as plain JSON values."""
        return {
            "id": self.id,
            "weights": dict(self.weights),
            "champion": self.champion,
            "audit_share": self.audit_share,
            "by": self.by,
            "at": timestamp(self.at) if self.at else None,
            "why": self.why,
            "doubt_below": self.doubt_below,
            "at_most_wrong": self.at_most_wrong,
            "widened_from": self.widened_from or None,
        }

    def to_item(self) -> dict[str, Any]:
        """Return the policy as an item of the table; it has no index keys."""
        content = {name: value for name, value in self.as_dict().items() if value is not None}
        item: dict[str, Any] = decimals({**content, "document": POLICY_KEY, "sequencer": policy_sort_key(self.number)})
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Policy":
        """Read an item of the table.

        Raises:
            ValueError: The item is not a policy, or the policy is invalid.
        """
        try:
            return cls(
                id=item["id"],
                weights={str(version): float(weight) for version, weight in item["weights"].items()},
                champion=str(item["champion"]),
                audit_share=float(item["audit_share"]),
                by=str(item["by"]),
                at=datetime.fromisoformat(item["at"]) if "at" in item else None,
                why=str(item["why"]),
                doubt_below=float(item.get("doubt_below", DOUBT_BELOW)),
                at_most_wrong=float(item["at_most_wrong"]) if "at_most_wrong" in item else None,
                widened_from=str(item.get("widened_from", "")),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a policy: {error!r}") from error


DEFAULT_POLICY = Policy("p0", {}, "", 0.1, by="", at=None, why="No version has been promoted yet: all weigh the same.")
"""The policy in force until another one is created."""


def policy_sort_key(number: int) -> str:
    """Return the sort key of the policy with this number."""
    return f"{number:012d}"

"""The policy: whose answers make the verdict, and how often an unquestioned verdict is audited all the same.

Policies are data, changed without a deployment. Each is an item of the records' table under a document that no
upload can have (a bucket's name holds no `~`), and none is ever overwritten: the newest holds, the others are the
history of who changed what, when and why.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.keys import decimals, timestamp

POLICY_KEY = "~policy"
"""The partition key of all policies."""

MAX_WEIGHT = 1000.0


@dataclass(frozen=True)
class Policy:
    """How a verdict is made.

    Attributes:
        id: `p1`, `p2` … in the order in which they were made; `p0` is what holds before anybody made one.
        weights: Each version's weight in the vote. A version that is not named answers and is recorded, but has no
            vote: so a new one can be watched before it is trusted. Where none is named, all weigh the same.
        champion: The version that is trusted most, with which others are compared; empty where none is.
        audit_share: Of the verdicts that nothing speaks against, this share is put before a person.
        by, at, why: Who made the policy, when and for what reason.
    """

    id: str
    weights: Mapping[str, float]
    champion: str
    audit_share: float
    by: str
    at: datetime | None
    why: str

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: says what is wrong, for a person.
        """
        if not (self.id[:1] == "p" and self.id[1:].isdecimal() and self.id.isascii()):
            raise ValueError(f"{self.id!r} is no id of a policy: p1, p2 …")
        for version, weight in self.weights.items():
            if not (math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
                raise ValueError(f"the weight of {version} must be between 0 and {MAX_WEIGHT:.0f}, not {weight}")
        if self.weights and not any(self.weights.values()):
            raise ValueError("at least one version needs a weight above 0")
        if self.champion and not self.weight(self.champion):
            raise ValueError(f"the champion {self.champion} needs a weight above 0")
        if not 0 <= self.audit_share <= 1:
            raise ValueError(f"the share of audits must be between 0 and 1, not {self.audit_share}")

    @property
    def number(self) -> int:
        """The number in the id."""
        return int(self.id[1:])

    def weight(self, version: str) -> float:
        """The version's weight in the vote."""
        return self.weights.get(version, 0.0) if self.weights else 1.0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "id": self.id,
            "weights": dict(self.weights),
            "champion": self.champion,
            "audit_share": self.audit_share,
            "by": self.by,
            "at": timestamp(self.at) if self.at else None,
            "why": self.why,
        }

    def to_item(self) -> dict[str, Any]:
        """The policy as the table keeps it; it stands in no index."""
        content = {name: value for name, value in self.as_dict().items() if value is not None}
        item: dict[str, Any] = decimals({**content, "document": POLICY_KEY, "sequencer": sort_key(self.number)})
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Policy":
        """Read an item.

        Raises:
            ValueError: it is no policy, or one that makes no sense.
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
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it is no policy: {error!r}") from error


DEFAULT_POLICY = Policy("p0", {}, "", 0.1, by="", at=None, why="Nobody has promoted a version yet: all weigh the same.")
"""What holds as long as nobody has said otherwise."""


def sort_key(number: int) -> str:
    """The sort key of the policy with this number."""
    return f"{number:012d}"

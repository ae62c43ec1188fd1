"""The reference model: what anyone may observe, as docs/semantics.md numbers it, checked at each write and at the end.

It is written as simply as the guarantees are stated, and without the code that the simulation tests. Of the product it
uses the pure function that defines the vote.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from records.outcomes import outcome_from_dict
from records.policy import DEFAULT_POLICY, Policy
from records.verdict import combine
from testkit.simulation.services import true_prediction
from testkit.simulation.table import INDEX_KEYS, Item, Key

POLICIES = "~policy"
_UNREADABLE = {"deleted", "superseded", "archived"}
"""Kinds of reasons that come from the object, and end if it becomes readable again."""


@dataclass(frozen=True)
class UploadFact:
    """An upload as it happened.

    Attributes:
        number: Its number.
        document: Bucket and key.
        identity: Version ID, or the ETag in a bucket without versions.
        content: Its bytes.
        announced: Whether S3 delivers an event for it.
    """

    number: int
    document: str
    identity: str
    content: bytes
    announced: bool


@dataclass(frozen=True)
class Violation:
    """A guarantee that did not hold, by its number in docs/semantics.md."""

    guarantee: int
    detail: str


class Reference:
    """Observes all writes, and notes violations.

    Args:
        now: Virtual time.
        punctual: Whether no request is slow or fails, so that a new policy must take effect in time.
    """

    def __init__(self, now: Callable[[], float], *, punctual: bool) -> None:
        self.violations: list[Violation] = []
        self.uploads: dict[tuple[str, str], UploadFact] = {}
        self.records: dict[tuple[str, str], Key] = {}
        self.policies: list[tuple[float, Mapping[str, Any]]] = [(0.0, {})]  # of p0, which is not stored
        self.promoted: set[str] = set()
        self.revisions: dict[str, str] = {}
        self.label_writes: Counter[str] = Counter()
        self.last_writer: dict[tuple[str, str], str] = {}
        self._now, self._punctual = now, punctual

    def fail(self, guarantee: int, detail: str) -> None:
        """Record a violation."""
        self.violations.append(Violation(guarantee, detail))

    def expect(self, guarantee: int, condition: bool, detail: str) -> None:
        """Record a violation unless the condition holds."""
        if not condition:
            self.violations.append(Violation(guarantee, detail))

    def wrote(self, key: Key, before: Item | None, after: Item | None, actor: str) -> None:
        """Check one change of the table."""
        if after is None:
            self.fail(3, f"{actor} deleted {key}")
        elif key[0] == POLICIES:
            self._wrote_policy(key, before, after, actor)
        else:
            self._wrote_record(key, before or {}, after, actor)

    def check_events(self, sent: Sequence[Mapping[str, Any]], kept: Sequence[str]) -> None:
        """Check the events that were sent, and the messages of the publisher's dead-letter queue."""
        contents: dict[str, Mapping[str, Any]] = {}
        for event in sent:
            known = contents.setdefault(event["id"], event)
            self.expect(24, known == event, f"two events {event['id']} differ")
            status = self.revisions.get(event["id"])
            self.expect(24, event["status"] == status, f"the event {event['id']} says {event['status']}, not {status}")
        for name in self.revisions:
            found = name in contents or any(name in message for message in kept)
            self.expect(23, found, f"no event about {name}")

    def _wrote_policy(self, key: Key, before: Item | None, after: Item, actor: str) -> None:
        self.expect(15, before is None, f"{actor} changed the policy {key[1]}")
        self.expect(15, int(key[1]) == len(self.policies), f"{actor} left out a policy before {key[1]}")
        self.expect(16, actor.startswith("promote"), f"{actor} wrote a policy")
        self.policies.append((self._now(), after))
        self.promoted.add(actor)

    def _wrote_record(self, key: Key, before: Item, after: Item, actor: str) -> None:
        identity = (key[0], after.get("version_id") or after["etag"])
        fact = self.uploads.get(identity)
        if fact is None:
            self.fail(2, f"{actor} wrote {key} about an object that nobody uploaded: {identity}")
            return
        if not _is_person(actor):
            self.last_writer[identity] = actor
        known = self.records.setdefault(identity, key)
        self.expect(1, known == key, f"{actor} wrote {key}, but upload {fact.number} has the record {known}")
        self.expect(
            11,
            after["revision"] == before.get("revision", 0) + 1,
            f"{actor} replaced revision {before.get('revision')} of {key} by {after['revision']}",
        )
        self._check_predictions(fact, before, after, actor)
        self._check_status(fact, after, actor)
        if before.get("predictions") != after["predictions"] or before.get("policy") != after.get("policy"):
            self._check_verdict(after, actor)
        self._check_finality(before, after, actor)
        self._check_labels(before, after, actor)
        self._check_indexes(after, actor)
        self.revisions[f"{key[0]}:{key[1]}:{after['revision']}"] = after["status"]
        if "attempt" in actor and not before:
            self.expect(21, after["latency_ms"] <= 3000, f"{actor} took {after['latency_ms']} ms")

    def _check_predictions(self, fact: UploadFact, before: Item, after: Item, actor: str) -> None:
        outcomes = after["predictions"]
        for version, outcome in before.get("predictions", {}).items():
            if "error" not in outcome:
                self.expect(5, outcomes.get(version) == outcome, f"{actor} lost or changed what {version} predicted")
        for version, outcome in outcomes.items():
            if "error" not in outcome:
                weights = outcome["model_sha256"].partition("-")[2]
                truth = true_prediction(version, weights, fact.content)
                same = all(outcome[name] == _decimal(truth[name]) for name in ("label", "confidence", "probabilities"))
                self.expect(2, same, f"{actor} recorded a prediction of {version} that is not of this document")

    def _check_status(self, fact: UploadFact, after: Item, actor: str) -> None:
        outcomes, kind = after["predictions"], after.get("reason", {}).get("kind")
        predicted = sum("error" not in outcome for outcome in outcomes.values())
        rejected = sum(outcome.get("error", {}).get("kind") == "rejected" for outcome in outcomes.values())
        if kind in _UNREADABLE:
            expected = "PARTIAL" if predicted else "REJECTED"
        elif not predicted and after["status"] == "REJECTED":
            expected = "REJECTED"
            self.expect(7, rejected * 2 > len(outcomes), f"{actor} rejected {fact.number} because of {rejected}")
        else:
            expected = "FAILED" if not predicted else "COMPLETE" if predicted == len(outcomes) else "PARTIAL"
        self.expect(6, after["status"] == expected, f"{actor} wrote {after['status']}, not {expected}")
        self.expect(6, ("label" in after) == bool(predicted), f"{actor} wrote a verdict without predictions, or none")

    def _check_verdict(self, after: Item, actor: str) -> None:
        if "label" not in after:
            return
        number = int(after["policy"][1:])
        if number >= len(self.policies):
            self.fail(8, f"{actor} named the policy {after['policy']}, which does not exist")
            return
        verdict = combine(
            {version: outcome_from_dict(outcome) for version, outcome in after["predictions"].items()},
            Policy.from_item(self.policies[number][1]) if number else DEFAULT_POLICY,
        )
        expected = verdict and (verdict.label, list(verdict.review_reasons))
        found = (after["label"], after["review_reasons"])
        self.expect(8, found == expected, f"{actor} wrote the verdict {found}, not {expected}")
        if self._punctual:
            due = max(each for each, (at, _) in enumerate(self.policies) if at <= max(0.0, self._now() - 100))
            self.expect(9, number >= due, f"{actor} still used {after['policy']}; p{due} is long in force")

    def _check_finality(self, before: Item, after: Item, actor: str) -> None:
        if _is_person(actor) or not before:
            return
        self.expect(10, before["status"] != "COMPLETE", f"{actor} changed a COMPLETE record")
        if before["status"] == "REJECTED" and before["reason"]["kind"] not in _UNREADABLE:
            self.expect(10, "label" in after, f"{actor} changed a REJECTED record without a prediction")

    def _check_labels(self, before: Item, after: Item, actor: str) -> None:
        old, new = _labels(before), _labels(after)
        if not _is_person(actor):
            self.expect(14, old == new, f"{actor} changed the labels {old} to {new}")
            return
        self.label_writes[actor] += 1
        acts = [(each["label"], each["by"], each["at"]) for each in new]
        # Two commands may assign the same label within a millisecond. One command may not store it twice.
        repeated = len(acts) > len(set(acts)) and self.label_writes[actor] > 1
        self.expect(12, not repeated, f"{actor} stored one label twice: {new}")
        if actor.startswith("label"):
            self.expect(12, new[:-1] == old, f"{actor} changed earlier labels: {old} to {new}")
            first = old[-1]["queue"] if old else new[-1]["queue"]
            self.expect(14, new[-1]["queue"] == first, f"{actor} changed the queue of the first label")
        else:
            self.expect(13, new == old[:-1], f"{actor} changed more than the last label: {old} to {new}")
            self.expect(13, bool(old) and old[-1]["by"] in actor, f"{actor} removed another reviewer's label")

    def _check_indexes(self, after: Item, actor: str) -> None:
        queue = None
        if after.get("review"):
            queue = "reviewed"
        elif "label" in after:
            predicted = {each["label"] for each in after["predictions"].values() if "label" in each}
            queue = "review" if after["needs_review"] else "audit" if after.get("audit") else None
            queue = queue or ("evidence" if len(predicted) > 1 else None)
        values = {"by_time": "all", "by_label": after.get("label"), "by_status": after["status"], "by_review": queue}
        for index, value in values.items():
            found = after.get(INDEX_KEYS[index], "#").partition("#")[0] or None
            self.expect(18, found == value, f"{actor} put the record under {found} of {index}, not {value}")


def _is_person(actor: str) -> bool:
    return actor.startswith(("label", "undo"))


def _decimal(value: Any) -> Any:
    """Return a number as the table stores it."""
    if isinstance(value, dict):
        return {name: _decimal(each) for name, each in value.items()}
    return type(value)(value) if isinstance(value, str) else _Close(value)


class _Close:
    """A number that equals those that differ by rounding only."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, object) and math.isclose(float(other), self._value, abs_tol=1e-5)  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]


def _labels(item: Item) -> list[dict[str, Any]]:
    """Return all labels of a record, oldest first, without the draw, which code of version 0.2 does not keep."""
    reviews = [*item.get("earlier_reviews", []), *([item["review"]] if "review" in item else [])]
    return [{name: each[name] for name in ("label", "by", "at", "queue")} for each in reviews]

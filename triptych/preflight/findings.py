"""Findings of the preflight: what would go wrong, in a sentence, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Findings = Iterator["Finding"]
"""The findings of a check; empty if it found nothing."""


class Severity(StrEnum):
    """Severity of a finding for the deployment."""

    PROBLEM = "problem"
    """The deployment would fail, or lose documents."""
    WARNING = "warning"
    """The deployment would succeed, but something later would not."""
    UNCHECKED = "unchecked"
    """A call was denied or failed, so nothing is known."""


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        sentence: What is wrong, as a complete sentence.
        remedy: What to do, as a sentence or a command.
    """

    sentence: str
    remedy: str
    severity: Severity = Severity.PROBLEM


def warning(sentence: str, remedy: str) -> Finding:
    """Return a finding that does not prevent the deployment."""
    return Finding(sentence, remedy, Severity.WARNING)

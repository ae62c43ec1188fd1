"""Search of labels by what a reviewer types, for models with more labels than keys."""

import re
from collections.abc import Sequence

from records.labels import normalize_label

_MAX_SHOWN = 10


def find_labels(text: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that a user may mean by a text.

    The label that equals the text is the only one. Otherwise, all labels that start with the text are returned, or else
    all in which another word starts with it. Case is ignored, and so are the differences between spaces, underscores
    and hyphens.

    Args:
        text: What the user typed.
        labels: The labels to choose from.
    """
    wanted = _comparable(text)
    if not wanted:
        return []
    exact = [label for label in labels if label == normalize_label(text.strip())]
    equal = [label for label in labels if _comparable(label) == wanted]
    starting = [label for label in labels if _comparable(label).startswith(wanted)]
    return exact or equal or starting or [label for label in labels if f" {wanted}" in _comparable(label)]


def describe_matches(text: str, found: Sequence[str]) -> str:
    """Return a message about a text that does not identify one label."""
    if not found:
        return f"No label starts with {text.strip()!r}."
    more = f" and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
    return f"{text.strip()!r} matches {', '.join(found[:_MAX_SHOWN])}{more}: type more of the label."


def _comparable(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", normalize_label(text).casefold()).strip()

"""Names of labels: one spelling of each, without characters that deceive readers.

Two names may look alike and differ in their code points: `ü` is one code point in Unicode form NFC, and two in form
NFD, which some systems use for the names of folders. Labels are therefore normalized to NFC wherever they enter: in
training folders, manifests, responses of services, stored records, reviews and sheets.
"""

import re
import unicodedata
from collections.abc import Sequence

NONE_OF_THESE = "none-of-these"
"""A reviewer's label for a document that fits none of the versions' labels."""

RESERVED_LABELS = frozenset({NONE_OF_THESE})
"""Names with a meaning of their own, which no model may use."""

_DECEPTIVE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff"  # surrogates: bytes of a folder's name that are not UTF-8
    "]"
)


def normalize_label(label: str) -> str:
    """Return the label in Unicode form NFC."""
    return unicodedata.normalize("NFC", label)


def check_new_label(label: str) -> None:
    """Check the name of a label that a model is to learn.

    Raises:
        ValueError: The name is reserved or has control characters; the message is for users.
    """
    if normalize_label(label).casefold() in RESERVED_LABELS:
        raise ValueError(f"the label {label!r} is reserved for documents that fit no label: choose another name")
    if found := _DECEPTIVE.search(label):
        raise ValueError(f"the label {label!r} contains a control character (U+{ord(found[0]):04X}): remove it")


def find_labels(text: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that a user may mean by a text.

    The label that equals the text is the only one. Otherwise, all labels that start with the text are returned, or else
    all that contain it. Case is ignored, and so are the differences between spaces, underscores and hyphens.

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
    return exact or equal or starting or [label for label in labels if wanted in _comparable(label)]


def _comparable(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", normalize_label(text).casefold()).strip()

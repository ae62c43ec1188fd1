"""Names of labels: one spelling of each, without characters that deceive readers.

Two names may look alike and differ in their code points: `ü` is one code point in Unicode form NFC, and two in form
NFD, which some systems use for the names of folders. Labels are therefore normalized to NFC wherever they enter: in
training folders, manifests, responses of services, stored records, reviews and sheets.
"""

import re
import unicodedata

NONE_OF_THESE = "none-of-these"
"""A reviewer's label for a document that fits none of the versions' labels."""

RESERVED_LABELS = frozenset({NONE_OF_THESE})
"""Reserved names, which no model may use."""

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

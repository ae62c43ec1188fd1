"""Protects: what a reviewer types finds the label that is meant, and never another one."""

import pytest

from triptych.review.label_search import find_labels

NFC, NFD = "Gr\u00fc\u00dfe", "Gru\u0308\u00dfe"
LABELS = ["bank_statement", "form", "format-sheet", "invoice", NFC, "invoice_draft"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("invoice", ["invoice"]),
        ("INV", ["invoice", "invoice_draft"]),
        ("Bank Statement", ["bank_statement"]),
        ("format sheet", ["format-sheet"]),
        ("form", ["form"]),
        ("forma", ["format-sheet"]),
        ("state", ["bank_statement"]),
        ("v", []),
        (NFD, [NFC]),
        ("gru\u0308", [NFC]),
        ("poem", []),
        ("  ", []),
    ],
)
def test_text_finds_labels(text: str, found: list[str]) -> None:
    assert find_labels(text, LABELS) == found

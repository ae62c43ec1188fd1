"""Protects: text from outside cannot control the terminal, and JSON output keeps its content."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.terminal.text import printable, to_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred.pdf", "␛[31mred.pdf"),
        ("two\nlines", "two␊lines"),
        ("\x7f", "␡"),
        ("\x9b2J", "\ufffd2J"),
        ("invoice\u202efdp.exe", "invoice\ufffdfdp.exe"),
        ("Pr\udcfcfung.pdf", "Pr\ufffdfung.pdf"),
        ("Grüße 請求書 👩‍🔬.pdf", "Grüße 請求書 👩‍🔬.pdf"),
    ],
)
def test_printable_replaces_only_unsafe_characters(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_printable_keeps_newlines_and_tabs_of_multiline_text() -> None:
    assert printable("a\n\tb\r", multiline=True) == "a\n\tb␍"


@given(st.text(st.characters()))
def test_printable_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown)
    assert not any(unicodedata.bidirectional(character)[:2] in ("LR", "RL", "PD") for character in shown)
    shown.encode()


@given(st.text(st.characters(codec="utf-8")))
def test_json_is_safe_to_print_and_reads_back_unchanged(text: str) -> None:
    written = to_json({"key": text}, indent=2)
    assert json.loads(written) == {"key": text}
    assert printable(written, multiline=True) == written

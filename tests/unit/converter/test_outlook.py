"""Protects: messages of Outlook are read like those of other mail programs, and damaged ones are rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.conversion import ConversionLimits
from converter.formats import detect_format
from converter.outlook import read_outlook_message
from converter.worker import unpack
from decoding.errors import CorruptDocumentError, DocumentError
from tests.support.outlook_files import outlook_message

LIMITS = ConversionLimits()
MESSAGE = outlook_message("Invoice 4711", "Dear Sir,\r\nplease pay.", {"bill.pdf": b"%PDF" * 2000, "note.txt": b"x"})


def test_a_message_of_outlook_is_read_with_its_attachments() -> None:
    conversion = read_outlook_message(MESSAGE, LIMITS)

    assert detect_format(MESSAGE) == conversion.format == "msg"
    assert conversion.pages is not None
    assert conversion.pages.decode().splitlines() == [
        'From:        "Ann Lee" <ann@example.org>',
        "Subject:     Invoice 4711",
        "Attachments: bill.pdf, note.txt",
        "",
        "Dear Sir,",
        "please pay.",
    ]
    assert [(member.name, len(member.data)) for member in conversion.members] == [("bill.pdf", 8000), ("note.txt", 1)]


def test_a_truncated_message_is_rejected() -> None:
    with pytest.raises(CorruptDocumentError):
        unpack("msg", MESSAGE[:600], LIMITS)


@given(st.binary(max_size=100), st.integers(0, len(MESSAGE)))
def test_any_damage_is_read_or_rejected(noise: bytes, position: int) -> None:
    damaged = MESSAGE[:position] + noise + MESSAGE[position + len(noise) :]
    try:
        unpack("msg", damaged, LIMITS)
    except DocumentError:
        return

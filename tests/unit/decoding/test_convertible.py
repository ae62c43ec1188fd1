"""Protects: documents that need the converter are recognised by their content, and plain text is not one of them."""

import io
import zipfile
from email.message import EmailMessage

import pytest

from decoding.convertible import PARAMETER, convertible_format
from decoding.errors import UnsupportedFormatError
from decoding.reader import decode_pages, sniff


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        members.writestr("scan.txt", "text")
    return file.getvalue()


def mail() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Invoice 4711"
    message.set_content("See attachment.")
    return message.as_bytes()


CONVERTIBLE = {
    "zip": [archive(), b"PK\x05\x06" + bytes(18)],
    "ole": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)],
    "rtf": [rb"{\rtf1\ansi Hello}"],
    "html": [
        b"<!DOCTYPE html><title>x</title>",
        b"\xef\xbb\xbf\r\n <HTML lang=en>",
        b"<!-- saved --><html>",
        b'<?xml version="1.0"?><!DOCTYPE html>',
    ],
    "odf": [b'<?xml version="1.0"?>\n<office:document xmlns:office="x">'],
    "mail": [mail(), b"From ann Mon Jan 1\r\nReceived: by x;\r\n\tMon\r\nFrom: ann\r\n\r\nHello"],
}


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, files in CONVERTIBLE.items() for data in files])
def test_documents_to_convert_are_recognised_by_their_content(kind: str, data: bytes) -> None:
    assert convertible_format(data) == kind
    assert sniff(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7",
        b"Dear Sir,\n\nthe <html> element is described below.",
        b"From: Ann Lee\nTo: Bob\nDate: 3 May\n\nMemorandum on the new rota.",
        b"Subject: rota\n\nReceived: three boxes, undamaged.",
        b"PKWARE wrote the first program of this kind.",
    ],
)
def test_other_documents_are_not_taken_for_ones_to_convert(data: bytes) -> None:
    assert convertible_format(data) is None


@pytest.mark.parametrize("start", [b"", b"<?xml version='1.0'?>"])
def test_many_comments_are_recognised_at_once(start: bytes) -> None:
    """Every combination of them would be tried if the patterns could backtrack."""
    comments = start + b"<!-- a comment -->\n" * 2000

    assert convertible_format(comments + b"<html>") == "html"
    assert convertible_format(comments + b"text") is None
    assert sniff(comments + b"text") == "TEXT"


@pytest.mark.parametrize("data", [files[0] for files in CONVERTIBLE.values()])
def test_the_rejection_names_the_parameter_that_turns_the_converter_on(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError, match=PARAMETER):
        decode_pages(data, min_side=100)

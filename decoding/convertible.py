"""Recognition of documents that are converted before they are decoded: office documents, web pages, mail, archives.

The orchestrator sends these to the converter. The decoder rejects them, because their bytes are not what a reader sees.
Only the standard library is used, so that the orchestrator can import this module.
"""

import re
from typing import Final

PARAMETER: Final = "OfficeFormats=convert"
"""The parameter of the deployment with which such documents are converted."""

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF: Final = b"{\\rtf"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

# Comments are matched without backtracking: a file of many comments would otherwise be tried in every combination.
_HTML: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:(?><!--.*?-->)\s*)*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_FLAT_ODF: Final = re.compile(rb"\s*<\?xml[^>]*>\s*(?:(?><!--.*?-->)\s*)*+<office:document\b", re.S)

# A header of a message (RFC 5322) that mail programs write and that people do not write at the top of a letter.
_MAIL_HEADER: Final = re.compile(
    rb"^(?:received|return-path|delivered-to|message-id|mime-version|x-mailer|dkim-signature):", re.I | re.M
)
_HEADER_BLOCK: Final = re.compile(rb"(?:From [^\r\n]+\r?\n)?(?:[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*)+")

# Maximum number of bytes that recognition reads.
_HEAD_BYTES: Final = 64 * 1024


def convertible_format(data: bytes) -> str | None:
    """Return the kind of a document that has to be converted, or None for any other.

    Returns:
        `zip` (an archive, or a document in the format of Office Open XML or OpenDocument), `ole` (a document of an
        older Office, or a message of Outlook), `rtf`, `html`, `odf` (OpenDocument as plain XML) or `mail`.
    """
    head = data[:_HEAD_BYTES].removeprefix(_BYTE_ORDER_MARK)
    if data.startswith(_ZIP):
        return "zip"
    if data.startswith(_OLE):
        return "ole"
    if head.startswith(_RTF):
        return "rtf"
    if _HTML.match(head):
        return "html"
    if _FLAT_ODF.match(head):
        return "odf"
    return "mail" if _is_mail(head) else None


def _is_mail(head: bytes) -> bool:
    block = _HEADER_BLOCK.match(head)
    return block is not None and _MAIL_HEADER.search(block.group()) is not None

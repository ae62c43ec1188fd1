"""Messages in the format of RFC 5322: the message as text, and its attachments."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from typing import Final

from converter.conversion import Conversion, ConversionLimits, MemberCollector
from converter.message_text import html_to_text, message_text

# Smaller pictures within a message are logos and icons; larger ones may be scans and photographs.
_MIN_PICTURE_BYTES: Final = 32 * 1024
# A page of a fax is smaller. Logos have other formats, because browsers do not show this one.
_FAX: Final = "image/tiff"
_SIGNATURES: Final = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_BODIES: Final = ("text/plain", "text/html")
_SUFFIXES: Final = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html"}


def read_mail(data: bytes, limits: ConversionLimits) -> Conversion:
    """Return a message as text, with its attachments as members."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    collector = MemberCollector(limits)
    body = message.get_body(("plain", "html"))
    for number, part in enumerate(_leaves(message), start=1):
        if part is not body:
            _collect(part, number, collector)
    headers = {name: _header(message, name) for name in _HEADERS}
    names = [member.name for member in collector.members]
    text = message_text(headers, _text(body) if body else "", names)
    return collector.result("eml", text.encode())


def _leaves(message: MIMEPart, *, is_alternative: bool = False) -> Iterator[MIMEPart]:
    """Yield the parts that have a content, without other versions of the body."""
    if message.get_content_maintype() != "multipart":
        if not (is_alternative and message.get_content_type() in _BODIES):
            yield message
        return
    within = is_alternative or message.get_content_type() == "multipart/alternative"
    for part in message.iter_parts():
        yield from _leaves(part, is_alternative=within)


def _collect(part: MIMEPart, number: int, collector: MemberCollector) -> None:
    kind = part.get_content_type()
    name = _file_name(part) or (_attached_subject(part) or f"part-{number}") + _SUFFIXES.get(kind, "")
    content = _content(part)
    if kind in _SIGNATURES:
        collector.skip(name, "it is a signature")
    elif kind != _FAX and _is_embedded_picture(part) and len(content) < _MIN_PICTURE_BYTES:
        collector.skip(name, "it is a small picture within the message, such as a logo")
    else:
        collector.add(name, content)


def _is_embedded_picture(part: MIMEPart) -> bool:
    return part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment"


def _content(part: MIMEPart) -> bytes:
    if part.get_content_maintype() == "message":
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else payload
        return inner.as_bytes() if isinstance(inner, EmailMessage) else str(inner).encode(errors="replace")
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(body: MIMEPart) -> str:
    content = _content(body)
    try:
        text = content.decode(body.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # an unknown encoding
        text = content.decode("utf-8", errors="replace")
    return html_to_text(text) if body.get_content_type() == "text/html" else text


def _header(message: MIMEPart, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except Exception:  # noqa: BLE001 -- the parser of structured headers fails in many ways
        return ""


def _file_name(part: MIMEPart) -> str | None:
    try:
        return part.get_filename()
    except Exception:  # noqa: BLE001 -- as above
        return None


def _attached_subject(part: MIMEPart) -> str:
    """Return the subject of an attached message; empty for other parts."""
    payload = part.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return _header(inner, "Subject") if isinstance(inner, EmailMessage) else ""

"""Messages of Outlook (MSG): the message as text, and its attachments."""

from typing import Any

from oxmsg import Message

from converter.conversion import Conversion, ConversionLimits, MemberCollector
from converter.message_text import html_to_text, message_text


def read_outlook_message(data: bytes, limits: ConversionLimits) -> Conversion:
    """Return a message as text, with its attachments as members. Damaged bytes may lead to any exception."""
    collector = MemberCollector(limits)
    message = Message.load(data)
    for number, attachment in enumerate(message.attachments, start=1):
        _collect(attachment, number, collector)
    names = [member.name for member in collector.members]
    text = message_text(_headers(message), _body(message), names)
    return collector.result("msg", text.encode())


def _collect(attachment: Any, number: int, collector: MemberCollector) -> None:
    name = attachment.file_name or f"attachment-{number}"
    content = attachment.file_bytes
    if content is None:
        collector.skip(name, "it is a message or an object of Outlook, not a file")
    else:
        collector.add(name, content)


def _headers(message: Message) -> dict[str, str]:
    recipients = [recipient.name or recipient.email_address or "" for recipient in message.recipients]
    return {
        "From": message.sender or "",
        "To": ", ".join(filter(None, recipients)),
        "Date": f"{message.sent_date:%Y-%m-%d %H:%M}" if message.sent_date else "",
        "Subject": message.subject,
    }


def _body(message: Message) -> str:
    if message.body:
        return message.body
    return html_to_text(message.html_body) if message.html_body else ""

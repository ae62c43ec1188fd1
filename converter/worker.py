"""The process that converts one document: `python -m converter.worker FD KIND FOLDER [LIBREOFFICE]`.

It has no network, starts no programs, and has none of its parent's environment. KIND is `office`, which starts
LibreOffice before it takes a document, or `unpack`, which reads mail and archives.
"""

import math
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from converter import protocol
from converter.conversion import Conversion, ConversionLimits
from converter.sandbox import restrict
from decoding.errors import CorruptDocumentError, DocumentError, UnsupportedFormatError
from decoding.isolation.channel import Channel, ChannelClosedError

Convert = Callable[[str, bytes, ConversionLimits], Conversion]
"""Converts a document, given its format, its bytes and its limits."""

# The service kills the process at the document's time limit. The alarm ends the process if the service is gone.
_ALARM_SLACK_SECONDS: Final = 2


def main(descriptor: int, kind: str, folder: Path, *libreoffice: str) -> None:
    """Convert the document that the service sends.

    Args:
        descriptor: File descriptor of the socket to the service.
        kind: `office` or `unpack`.
        folder: An empty folder for the files of this process. The service deletes it.
        libreoffice: Folder of LibreOffice's libraries, for `office`.
    """
    channel = Channel(socket.socket(fileno=descriptor))
    restrict(max_memory=ConversionLimits().max_memory)
    convert = _office_converter(folder, Path(*libreoffice)) if kind == "office" else unpack
    try:
        channel.send_message(protocol.READY)
        convert_one(channel, convert)
    except ChannelClosedError:
        return


def convert_one(channel: Channel, convert: Convert) -> None:
    """Receive a document, convert it, and send the result."""
    document_format, data, limits = protocol.receive_document(channel)
    signal.alarm(math.ceil(limits.max_seconds) + _ALARM_SLACK_SECONDS)
    try:
        conversion = convert(document_format, data, limits)
    except DocumentError as error:
        protocol.send_rejection(channel, error)
    else:
        protocol.send_conversion(channel, conversion)


def unpack(document_format: str, data: bytes, limits: ConversionLimits) -> Conversion:
    """Read mail or an archive.

    Raises:
        DocumentError: If it cannot be read.
    """
    # Imported here: a process for office documents needs none of these.
    from converter.archive import unpack_archive
    from converter.mail import read_mail
    from converter.outlook import read_outlook_message

    readers: dict[str, Callable[[bytes, ConversionLimits], Conversion]] = {
        "eml": read_mail,
        "msg": read_outlook_message,
        "zip": unpack_archive,
    }
    if document_format not in readers:
        raise UnsupportedFormatError(f"{document_format} is not unpacked.")
    try:
        return readers[document_format](data, limits)
    except DocumentError:
        raise
    except Exception as error:  # the parsers raise many kinds of exceptions for damaged bytes
        raise CorruptDocumentError("The document is damaged.") from error


def _office_converter(folder: Path, libreoffice: Path) -> Convert:
    """Start LibreOffice, and return a function that converts with it."""
    from converter.libreoffice import LibreOffice, LibreOfficeError, write_profile

    profile = folder / "profile"
    write_profile(profile)
    office = LibreOffice(libreoffice, profile)

    def convert(document_format: str, data: bytes, limits: ConversionLimits) -> Conversion:
        document, pdf = folder / f"document.{document_format}", folder / "pages.pdf"
        document.write_bytes(data)
        try:
            office.convert_to_pdf(document, pdf, max_pages=limits.max_pages)
        except LibreOfficeError as error:
            raise CorruptDocumentError(
                "LibreOffice cannot open the document: it is damaged or requires a password."
            ) from error
        return Conversion(document_format, pdf.read_bytes())

    return convert


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
    os._exit(0)  # LibreOffice's threads would delay an orderly exit

"""Conversions as the body of a response: an archive without compression.

conversion.json     {"format": "eml", "pages": true, "members": ["scan.pdf"], "skipped": [["logo.png", "…"]]}
pages               the document's own pages, as PDF or plain text
members/0           the content of the first member, and so on
"""

import io
import json
import zipfile
from typing import Final

from converter.conversion import Conversion

MEDIA_TYPE: Final = "application/zip"


def encode_conversion(conversion: Conversion) -> bytes:
    """Return a conversion as an archive."""
    head = {
        "format": conversion.format,
        "pages": conversion.pages is not None,
        "members": [member.name for member in conversion.members],
        "skipped": [[member.name, member.reason] for member in conversion.skipped],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("conversion.json", json.dumps(head))
        if conversion.pages is not None:
            archive.writestr("pages", conversion.pages)
        for number, member in enumerate(conversion.members):
            archive.writestr(f"members/{number}", member.data)
    return file.getvalue()

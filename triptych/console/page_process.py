"""A process that makes pictures of pages, `python -m triptych.console.page_process FD`, until the console hangs up.

Documents are hostile until proven otherwise: they are decoded here, where there are no credentials, with bounded memory
and time, and what leaves is a JPEG that this process wrote itself.

    console ──► {"max_pages": 8, "width": 192, "height": 256}   and the document's bytes
            ◄── {"pages": 2, "truncated": false}                and a JPEG a page
            ◄── {"problem": "corrupt-document", "detail": …}
"""

import io
import json
import math
import signal
import sys
from multiprocessing.connection import Connection
from typing import Final

from PIL import Image

from decoding import reader
from decoding.errors import DocumentError
from decoding.isolation.worker import bound_memory, settle
from decoding.limits import Limits

READY: Final = b"ready"
SECONDS: Final = 6.0
"""That a document may take. An honest one takes less than one."""
_QUALITY: Final = 82
_ALARM_SLACK_SECONDS: Final = 2


def main(descriptor: int) -> None:
    """Answer documents, one after the other; `descriptor` is of the socket to the console."""
    with Connection(descriptor) as console:
        settle()
        console.send_bytes(READY)
        while True:
            try:
                head, data = console.recv_bytes(), console.recv_bytes()
            except (EOFError, ConnectionError):  # the console has ended
                return
            signal.alarm(math.ceil(SECONDS) + _ALARM_SLACK_SECONDS)  # should the console itself be gone
            for part in answer(json.loads(head), data):
                console.send_bytes(part)
            signal.alarm(0)


def answer(wanted: dict[str, int], data: bytes) -> list[bytes]:
    """The messages that answer one document."""
    limits = Limits(max_pages=wanted["max_pages"])
    bound_memory(limits)
    box = wanted["width"], wanted["height"]
    try:
        document = reader.decode_document(data, min_side=min(box), limits=limits)
    except DocumentError as error:
        return [json.dumps({"problem": error.problem, "detail": str(error)}).encode()]
    head = {"pages": len(document.pages), "truncated": document.truncated}
    return [json.dumps(head).encode(), *(_jpeg(page, box) for page in document.pages)]


def _jpeg(page: Image.Image, box: tuple[int, int]) -> bytes:
    page.thumbnail(box)
    file = io.BytesIO()
    page.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


if __name__ == "__main__":
    main(int(sys.argv[1]))

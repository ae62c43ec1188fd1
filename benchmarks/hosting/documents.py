"""Documents for the comparison of hosting options: the samples, the stored cases, and drawn pages in many formats."""

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pillow_heif
from PIL import Image

from orchestrator.endpoints import MAX_EVENT_BYTES
from testkit.template import ROOT
from training.synthesis.samples import SAMPLE_LABELS, draw_page
from training.synthesis.typeset import document_content, typeset_pdf

STORED: Final = (ROOT / "samples" / "documents", ROOT / "tests" / "data" / "cases")
"""Folders of the documents that come first."""

_SLOW: Final = frozenset({"pdf-slow-vectors.pdf"})
"""Cases that take many seconds, so that a deadline would end them with some hosting options only."""

_LONG_SIDES: Final = (600, 1000, 1700, 2400)


def draw_documents(count: int) -> dict[str, bytes]:
    """Return `count` documents by name; equal counts give equal documents.

    All are small enough for an event of Lambda. Larger ones reach a function by the address of an object.
    """
    stored = sorted(path for folder in STORED for path in folder.iterdir() if path.name not in _SLOW)
    documents = itertools.chain(((path.name, path.read_bytes()) for path in stored), _drawn())
    return dict(itertools.islice((each for each in documents if len(each[1]) <= MAX_EVENT_BYTES), count))


def _drawn() -> Iterator[tuple[str, bytes]]:
    labels = itertools.cycle(SAMPLE_LABELS)
    for seed, (suffix, encode) in enumerate(itertools.cycle(_ENCODINGS.items())):
        yield f"drawn-{seed}.{suffix}", encode(next(labels), seed)


def _page(label: str, seed: int) -> Image.Image:
    return draw_page(label, seed, long_side=_LONG_SIDES[seed % len(_LONG_SIDES)])


def _image(kind: str, mode: str = "RGB", turn: int = 0, **options: Any) -> Callable[[str, int], bytes]:
    """Return what encodes a drawn page in a format of Pillow, turned by a number of degrees."""

    def encode(label: str, seed: int) -> bytes:
        file = io.BytesIO()
        _page(label, seed).rotate(turn, expand=True).convert(mode).save(file, kind, **options)
        return file.getvalue()

    return encode


def _pages_as_tiff(label: str, seed: int) -> bytes:
    pages = [_page(label, seed + number).convert("L") for number in range(3)]
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return file.getvalue()


def _heic(label: str, seed: int) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(_page(label, seed).convert("RGB")).save(file)
    return file.getvalue()


def _vector_pdf(label: str, seed: int) -> bytes:
    return typeset_pdf(SAMPLE_LABELS[label][0], document_content(seed))


def _text(label: str, seed: int) -> bytes:
    lines = (f"{label} {line}: {document_content(seed + line)}" for line in range(5))
    return "\n".join(lines).encode()


def _truncated(label: str, seed: int) -> bytes:
    whole = _image("JPEG")(label, seed)
    return whole[: len(whole) * (1 + seed % 9) // 10]


_ENCODINGS: Final[dict[str, Callable[[str, int], bytes]]] = {
    "scan.jpg": _image("JPEG", quality=76),
    "text.pdf": _vector_pdf,
    "rgb.png": _image("PNG"),
    "fax.tif": _image("TIFF", "1", compression="group4"),
    "sideways.jpg": _image("JPEG", turn=90),
    "scan.pdf": _image("PDF"),
    "pages.tif": _pages_as_tiff,
    "photo.heic": _heic,
    "page.webp": _image("WEBP"),
    "grey.jpg": _image("JPEG", "L"),
    "palette.png": _image("PNG", "P"),
    "cmyk.jpg": _image("JPEG", "CMYK"),
    "page.avif": _image("AVIF"),
    "deflated.tif": _image("TIFF", compression="tiff_adobe_deflate"),
    "page.gif": _image("GIF", "P"),
    "page.bmp": _image("BMP"),
    "lines.txt": _text,
    "truncated.jpg": _truncated,
    "alpha.png": _image("PNG", "RGBA"),
    "upside-down.png": _image("PNG", "L", turn=180),
}

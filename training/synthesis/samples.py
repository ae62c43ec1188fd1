"""The sample documents: one file for each way in which documents arrive in an inbox."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from training.synthesis.typeset import document_content, typeset_page, typeset_pdf
from training.synthesis.wear import CONDITIONS

DOCUMENTS = "documents"
EXPECTED = "expected.json"

SAMPLE_LABELS: MappingProxyType[str, tuple[str, str]] = MappingProxyType({
    "book_page": ("book_page", "old"),
    "form": ("form", "scan"),
    "handwritten": ("handwritten", "scan"),
    "invoice": ("invoice", "scan"),
    "receipt": ("receipt", "photo"),
    "resume": ("resume", "clean"),
    "scientific_paper": ("paper", "scan"),
    "slides": ("slides", "clean"),
    "typewritten": ("typewritten", "copy"),
})  # fmt: skip
"""Template and usual condition of each label."""


def draw_page(label: str, seed: int, *, condition: str | None = None, long_side: int = 900) -> Image.Image:
    """Draw one page of a label; equal arguments give equal pixels.

    Args:
        label: A label of `SAMPLE_LABELS`.
        seed: Determines content and wear.
        condition: One of `wear.CONDITIONS`; the label's usual one if not given.
        long_side: Approximate length of the page's longer side in pixels, before it is worn.
    """
    template, usual = SAMPLE_LABELS[label]
    content = document_content(seed)
    coarse = typeset_page(template, content, 20)
    page = typeset_page(template, content, 20 * long_side / max(coarse.size))
    return CONDITIONS[condition or usual](page, np.random.default_rng((seed, *label.encode())))


@dataclass(frozen=True)
class Sample:
    """A sample file and the expected result of the pipeline.

    Attributes:
        name: File name, as a user would choose it.
        shows: Short description, for the list in the readme.
        make: Returns the file's bytes for a seed.
        label: Correct label, or None if the file must be rejected.
        rejected: Problem with which the file must be rejected (see `model_service.errors`), or None.
        pages: Number of pages.
        hard: Whether the page resembles another label, so that versions are expected to differ.
    """

    name: str
    shows: str
    make: Callable[[int], bytes]
    label: str | None = None
    rejected: str | None = None
    pages: int = 1
    hard: bool = False


def _worn(template: str, condition: str, seed: int, dpi: float, language: str = "en", **content: Any) -> Image.Image:
    """Return the first page of a document in a condition."""
    page = typeset_page(template, document_content(seed, language) | content, dpi)
    return CONDITIONS[condition](page, np.random.default_rng((seed, *template.encode())))


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    return _file(image, "JPEG", quality=76)


def _tiff(images: list[Image.Image], dpi: int) -> bytes:
    first, *rest = [image.convert("1") for image in images]
    return _file(first, "TIFF", compression="group4", save_all=True, append_images=rest, dpi=(dpi, dpi))


def _sideways_photo(seed: int) -> bytes:
    """Return a JPEG from a telephone held sideways: only the EXIF tag says which side is up."""
    picture = _worn("form", "photo", seed + 1, 130).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # The page is upright after a clockwise rotation by 90 degrees.
    return _file(picture, "JPEG", quality=76, exif=exif)


def _fax(seed: int) -> bytes:
    """Return a TIFF with all pages of a message, as fax gateways write it."""
    return _tiff([_worn("typewritten", "copy", seed + page, 150, page=page) for page in (1, 2)], 150)


def _truncated_jpeg(seed: int) -> bytes:
    """Return the first third of a JPEG, as an interrupted upload leaves it."""
    complete = _jpeg(_worn("invoice", "scan", seed, 110))
    return complete[: len(complete) // 3]


def _zip_archive(_: int) -> bytes:
    """Return a zipped text file, which some users take for a document but no decoder reads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("notes.txt", date_time=(2024, 1, 1, 0, 0, 0))
        archive.writestr(entry, "Agenda\n1. Minutes of the last meeting\n2. Budget\n3. Any other business\n")
    return buffer.getvalue()


SAMPLES = (
    Sample("invoice-2024-0117.pdf", "a digitally created invoice",
           lambda seed: typeset_pdf("invoice", document_content(seed)), "invoice"),
    Sample("scan_0003.jpg", "a copy of a printed form that was filled in by hand as an invoice",
           lambda seed: _jpeg(_worn("order", "copy", seed + 5, 150, "fr")), "invoice", hard=True),
    Sample("receipt-lunch.jpg", "a till receipt, photographed on a table",
           lambda seed: _jpeg(_worn("receipt", "creased photo", seed, 250)), "receipt"),
    Sample("application-form.png", "a form with handwritten answers",
           lambda seed: _file(_worn("form", "clean", seed, 120).quantize(64), "PNG", optimize=True), "form"),
    Sample("IMG_20240612_101503.jpg", "a form, photographed sideways (EXIF orientation)", _sideways_photo, "form"),
    Sample("letter.tif", "a typewritten letter, black and white, group 4 TIFF",
           lambda seed: _tiff([_worn("typewritten", "worn copy", seed + 2, 200)], 200), "typewritten"),
    Sample("fax.tif", "two typewritten pages in one TIFF", _fax, "typewritten", pages=2),
    Sample("curriculum-vitae.pdf", "a CV with a portrait",
           lambda seed: typeset_pdf("resume", document_content(seed + 4)), "resume"),
    Sample("lebenslauf.jpg", "a German CV as a table, scanned",
           lambda seed: _jpeg(_worn("lebenslauf", "scan", seed, 120, "de")), "resume", hard=True),
    Sample("paper.pdf", "two pages of a scientific paper",
           lambda seed: typeset_pdf("paper", document_content(seed + 5)), "scientific_paper", pages=2),
    Sample("slide-07.png", "a slide with a chart",
           lambda seed: _file(_worn("slides", "clean", seed + 7, 130), "PNG", optimize=True), "slides"),
    Sample("roadmap.webp", "a slide with a table, WebP",
           lambda seed: _file(_worn("roadmap", "clean", seed, 110), "WEBP", quality=82), "slides", hard=True),
    Sample("notes-handwritten.jpg", "a handwritten letter on old paper",
           lambda seed: _jpeg(_worn("handwritten", "old", seed, 190)), "handwritten"),
    Sample("old-book-p145.jpg", "a page of an eighteenth-century book",
           lambda seed: _jpeg(_worn("book_page", "old", seed, 200, "fr")), "book_page"),
    Sample("upload-interrupted.jpg", "a JPEG whose upload was interrupted", _truncated_jpeg,
           rejected="corrupt-document"),
    Sample("meeting-notes.zip", "an archive, not a document", _zip_archive, rejected="unsupported-format"),
)  # fmt: skip
"""The files that `python -m training.synthesis` draws."""


def write_samples(folder: Path, seed: int) -> list[Path]:
    """Draw every sample into the subfolder `documents`, and write the expected results to `expected.json`.

    The same seed writes the same bytes, so a sample changes only when the code that draws it does.
    """
    documents = folder / DOCUMENTS
    documents.mkdir(parents=True, exist_ok=True)
    written = []
    for number, sample in enumerate(SAMPLES):
        file = documents / sample.name
        file.write_bytes(sample.make(1000 * seed + 20 * number))
        written.append(file)
    expected = {sample.name: _expected_result(sample) for sample in SAMPLES}
    answers = folder / EXPECTED
    answers.write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [*written, answers]


def _expected_result(sample: Sample) -> dict[str, str | int]:
    if sample.rejected is not None:
        return {"rejected": sample.rejected, "shows": sample.shows}
    return {"label": str(sample.label), "pages": sample.pages, "shows": sample.shows}

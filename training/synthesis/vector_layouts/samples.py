"""The sample documents: one file for each way in which documents arrive in an inbox."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from PIL import ExifTags, Image

from training.synthesis.vector_layouts import invoice, pages, resume, scientific_paper

DOCUMENTS = "documents"
EXPECTED = "expected.json"


@dataclass(frozen=True)
class Sample:
    """A sample file and the expected result of the pipeline.

    Attributes:
        name: File name, as a user would choose it.
        shows: Short description, for the list in the readme.
        make: Returns the file's bytes; takes the generator of every random choice.
        label: Correct label, or None if the file must be rejected.
        rejected: Problem with which the file must be rejected (see `model_service.errors`), or None.
        pages: Number of pages.
        take: Offset of the seed, chosen for a good-looking drawing and without regard to any model.
    """

    name: str
    shows: str
    make: Callable[[Random], bytes]
    label: str | None = None
    rejected: str | None = None
    pages: int = 1
    take: int = 0


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _page(rng: Random, label: str, condition: str, dpi: float, language: str = "en") -> Image.Image:
    sheet = pages.VECTOR_LAYOUTS[label](rng, language)
    return pages.apply_condition(sheet.images(dpi)[0], condition, rng)


def _jpeg(image: Image.Image) -> bytes:
    return _encode(image, "JPEG", quality=76)


def _tiff(images: list[Image.Image], dpi: int) -> bytes:
    first, *rest = [image.convert("1") for image in images]
    return _encode(first, "TIFF", compression="group4", save_all=True, append_images=rest, dpi=(dpi, dpi))


def _sideways_photo(rng: Random) -> bytes:
    """Return a JPEG from a telephone held sideways: only the EXIF tag says which side is up."""
    picture = _page(rng, "form", "photo", 130).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # The page is upright after a clockwise rotation by 90 degrees.
    return _encode(picture, "JPEG", quality=76, exif=exif)


def _fax(rng: Random) -> bytes:
    """Return a TIFF with all pages of a message, as fax gateways write it."""
    return _tiff([_page(rng, "typewritten", "copy", 150) for _ in range(2)], 150)


def _truncated_jpeg(rng: Random) -> bytes:
    """Return the first third of a JPEG, as an interrupted upload leaves it."""
    complete = _jpeg(_page(rng, "invoice", "scan", 110))
    return complete[: len(complete) // 3]


def _zip_archive(_: Random) -> bytes:
    """Return a zipped text file, which some users take for a document but no decoder reads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("notes.txt", date_time=(2024, 1, 1, 0, 0, 0))
        archive.writestr(entry, "Agenda\n1. Minutes of the last meeting\n2. Budget\n3. Any other business\n")
    return buffer.getvalue()


SAMPLES = (
    Sample("invoice-2024-0117.pdf", "a digitally created invoice",
           lambda rng: invoice.draw_vector_invoice(rng, "en").pdf(),
           "invoice", take=1),
    Sample("scan_0003.jpg", "a skewed, noisy scan of an invoice",
           lambda rng: _jpeg(_page(rng, "invoice", "scan", 150, "fr")), "invoice"),
    Sample("receipt-lunch.jpg", "a till receipt, photographed on a table",
           lambda rng: _jpeg(_page(rng, "receipt", "creased photo", 250)), "receipt"),
    Sample("application-form.png", "a form with handwritten answers",
           lambda rng: _encode(_page(rng, "form", "clean", 120).quantize(64), "PNG", optimize=True), "form", take=3),
    Sample("IMG_20240612_101503.jpg", "a form, photographed sideways (EXIF orientation)", _sideways_photo,
           "form"),
    Sample("letter.tif", "a typewritten letter, black and white, group 4 TIFF",
           lambda rng: _tiff([_page(rng, "typewritten", "worn copy", 200)], 200), "typewritten", take=2),
    Sample("fax.tif", "two typewritten pages in one TIFF", _fax, "typewritten", pages=2),
    Sample("curriculum-vitae.pdf", "a CV with a portrait",
           lambda rng: resume.draw_vector_resume(rng, "en").pdf(), "resume", take=4),
    Sample("lebenslauf.jpg", "a German CV, scanned",
           lambda rng: _jpeg(_page(rng, "resume", "scan", 120, "de")), "resume"),
    Sample("paper.pdf", "two pages of a scientific paper",
           lambda rng: scientific_paper.draw_vector_paper(rng, pages=2, first=True).pdf(),
           "scientific_paper", pages=2),
    Sample("slide-07.png", "a slide with a chart",
           lambda rng: _encode(_page(rng, "slides", "clean", 130), "PNG", optimize=True), "slides", take=7),
    Sample("roadmap.webp", "a slide, WebP",
           lambda rng: _encode(_page(rng, "slides", "clean", 150), "WEBP", quality=82), "slides"),
    Sample("notes-handwritten.jpg", "a handwritten letter on old paper",
           lambda rng: _jpeg(_page(rng, "handwritten", "old", 130)), "handwritten"),
    Sample("old-book-p145.jpg", "a page of an eighteenth-century book",
           lambda rng: _jpeg(_page(rng, "book_page", "old", 200, "fr")), "book_page"),
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
    for sample in SAMPLES:
        file = documents / sample.name
        file.write_bytes(sample.make(Random(f"{sample.name} {seed + sample.take}")))
        written.append(file)
    expected = {sample.name: _expected_result(sample) for sample in SAMPLES}
    answers = folder / EXPECTED
    answers.write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [*written, answers]


def _expected_result(sample: Sample) -> dict[str, str | int]:
    if sample.rejected is not None:
        return {"rejected": sample.rejected, "shows": sample.shows}
    return {"label": str(sample.label), "pages": sample.pages, "shows": sample.shows}

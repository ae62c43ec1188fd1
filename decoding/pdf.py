"""Rendering of PDF pages with PDFium, no larger than needed."""

import logging
import threading
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError, DocumentError, EncryptedDocumentError
from decoding.jpeg import is_decoded_by_rows
from decoding.limits import Limits, PageCount
from decoding.pdf_placeholders import check_not_placeholder
from decoding.pdf_text import has_upright_text
from decoding.translation import translate_errors

logger = logging.getLogger(__name__)

# PDFium has global state and is not thread-safe, not even across documents. Everything that it owns is closed while
# this lock is held; the garbage collector would free it at any time in any thread.
PDFIUM_LOCK: Final = threading.Lock()

# Small glyphs and hairlines are too dark if rendered at the final size. Twice the size reduces the difference from a
# page that is rendered large and then reduced (from 7 grey levels to 2 for text at 224 pixels), for 2 ms.
_SUPERSAMPLING: Final = 2

# Bounds the longer side of very long pages, which are not worth rendering at full size.
_MAX_ASPECT: Final = 16

# Without this keyword, PDFium searches the file for its objects. The length is the same, so that offsets stay valid.
_TABLE: Final = (b"startxref", b"startxxxx")

# Annotations examined for fields, per page of a document that declares no form.
_MAX_ANNOTATIONS: Final = 1000

# It warns about every XFA form that the dynamic part is not drawn, which is known here.
logging.getLogger("pypdfium2").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class _Rendering:
    """The drawn pages of a PDF."""

    pages: list[Image.Image]
    upright: list[bool]
    truncated: bool = False
    damage: CorruptDocumentError | None = None
    """Why the first page that is missing could not be drawn."""
    empty: bool = False
    """Whether the first page has no content, as if its content were not found."""
    unread: int = 0
    """Pages after the part that was requested."""

    @property
    def count(self) -> int:
        """The number of pages up to the end of the document, if the rendering begins with the first."""
        return len(self.pages) + self.unread


def decode_pdf(
    data: bytes,
    *,
    min_side: int,
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    part: range | None = None,
) -> DecodedDocument:
    """Render the first pages of a PDF, with form fields and annotations.

    If pages or their content are not found, the objects of the file are searched, instead of being looked up in its
    table of cross-references. Pages that still cannot be rendered are omitted if others can. With `limits.forms` off, a
    document that declares a form is truncated.

    Args:
        data: The whole file.
        min_side: Minimum length of the shorter side of a page in pixels.
        limits: Bounds on the document; `max_pixels` applies to each image embedded in a page.
        check_cancelled: Called before each page, and when other PDFs have released PDFium.
        part: The pages to render, from 0 on; all if None. If a page of the first part is damaged, all are rendered.

    Raises:
        DocumentError: If the file is damaged, requires a password or a special viewer, or embeds an image above the
            limit; or if any page of a later part cannot be rendered.
    """
    with PDFIUM_LOCK:
        check_cancelled()
        rendering = _render_pages(data, min_side, limits, check_cancelled, part)
        if rendering.empty and not rendering.damage:
            lost = _has_lost_content(rendering, data, min_side, limits, check_cancelled)
            rendering = replace(rendering, empty=lost)
        if part is not None and (rendering.damage or rendering.empty):
            if part.start > 0:
                raise rendering.damage or CorruptDocumentError("The PDF has no such page.")
            rendering = _render_pages(data, min_side, limits, check_cancelled)
        if rendering.damage or rendering.empty:
            try:
                searched = _render_pages(data.replace(*_TABLE), min_side, limits, check_cancelled)
            except DocumentError:
                if not rendering.pages:
                    raise
            else:
                rendering = max(rendering, searched, key=_completeness)
    if rendering.damage and not rendering.pages:
        raise rendering.damage
    return DecodedDocument(
        rendering.pages,
        rendering.truncated or rendering.damage is not None,
        rendering.unread,
        tuple(rendering.upright),
    )


def _render_pages(
    data: bytes, min_side: int, limits: Limits, check_cancelled: CancelCheck, part: range | None = None
) -> _Rendering:
    """Render what can be rendered."""
    pages: list[Image.Image] = []
    upright: list[bool] = []
    damage: CorruptDocumentError | None = None
    empty = False
    budget = PageCount(limits)
    try:
        with translate_errors("PDF"):
            document = _open(data, forms=limits.forms)
    except CorruptDocumentError as error:
        return _Rendering([], [], damage=error)
    with closing(document):
        total = len(document)
        if total == 0:
            return _Rendering([], [], damage=CorruptDocumentError("The PDF has no page."))
        count = min(total, limits.max_pages)
        truncated = total > count or (not limits.forms and document.get_formtype() != pdfium.FORMTYPE_NONE)
        wanted = range(count) if part is None else range(part.start, min(part.stop, count))
        for index in wanted:
            check_cancelled()
            if not budget.admits_next(index):
                truncated = True
                break
            try:
                with translate_errors("PDF"), closing(_load_page(document, index, forms=limits.forms)) as page:
                    empty = empty or (index == 0 and _is_empty(page))
                    if index == 0:
                        check_not_placeholder(document, page, data)
                    pages.append(_render(page, index, min_side, limits))
                    upright.append(has_upright_text(page))
            except CorruptDocumentError as error:
                damage = damage or error
            except DocumentError:
                if part is not None or budget.is_front(index):
                    raise
                truncated = True
                break
    return _Rendering(pages, upright, truncated, damage, empty, count - wanted.stop)


def _has_lost_content(
    rendering: _Rendering, data: bytes, min_side: int, limits: Limits, check_cancelled: CancelCheck
) -> bool:
    """Return whether a search of the file finds content of the first page, or further pages.

    Most first pages that are empty are meant so. All pages are rendered again for the others only.
    """
    try:
        first = _render_pages(data.replace(*_TABLE), min_side, limits, check_cancelled, range(1))
    except DocumentError:
        return False
    further = not rendering.truncated and first.count > rendering.count
    return bool(first.pages) and (not first.empty or further)


def _completeness(rendering: _Rendering) -> tuple[bool, int]:
    return not rendering.empty and bool(rendering.pages), len(rendering.pages)


def _is_empty(page: Any) -> bool:
    return bool(pdfium.FPDFPage_CountObjects(page) == 0 and pdfium.FPDFPage_GetAnnotCount(page) == 0)


def _open(data: bytes, *, forms: bool) -> Any:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedDocumentError("The PDF requires a password.") from error
        raise
    if forms and document.get_formtype() != pdfium.FORMTYPE_NONE:
        _start_forms(document)
    return document


def _start_forms(document: Any) -> None:
    """Let PDFium draw the form fields of the pages that are loaded from now on.

    A failure costs the fields, not the document.
    """
    try:
        # Not `init_forms`, which does nothing for fields in a document that declares no form.
        config = pdfium.FPDF_FORMFILLINFO(version=2)
        environment = pdfium.FPDFDOC_InitFormFillEnvironment(document, config)
        if environment:
            document.formenv = pypdfium2.PdfFormEnv(environment, config)
    except Exception:
        logger.warning("form fields not drawn", exc_info=True)


def _load_page(document: Any, index: int, *, forms: bool) -> Any:
    page = document[index]
    if min(page.get_size()) <= 0:  # the crop box is outside of the page; as viewers do, ignore it
        page.set_cropbox(*page.get_mediabox())
        page.close()
        page = document[index]
    if forms and document.formenv is None and _has_fields(page):
        page.close()
        _start_forms(document)
        page = document[index]
    return page


def _has_fields(page: Any) -> bool:
    count = min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)
    return any(_is_field(page, index) for index in range(count))


def _is_field(page: Any, index: int) -> bool:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        return bool(pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_WIDGET)
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)


def _render(page: Any, index: int, min_side: int, limits: Limits) -> Image.Image:
    if _may_have_images(page):
        for image in page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_IMAGE,)):
            _check_size(image, limits)
    shorter, longer = sorted(page.get_size())
    if shorter <= 0:
        raise CorruptDocumentError(f"Page {index + 1} of the PDF has no area.")
    scale = _SUPERSAMPLING * min(min_side / shorter, _MAX_ASPECT * min_side / longer)
    # PDFium rounds up: at least one pixel each way, and never below min_side.
    with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
        rendered: Image.Image = bitmap.to_pil()
        # In RGB, it is a copy already. In other modes, it shares the memory that the bitmap frees.
        return rendered if rendered.mode == "RGB" else rendered.convert("RGB")


def _may_have_images(page: Any) -> bool:
    """Return whether a page has an image, or a form that may contain one.

    `get_objects` makes a Python object of every object of the page, which is a tenth of the time of a page of text.
    """
    count = pdfium.FPDFPage_CountObjects(page)
    kinds = {pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index)) for index in range(count)}
    return not kinds.isdisjoint((pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM))


def _check_size(image: Any, limits: Limits) -> None:
    """Reject an embedded image that would decode to too many pixels.

    PDFium reduces baseline JPEG while it decodes, and keeps images of one bit per pixel in bits.
    """
    width, height = image.get_px_size()
    if width * height > limits.max_pixels and (_is_bilevel(image) or _is_row_by_row_jpeg(image)):
        limits.check_reduced_pixels(width, height)
    else:
        limits.check_pixels(width, height)


def _is_bilevel(image: Any) -> bool:
    return bool(image.get_metadata().bits_per_pixel == 1)


def _is_row_by_row_jpeg(image: Any) -> bool:
    return image.get_filters(skip_simple=True) == ["DCTDecode"] and is_decoded_by_rows(
        bytes(image.get_data(decode_simple=True))
    )

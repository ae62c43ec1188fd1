"""Pages drawn in memory, in every supported format, and files that must be rejected."""

import io
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import numpy as np
import pillow_heif
import pypdfium2  # type: ignore[import-untyped]
from PIL import Image, ImageDraw

INK: Final = (20, 20, 60)
PAPER: Final = (250, 248, 240)


def page(size: tuple[int, int] = (620, 877)) -> Image.Image:
    """Draw an upright page: a black bar at the top, lines of text below, blank paper at the bottom."""
    width, height = size
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, height // 8), fill=INK)
    for y in range(height // 6, height * 3 // 4, max(height // 40, 12)):
        draw.text((width // 12, y), "Of all the letters that a clerk may file " * 3, fill=INK)
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode a page in one of Pillow's formats."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def heic(image: Image.Image) -> bytes:
    """Encode a page as HEIC. The encoder is not registered, so that the service's own decoder is tested."""
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=80)
    return file.getvalue()


def deep(image: Image.Image) -> Image.Image:
    """Convert a page to 16-bit grey."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def every_format(size: tuple[int, int] = (620, 877)) -> dict[str, bytes]:
    """Encode a page in each format and its common variants."""
    sheet = page(size)
    return {
        "jpeg": encode(sheet, "JPEG", quality=90),
        "jpeg-grey": encode(sheet.convert("L"), "JPEG", quality=90),
        "jpeg-cmyk": encode(sheet.convert("CMYK"), "JPEG", quality=95),
        "jpeg-progressive": encode(sheet, "JPEG", quality=90, progressive=True),
        "png": encode(sheet, "PNG"),
        "png-palette": encode(sheet.quantize(32), "PNG"),
        "png-bilevel": encode(sheet.convert("1"), "PNG"),
        "png-16": encode(deep(sheet), "PNG"),
        "png-alpha": encode(sheet.convert("RGBA"), "PNG"),
        "tiff-group4": encode(sheet.convert("1"), "TIFF", compression="group4"),
        "tiff-lzw": encode(sheet, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encode(sheet, "TIFF", compression="jpeg"),
        "tiff-cmyk": encode(sheet.convert("CMYK"), "TIFF"),
        "tiff-16": encode(deep(sheet), "TIFF"),
        "tiff-float": encode(sheet.convert("F"), "TIFF"),
        "webp": encode(sheet, "WEBP", quality=90),
        "webp-lossless": encode(sheet, "WEBP", lossless=True),
        "avif": encode(sheet, "AVIF", quality=80),
        "heif": heic(sheet),
        "gif": encode(sheet, "GIF"),
        "bmp": encode(sheet, "BMP"),
        "pdf": encode(sheet, "PDF", resolution=75),
        "pdf-text": text_pdf(["Invoice 2026-117", "Total 1,234.56"]),
    }


def several_pages(count: int, kind: str, size: tuple[int, int] = (310, 438)) -> bytes:
    """Encode a TIFF or PDF with several pages."""
    sheet = page(size)
    return encode(sheet, kind, save_all=True, append_images=[sheet] * (count - 1))


def slow_document(pages: int = 4, side: int = 8000) -> bytes:
    """Encode blank TIFF pages of 64 million pixels: a few kilobytes that take a noticeable time to decode."""
    sheet = Image.new("L", (side, side), 255)
    return encode(sheet, "TIFF", compression="tiff_lzw", save_all=True, append_images=[sheet] * (pages - 1))


def text_pdf(
    lines: Sequence[str], *, media_box: str = "0 0 595 842", encrypted: bool = False, images: str = ""
) -> bytes:
    """Write a PDF with text and without images.

    Args:
        lines: Lines of text; ASCII without parentheses.
        media_box: Size of the page in points.
        encrypted: Whether it requires an unknown password.
        images: Further operators of the page's content.
    """
    text = " ".join(f"({line}) Tj T*" for line in lines)
    content = f"BT /F1 40 Tf 50 TL 50 760 Td {text} ET {images}"
    bodies = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{media_box}]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>/XObject<</I 6 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        # An image of 900 million pixels without any data.
        "<</Type/XObject/Subtype/Image/Width 30000/Height 30000/BitsPerComponent 8/ColorSpace/DeviceGray"
        "/Length 0>>stream\n\nendstream",
    ]
    trailer = "/Root 1 0 R"
    if encrypted:
        secret = "41" * 32
        bodies.append(f"<</Filter/Standard/V 1/R 2/O<{secret}>/U<{secret}>/P -44>>")
        trailer += f"/Encrypt {len(bodies)} 0 R/ID[<{'00' * 16}><{'00' * 16}>]"
    file, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    entries = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    count = len(bodies) + 1
    file += f"xref\n0 {count}\n0000000000 65535 f \n{entries}"
    file += f"trailer<</Size {count}{trailer}>>\nstartxref\n{file.index('xref')}\n%%EOF"
    return file.encode("ascii")


def numbered_pages(count: int, *, oversized: int | None = None) -> bytes:
    """Write a PDF of pages that differ.

    Args:
        count: Number of pages.
        oversized: Index of a page that contains an image above the limit.
    """
    with closing(pypdfium2.PdfDocument.new()) as document:
        for number in range(count):
            page_of_text = text_pdf([f"Page {number}"], images="/I Do" if number == oversized else "")
            with closing(pypdfium2.PdfDocument(page_of_text)) as source:
                document.import_pages(source)
        file = io.BytesIO()
        document.save(file)
        return file.getvalue()

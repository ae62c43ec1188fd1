"""Colours of pages, which stay as they are stored until a model's input: in grey, RGB or YCbCr.

Three equal channels of a grey page would take three times the time. The grey of a page in YCbCr is its luminance, a
channel; a JPEG file stores it so.
"""

from PIL import Image


def to_grey(page: Image.Image) -> Image.Image:
    """Return a page in grey; the page itself if it is grey already."""
    return page if page.mode == "L" else page.convert("L")


def to_rgb(page: Image.Image) -> Image.Image:
    """Return a page in RGB; the page itself if it is RGB already."""
    return page if page.mode == "RGB" else page.convert("RGB")

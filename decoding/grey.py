"""Grey of pages. A page that is stored in grey stays so, because three equal channels take three times the time."""

from PIL import Image


def to_grey(page: Image.Image) -> Image.Image:
    """Return a page in grey; the page itself if it is grey already."""
    return page if page.mode == "L" else page.convert("L")


def to_rgb(page: Image.Image) -> Image.Image:
    """Return a page in RGB; the page itself if it is RGB already."""
    return page if page.mode == "RGB" else page.convert("RGB")

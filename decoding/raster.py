"""Images by Pillow: decoded no larger than needed, shrunk before they are converted."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError, DecompressionBombError, DocumentError
from decoding.limits import Limits

logger = logging.getLogger(__name__)

# Imported at start: the first document of a format should not wait for its reader to be found.
READERS: Final = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

# Decoding only: the package has no encoder, whose licence (GPL) would reach further.
pi_heif.register_heif_opener()
# A document gets one CPU here, as for every other format.
pi_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# TIFF 6.0, tag NewSubfileType: bit 0 marks a reduced copy of another page, bit 2 a transparency mask.
_SUBFILE_TYPE: Final = 254
_NOT_A_PAGE: Final = 0b101
# Directories looked at for each page wanted: a file may carry a thumbnail and a mask beside each page.
_DIRECTORIES_PER_PAGE: Final = 4
_WHITE_IS_ZERO: Final = 0
# Of numbers wider than 16 bits: shares of one, 8 bits, 16 bits.
_USUAL_WHITES: Final = (1.0, 255.0, 65535.0)

# Larger colour profiles than this are not worth their time (a press profile has about 0.5 to 2 MB).
_MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to set a page upright, by its EXIF orientation."""


def decode_image(
    data: bytes, kind: str, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Decode an image file; only TIFF has pages, an animation shows its first picture.

    Args:
        data: The whole file.
        kind: Pillow's name of the format; no other is tried.
        min_side: Pixels that the shorter side of a page must keep, as in `decoding.read`.
        limits: Bounds on the document.
        check_cancelled: Called before each page; what it raises passes.

    Raises:
        DocumentError: If the file is damaged or larger than the limits allow.
    """
    pages: list[Image.Image] = []
    with _damage_told(kind):
        image = Image.open(io.BytesIO(data), formats=(kind,))
    with image:
        for index in range(limits.max_pages * _DIRECTORIES_PER_PAGE):
            check_cancelled()
            with _damage_told(kind):
                if index > 0 and not _turned_to(image, index):
                    break
                if _is_page(image):
                    if len(pages) == limits.max_pages:
                        return DecodedDocument(pages, truncated=True)
                    limits.check_pixels(*image.size)
                    pages.append(_page(image, min_side))
    if not pages:
        raise CorruptDocumentError(f"The {kind} file holds no page.")
    return DecodedDocument(pages)


@contextmanager
def _damage_told(kind: str) -> Iterator[None]:
    """Turn whatever a decoder throws at broken bytes into a DocumentError."""
    try:
        yield
    except DocumentError:
        raise
    except Image.DecompressionBombError as error:
        raise DecompressionBombError(f"The {kind} file unpacks to too many pixels.") from error
    except Exception as error:  # Pillow's readers raise OSError, SyntaxError, struct.error, KeyError and more
        logger.debug("%s decoder failed", kind, exc_info=True)
        raise CorruptDocumentError(f"The {kind} file is damaged or cut short.") from error


def _turned_to(image: Image.Image, index: int) -> bool:
    """Turn to a further picture, if there is one. They are not counted first: that would read them all."""
    if image.format != "TIFF":
        return False
    try:
        image.seek(index)
    except EOFError:
        return False
    return True


def _is_page(image: Image.Image) -> bool:
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return True
    return not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _NOT_A_PAGE


def _page(image: Image.Image, min_side: int) -> Image.Image:
    """Decode the current picture into an upright RGB page on white.

    It is shrunk as early as can be, so that all that follows handles few pixels.
    """
    if image.format in ("JPEG", "MPO"):
        # libjpeg computes a smaller inverse DCT: an 8th, 4th or half of the size, never below min_side.
        image.draft(None, (min_side, min_side))
    image.load()
    profile = image.info.get("icc_profile")
    orientation = _orientation(image)
    page = _shrunk(_eight_bits(image), min_side)
    page = _in_srgb(_on_white(page), profile)
    transpose = _TRANSPOSE.get(orientation)
    return page.transpose(transpose) if transpose is not None else page


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 -- broken metadata is no reason to reject a readable picture
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture in a mode that can be shrunk: 8 bits a channel, no palette."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return _grey_from_deep(image)
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _grey_from_deep(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or floating point: Pillow would clip it to white.

    16 bits keep their upper half. Wider types have no agreed white: it is the least of the usual ones that
    holds all values, and where none does, the values' own range is stretched.
    """
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = (values >> 8).astype(np.uint8)
    else:
        values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        if low >= 0 and high <= _USUAL_WHITES[-1]:
            low, high = 0.0, next(white for white in _USUAL_WHITES if high <= white)
        grey = ((values - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    if (
        isinstance(image, TiffImagePlugin.TiffImageFile)
        and image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    ):
        grey = 255 - grey  # Pillow inverts such files up to 8 bits only
    return Image.fromarray(grey)


def _shrunk(image: Image.Image, min_side: int) -> Image.Image:
    """Average whole blocks of pixels, as many as leave the shorter side at twice min_side or above.

    Twice, because whole blocks alias print more than an inverse DCT does, and the spare pixels cost nothing
    beside reading the picture.
    """
    factor = min(image.size) // (2 * min_side)
    return image.reduce(factor) if factor > 1 else image


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    coloured = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """RGB by the embedded colour profile if there is a usable one, by the mode's plain formula if not."""
    if isinstance(profile, bytes) and len(profile) <= _MAX_PROFILE_BYTES and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            logger.debug("colour profile ignored", exc_info=True)  # as every viewer does
    return image.convert("RGB")


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

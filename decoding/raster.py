"""Decoding of images with Pillow: no larger than needed, and reduced before they are converted."""

import io
import logging
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
from decoding.errors import CorruptDocumentError
from decoding.limits import Limits
from decoding.translation import translate_errors

logger = logging.getLogger(__name__)

# Imported at start, so that the first document of a format need not wait for the import.
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

# A decoder only. An encoder would bring a licence (GPL) with further obligations.
pi_heif.register_heif_opener()
# One CPU per document, as for every other format.
pi_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# TIFF 6.0, tag NewSubfileType: bit 0 marks a reduced copy of another page, bit 2 a transparency mask.
_SUBFILE_TYPE: Final = 254
_NOT_A_PAGE: Final = 0b101
# Directories examined per page: a file may have a thumbnail and a mask for each page.
_DIRECTORIES_PER_PAGE: Final = 4
_WHITE_IS_ZERO: Final = 0
# White in images of more than 16 bits per channel: fractions of one, 8 bits, 16 bits.
_USUAL_WHITES: Final = (1.0, 255.0, 65535.0)

# Larger colour profiles are ignored (a press profile has about 0.5 to 2 MB).
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
"""The transposition that sets a page upright, by its EXIF orientation."""


def decode_image(
    data: bytes, kind: str, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Decode an image file. Only TIFF has several pages; of an animation, the first image is decoded.

    Args:
        data: The whole file.
        kind: Pillow's name of the format. No other format is tried.
        min_side: Minimum length of the shorter side of a page in pixels, as in `decoding.reader.decode_document`.
        limits: Bounds on the document.
        check_cancelled: Called before each page.

    Raises:
        DocumentError: If the file is damaged or larger than the limits allow.
    """
    pages: list[Image.Image] = []
    with translate_errors(kind):
        image = Image.open(io.BytesIO(data), formats=(kind,))
    with image:
        for index in range(limits.max_pages * _DIRECTORIES_PER_PAGE):
            check_cancelled()
            with translate_errors(kind):
                if index > 0 and not _seek(image, index):
                    break
                if _is_page(image):
                    if len(pages) == limits.max_pages:
                        return DecodedDocument(pages, truncated=True)
                    limits.check_pixels(*image.size)
                    pages.append(_decode_page(image, min_side))
    if not pages:
        raise CorruptDocumentError(f"The {kind} file has no page.")
    return DecodedDocument(pages)


def _seek(image: Image.Image, index: int) -> bool:
    """Seek to a further image of a TIFF file, and return whether it exists. Counting them first would read them all."""
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


def _decode_page(image: Image.Image, min_side: int) -> Image.Image:
    """Decode the current image to an upright RGB page on white.

    The image is reduced as early as possible, so that later steps process fewer pixels.
    """
    if image.format in ("JPEG", "MPO"):
        # libjpeg computes a smaller inverse DCT: an eighth, a quarter or half of the size, never below min_side.
        image.draft(None, (min_side, min_side))
    image.load()
    profile = image.info.get("icc_profile")
    orientation = _orientation(image)
    page = _reduce(_to_eight_bits(image), min_side)
    page = _to_srgb(_flatten(page), profile)
    transpose = _TRANSPOSE.get(orientation)
    return page.transpose(transpose) if transpose is not None else page


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 -- invalid metadata; the image itself may be valid
        return 1


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert an image to a mode that can be reduced: 8 bits per channel, no palette."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return _grey_from_deep(image)
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


def _grey_from_deep(image: Image.Image) -> Image.Image:
    """Convert grey of 16 or 32 bits or floating point, which Pillow would clip to white.

    Of 16 bits, the upper half is kept. Wider types have no standard white: the smallest of the usual ones that is not
    below any value is used. If there is none, the range of the values is stretched.
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
        grey = 255 - grey  # Pillow inverts such files only up to 8 bits
    return Image.fromarray(grey)


def _reduce(image: Image.Image, min_side: int) -> Image.Image:
    """Average blocks of pixels, such that the shorter side is at least twice min_side.

    Twice, because blocks alias print more than an inverse DCT does, and processing the additional pixels takes little
    time compared with reading the image.
    """
    factor = min(image.size) // (2 * min_side)
    return image.reduce(factor) if factor > 1 else image


def _flatten(image: Image.Image) -> Image.Image:
    """Composite a transparent image on white."""
    if not image.has_transparency_data:
        return image
    coloured = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert an image to RGB, with its embedded colour profile if that is valid."""
    if isinstance(profile, bytes) and len(profile) <= _MAX_PROFILE_BYTES and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            logger.debug("colour profile ignored", exc_info=True)  # as viewers do
    return image.convert("RGB")


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

"""Decoding of images with Pillow: no larger than needed, and reduced before they are converted."""

import io
import logging
from functools import cache
from typing import Final, Literal

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

from decoding import jpeg
from decoding.cancellation import CancelCheck, never_cancel
from decoding.depth import to_eight_bits
from decoding.document import DecodedDocument
from decoding.errors import CorruptDocumentError
from decoding.limits import Limits
from decoding.translation import translate_errors

logger = logging.getLogger(__name__)

JpegMode = Literal["RGB", "YCbCr", "L"]

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

# Decompressed, each: drawings contain their source, and scans the profile of the scanner. Pillow reads 1 MiB, and calls
# files with more damaged.
_MAX_PNG_METADATA: Final = 16 * 1024 * 1024
PngImagePlugin.MAX_TEXT_CHUNK = _MAX_PNG_METADATA

# Some writers give the image of one codec the brand of the other: the decoder to try next, and the brand it accepts.
_OTHER_CODEC: Final = {"AVIF": ("HEIF", b"heic"), "HEIF": ("AVIF", b"avif")}

_WHITE_IS_ZERO: Final = 0
# Mean opacity within transparent margins, from which on they are not part of the page. A sheet that was turned by any
# angle and cut out has at least a third; ink on transparent paper seldom has a fifth.
_OPAQUE_SHARE: Final = 0.3

# Larger colour profiles are ignored (a press profile has about 0.5 to 2 MB).
_MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024

# Pixels of a bilevel image that are in 8 bits at the same time.
_BAND_PIXELS: Final = 8_000_000

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
    data: bytes,
    kind: str,
    *,
    min_side: int,
    limits: Limits,
    check_cancelled: CancelCheck = never_cancel,
    jpeg_mode: JpegMode = "RGB",
) -> DecodedDocument:
    """Decode an image file of any format but TIFF. Of an animation, the first image is decoded.

    Args:
        data: The whole file.
        kind: Pillow's name of the format. No other format is tried.
        min_side: Minimum length of the shorter side of a page in pixels, as in `decoding.reader.decode_document`.
        limits: Bounds on the document.
        check_cancelled: Called before decoding.
        jpeg_mode: Mode of a page from a JPEG file that stores luminance and chrominance and is complete: `L`, its
            luminance, takes less time, and `YCbCr` contains the same luminance. Other files in colour give RGB.

    Raises:
        DocumentError: If the file is damaged or larger than the limits allow.
    """
    check_cancelled()
    if kind == "JPEG":
        with translate_errors(kind):
            page, truncated = _decode_jpeg(data, min_side, limits, jpeg_mode)
            return DecodedDocument([page], truncated)
    try:
        return DecodedDocument([_decode(data, kind, min_side, limits)])
    except CorruptDocumentError:
        if kind not in _OTHER_CODEC:
            raise
        other, brand = _OTHER_CODEC[kind]
        try:
            return DecodedDocument([_decode(data[:8] + brand + data[12:], other, min_side, limits)])
        except CorruptDocumentError:
            logger.debug("neither %s nor %s", kind, other)
        raise


def _decode(data: bytes, kind: str, min_side: int, limits: Limits) -> Image.Image:
    with translate_errors(kind), _open(data, kind) as image:
        check_size(image, limits)
        return to_page(image, min_side)


def _open(data: bytes, kind: str) -> Image.Image:
    if kind == "PNG":
        # Not Image.open, which would check the size against Pillow's own limit: bilevel images may be larger.
        return PngImagePlugin.PngImageFile(io.BytesIO(data))
    return Image.open(io.BytesIO(data), formats=(kind,))


def check_size(image: Image.Image, limits: Limits) -> None:
    """Reject an image, before it is loaded, that would decode to too many pixels for its mode.

    Raises:
        DecompressionBombError: If it is above the limit of a reduced decoding, or of any other if it is not bilevel.
    """
    if _is_bilevel(image):
        limits.check_reduced_pixels(*image.size)
    else:
        limits.check_pixels(*image.size)


def _is_bilevel(image: Image.Image) -> bool:
    """Return whether an image is black and white. One with a transparent colour is processed like one in grey."""
    return image.mode == "1" and "transparency" not in image.info


def _decode_jpeg(data: bytes, min_side: int, limits: Limits, mode: JpegMode) -> tuple[Image.Image, bool]:
    """Decode a JPEG file.

    Returns:
        The page, and whether the end of the file is missing.
    """
    for each in dict.fromkeys((mode, "RGB")):  # a file may contradict its headers about its channels
        with _open_jpeg(data, min_side, limits, each) as image:
            try:
                return to_page(image, min_side), False
            except OSError:
                logger.debug("JPEG file is incomplete", exc_info=True)
    # With an end marker, the decoder returns what it has decoded.
    with _open_jpeg(data + jpeg.END_MARKER, min_side, limits, "RGB") as image:
        image.load()
        orientation, profile = _orientation(image), image.info.get("icc_profile")
        complete, truncated = jpeg.whiten_missing(image)
        page = to_page(complete, min_side, orientation, profile)
        # A progressive file without its end lacks detail everywhere.
        return page, truncated or "progressive" in image.info


def _open_jpeg(data: bytes, min_side: int, limits: Limits, mode: JpegMode) -> Image.Image:
    """Open a JPEG file at the reduced size, within the limits.

    libjpeg computes a smaller inverse DCT: an eighth, a quarter or half of the size, never below `min_side`. In grey,
    it does so for the luminance only, which is the grey of the page up to rounding. A colour profile needs the colours.
    """
    # Not Image.open, which would check the full size against Pillow's own limit.
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    if jpeg.is_decoded_by_rows(data):
        limits.check_reduced_pixels(*image.size)
    else:
        limits.check_pixels(*image.size)
    as_stored = mode != "RGB" and image.mode == "RGB" and "icc_profile" not in image.info and jpeg.has_luminance(image)
    image.draft(mode if as_stored else None, (min_side, min_side))
    limits.check_pixels(*image.size)
    return image


def to_page(image: Image.Image, min_side: int, orientation: int | None = None, profile: object = None) -> Image.Image:
    """Convert an image to an upright page on white, in RGB, or in grey or YCbCr if the image is.

    The image is reduced as early as possible, so that later steps process fewer pixels.

    Args:
        image: The image, which is loaded if necessary.
        min_side: Minimum length of the shorter side of the page in pixels.
        orientation: EXIF orientation of the pixels; the image's own if None.
        profile: Colour profile of the pixels, with `orientation`.
    """
    image.load()
    if orientation is None:
        profile = image.info.get("icc_profile")
        orientation = _orientation(image)
    if _is_bilevel(image):
        page = _reduce_bilevel(image, min_side)
    else:
        page = _reduce(_crop_transparent_margins(_show_transparent(_to_usual_mode(image))), min_side)
    page = _to_srgb(_flatten(page), profile)
    if page is image:
        page = image.copy()  # the next page of the file would replace its pixels
    transpose = _TRANSPOSE.get(orientation)
    return page.transpose(transpose) if transpose is not None else page


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 -- invalid metadata; the image itself may be valid
        return 1


def _to_usual_mode(image: Image.Image) -> Image.Image:
    """Convert an image to a mode that can be reduced: 8 bits per channel, no palette, alpha not premultiplied."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return _grey_from_deep(image)
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("La", "RGBa"):
        return image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    return image


def _grey_from_deep(image: Image.Image) -> Image.Image:
    """Convert grey of more than 8 bits or floating point, which Pillow would clip to white."""
    values, bits = np.asarray(image), 16
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if image.mode.startswith("I;16"):
        stored = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))
        bits = int(stored[0])
    grey = to_eight_bits(values, bits)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        grey = 255 - grey  # Pillow inverts such files only up to 8 bits
    return Image.fromarray(grey)


def _show_transparent(image: Image.Image) -> Image.Image:
    """Remove the alpha channel of an image that is fully transparent, unless it has a single colour.

    Such an image shows nothing; but some writers leave the alpha channel of an opaque page empty.
    """
    if image.mode not in ("LA", "RGBA") or image.getchannel("A").getextrema() != (0, 0):
        return image
    colours = image.convert(image.mode.removesuffix("A"))
    return image if colours.getcolors(1) else colours


def _crop_transparent_margins(image: Image.Image) -> Image.Image:
    """Remove rows and columns at the edges that are fully transparent, such as those around a straightened page.

    Ink on transparent paper keeps its margins: what is inside them is mostly transparent, too.
    """
    if image.mode not in ("LA", "RGBA"):
        return image
    box = image.getbbox()
    if box is None or box == (0, 0, *image.size):
        return image
    cropped = image.crop(box)
    alpha = cropped.getchannel("A").histogram()
    opaque = sum(level * count for level, count in enumerate(alpha)) / (255 * cropped.width * cropped.height)
    return cropped if opaque >= _OPAQUE_SHARE else image


def _reduce(image: Image.Image, min_side: int) -> Image.Image:
    """Average blocks of pixels, such that the shorter side is at least twice min_side.

    Twice, because blocks alias print more than an inverse DCT does, and processing the additional pixels takes little
    time compared with reading the image.
    """
    factor = _reduction(image, min_side)
    return image.reduce(factor) if factor > 1 else image


def _reduction(image: Image.Image, min_side: int) -> int:
    return max(1, min(image.size) // (2 * min_side))


def _reduce_bilevel(image: Image.Image, min_side: int) -> Image.Image:
    """Convert a bilevel image to grey and reduce it, in bands: a large one is kept in memory once, not twice."""
    factor = _reduction(image, min_side)
    width, height = image.size
    page = Image.new("L", (-(-width // factor), -(-height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (width * factor))
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height))).convert("L")
        page.paste(band.reduce(factor), (0, top // factor))
    return page


def _flatten(image: Image.Image) -> Image.Image:
    """Composite a transparent image on white."""
    if not image.has_transparency_data:
        return image
    coloured = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured).convert("RGB")


def _to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert an image to RGB, with its embedded colour profile if that is valid. Grey and YCbCr stay without one."""
    if isinstance(profile, bytes) and len(profile) <= _MAX_PROFILE_BYTES and image.mode in ("L", "RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            logger.debug("colour profile ignored", exc_info=True)  # as viewers do
    return image if image.mode in ("L", "YCbCr") else image.convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    converted = ImageCms.profileToProfile(image, lab, _srgb(), outputMode="RGB")
    return converted if converted is not None else image


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

"""Decoding of TIFF files: with Pillow, or else from their directories."""

import io
import logging
import zlib
from collections.abc import Iterator
from typing import Final

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from decoding.cancellation import CancelCheck, never_cancel
from decoding.document import DecodedDocument
from decoding.errors import (
    CorruptDocumentError,
    DecoderMemoryError,
    DecompressionBombError,
    DocumentError,
    UnsupportedCodingError,
)
from decoding.limits import Limits, PageCount
from decoding.raster import check_size, to_page
from decoding.tiff_directories import Directory, Tag, read_directories, write_single
from decoding.tiff_old_jpeg import to_jpeg
from decoding.tiff_samples import read_chunks, read_page
from decoding.translation import translate_errors

logger = logging.getLogger(__name__)

# TIFF 6.0, tag NewSubfileType: bit 0 marks a reduced copy of another page, bit 2 a transparency mask.
_NOT_A_PAGE: Final = 0b101
# Directories examined per page: a file may have a thumbnail and a mask for each page.
_DIRECTORIES_PER_PAGE: Final = 4
_UNCOMPRESSED, _OLD_JPEG, _DEFLATE = 1, 6, 8
_PLANES: Final = 2
_SIGNED: Final = 2
# Compressions of Pillow's libtiff: CCITT, LZW, JPEG, Deflate, PackBits, ThunderScan, SGI LogLuv, LZMA, Zstd. It knows
# further ones by name only.
_COMPRESSIONS_OF_LIBTIFF: Final = frozenset(
    {1, 2, 3, 4, 5, _OLD_JPEG, 7, 8, 32946, 32773, 32809, 34676, 34677, 34925, 50000}
)
_CCITT: Final = frozenset({2, 3, 4})
_USUAL_BITS: Final = frozenset({1, 2, 4, 8, 16})


def decode_tiff(
    data: bytes, *, min_side: int, limits: Limits, check_cancelled: CancelCheck = never_cancel
) -> DecodedDocument:
    """Decode the first pages of a TIFF file.

    Pages that are damaged, missing or in a coding that is not supported are omitted if others can be read.

    Args:
        data: The whole file.
        min_side: Minimum length of the shorter side of a page in pixels, as in `decoding.reader.decode_document`.
        limits: Bounds on the document.
        check_cancelled: Called before each page.

    Raises:
        DocumentError: If no page can be read, or one is larger than the limits allow.
    """
    reader = _PageReader(data, min_side, limits)
    budget = PageCount(limits)
    failure: DocumentError | None = None
    for index in range(limits.max_pages * _DIRECTORIES_PER_PAGE):
        check_cancelled()
        try:
            with translate_errors("TIFF"):
                if not reader.seek(index):
                    break
        except DocumentError as error:
            failure = failure or error
            break
        if not budget.admits_next(len(reader.pages)) and reader.is_page():
            return DecodedDocument(reader.pages, truncated=True)
        try:
            with translate_errors("TIFF"):
                reader.read()
        except (DecompressionBombError, DecoderMemoryError):
            if budget.is_front(len(reader.pages)):
                raise
            return DecodedDocument(reader.pages, truncated=True)
        except DocumentError as error:
            failure = failure or error
    if not reader.pages:
        raise failure or CorruptDocumentError("The TIFF file has no page.")
    return DecodedDocument(reader.pages, truncated=failure is not None)


class _TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF file whose pages are checked by `check_size` only. Pillow's own limit is below that of bilevel pages."""

    def load_prepare(self) -> None:
        """Allocate the page, before Pillow checks its size and does so."""
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()


class _PageReader:
    """Reads the directories of a TIFF file in order, with Pillow as long as it can.

    Args:
        data: The whole file.
        min_side: Minimum length of the shorter side of a page in pixels.
        limits: Bounds on the document.
    """

    def __init__(self, data: bytes, min_side: int, limits: Limits) -> None:
        self._data: Final = data
        self._min_side: Final = min_side
        self._limits: Final = limits
        self._image: TiffImagePlugin.TiffImageFile | None = None  # Pillow's, while it can seek
        self._unread: Final[Iterator[Directory]] = read_directories(data)
        self._directories: Final[list[Directory]] = []
        self._index = 0
        self.pages: Final[list[Image.Image]] = []
        """The pages read so far."""

    def seek(self, index: int) -> bool:
        """Go to a directory, and return whether it exists. Counting them first would read them all."""
        self._index = index
        try:
            if index == 0:
                # Not Image.open, which would check the size against Pillow's own limit.
                self._image = _TiffFile(io.BytesIO(self._data))
            elif self._image is not None:
                self._image.seek(index)
        except EOFError:
            return False
        except Exception:  # Pillow raises errors of many kinds
            logger.debug("directory %d not read by Pillow", index, exc_info=True)
            self._image = None
        return self._image is not None or self._directory() is not None

    def is_page(self) -> bool:
        """Return whether the current directory describes a page, not a thumbnail or mask."""
        if self._image is not None:
            return not int(self._image.tag_v2.get(Tag.SUBFILE_TYPE, 0)) & _NOT_A_PAGE
        directory = self._directory()
        return directory is not None and not directory.integer(Tag.SUBFILE_TYPE, 0) & _NOT_A_PAGE

    def read(self) -> None:
        """Read the current directory, if it describes a page.

        Raises:
            DocumentError: If the page cannot be read.
        """
        if not self.is_page():
            return
        if self._image is None:
            self.pages.append(self._read_directory())
            return
        check_size(self._image, self._limits)
        if _is_misread(self._image):
            self._limits.check_pixels(*self._image.size)
            self.pages.append(self._read_directory())
            return
        try:
            page = to_page(self._image, self._min_side)
        except (OSError, ValueError, SyntaxError):
            logger.debug("page not decoded by Pillow", exc_info=True)
            self._limits.check_pixels(*self._image.size)
            page = self._read_known_directory()
        self.pages.append(page)

    def _directory(self) -> Directory | None:
        """Return the current directory as read without Pillow; None after the last."""
        while len(self._directories) <= self._index:
            directory = next(self._unread, None)
            if directory is None:
                return None
            self._directories.append(directory)
        return self._directories[self._index]

    def _read_directory(self) -> Image.Image:
        """Read the page that the current directory describes, without Pillow's reader of directories."""
        directory = self._directory()
        if directory is None:
            raise CorruptDocumentError("The TIFF file ends before a page.")
        profile = bytes(directory.integers(Tag.PROFILE))
        image = self._image_of(directory)
        return to_page(image, self._min_side, directory.integer(Tag.ORIENTATION, 1), profile)

    def _read_known_directory(self) -> Image.Image:
        """Read the current page. Pillow supports its coding, so a page that cannot be read is damaged."""
        try:
            return self._read_directory()
        except UnsupportedCodingError as error:
            directory = self._directory()
            if directory is None or directory.integer(Tag.COMPRESSION, 1) not in _COMPRESSIONS_OF_LIBTIFF:
                raise
            raise CorruptDocumentError("The TIFF file is damaged or incomplete.") from error

    def _image_of(self, directory: Directory) -> Image.Image:
        if directory.integer(Tag.COMPRESSION, 1) == _OLD_JPEG:
            chunks = read_chunks(self._data, directory)
            image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(to_jpeg(self._data, directory, chunks)))
            self._limits.check_pixels(*image.size)
            return image
        try:
            return read_page(self._data, directory, self._limits)
        except UnsupportedCodingError:
            # Pillow may know the compression, but not have found the page.
            single = _open_single(directory, read_chunks(self._data, directory))
            if single is None:
                raise
            check_size(single, self._limits)
            single.load()
            return single


def _open_single(directory: Directory, chunks: list[bytes]) -> Image.Image | None:
    """Open a page with Pillow in a separate file; None if Pillow does not know its coding."""
    compression = directory.integer(Tag.COMPRESSION, _UNCOMPRESSED)
    if compression not in _COMPRESSIONS_OF_LIBTIFF:
        return None
    if compression == _UNCOMPRESSED:
        # Pillow reads uncompressed pages without libtiff, which supports more layouts, such as subsampled colours.
        directory = Directory({**directory.tags, Tag.COMPRESSION: (_DEFLATE,)}, directory.byte_order)
        chunks = [zlib.compress(chunk, 1) for chunk in chunks]
    try:
        return TiffImagePlugin.TiffImageFile(io.BytesIO(write_single(directory, chunks)))
    except (SyntaxError, KeyError):
        return None


def _is_misread(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Return whether Pillow opens the page, but with wrong samples.

    These are pages of uncommon depths, of signed integers, of planes whose samples are not plain bytes, and those that
    do not name their colour space.
    """
    bits = image.tag_v2.get(Tag.BITS, (1,))[0]
    signed = image.tag_v2.get(Tag.SAMPLE_FORMAT, (1,))[0] == _SIGNED
    planes = image.tag_v2.get(Tag.PLANAR, 1) == _PLANES
    reversed_bits = image.tag_v2.get(Tag.FILL_ORDER, 1) != 1
    unnamed = Tag.PHOTOMETRIC not in image.tag_v2 and image.tag_v2.get(Tag.COMPRESSION, 1) not in _CCITT
    return signed or unnamed or bits not in _USUAL_BITS or (planes and (bits != 8 or reversed_bits))

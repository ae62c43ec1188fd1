"""Reading of TIFF pages in layouts that Pillow does not read: any depth, any number of planes, strips or tiles.

The chunks of a page are decompressed as rows of bytes, by libtiff through Pillow. The samples are unpacked here.
"""

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from decoding.depth import to_eight_bits
from decoding.errors import CorruptDocumentError, DecompressionBombError, UnsupportedCodingError
from decoding.limits import Limits
from decoding.tiff_directories import Directory, Tag, write_single

_UNCOMPRESSED: Final = 1
# Compressions that do not depend on the layout of the samples: LZW, Deflate (two codes), PackBits, LZMA, Zstd.
_BYTE_COMPRESSIONS: Final = frozenset({_UNCOMPRESSED, 5, 8, 32946, 32773, 34925, 50000})
_PLANES: Final = 2
_HORIZONTAL, _FLOATING = 2, 3  # predictors
_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED = 1, 2, 3, 4  # sample formats
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_COLORS: Final = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _SEPARATED: 4, _YCBCR: 3}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha
_MAX_SAMPLES: Final = 64
_MAX_INTEGER_BITS: Final = 32
_FLOAT_BITS: Final = frozenset({16, 32, 64})
# Decompressed bytes per pixel of the limit: eight hold RGBA of 16 bits.
_MAX_BYTES_PER_PIXEL: Final = 8
# Rows whose bits are unpacked at a time.
_ROWS: Final = 64

Samples = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Sizes of a page and of its chunks."""

    width: int
    height: int
    samples: int
    bits: int
    format: int
    planes: int
    chunk_width: int
    chunk_height: int
    tiled: bool

    @property
    def samples_per_chunk(self) -> int:
        return self.samples // self.planes

    @property
    def row_bytes(self) -> int:
        return (self.chunk_width * self.samples_per_chunk * self.bits + 7) // 8

    @property
    def across(self) -> int:
        return -(-self.width // self.chunk_width)

    @property
    def down(self) -> int:
        return -(-self.height // self.chunk_height)

    @property
    def rows(self) -> int:
        """Rows of one plane in its chunks."""
        return self.across * self.down * self.chunk_height if self.tiled else self.height


def read_page(data: bytes, directory: Directory, limits: Limits) -> Image.Image:
    """Read a page as an image of 8 bits per channel.

    Args:
        data: The whole file.
        directory: The description of the page.
        limits: Bounds on the document.

    Raises:
        UnsupportedCodingError: If the compression or layout is not supported.
        DocumentError: If the page is damaged or too large.
    """
    layout = _layout(directory, limits)
    chunks = read_chunks(data, directory)
    per_plane = layout.across * layout.down
    if len(chunks) < per_plane * layout.planes:
        raise CorruptDocumentError("The TIFF file has an incomplete page.")
    planes = [
        _unpack(_decompress(chunks[plane * per_plane : (plane + 1) * per_plane], directory, layout), directory, layout)
        for plane in range(layout.planes)
    ]
    samples = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
    return _to_image(samples, directory, layout)


def read_chunks(data: bytes, directory: Directory) -> list[bytes]:
    """Return the encoded strips or tiles of a page.

    Raises:
        CorruptDocumentError: If one is not in the file completely.
    """
    tiled = Tag.TILE_WIDTH in directory.tags
    offsets = directory.integers(Tag.TILE_OFFSETS if tiled else Tag.STRIP_OFFSETS)
    sizes = directory.integers(Tag.TILE_BYTES if tiled else Tag.STRIP_BYTES)
    if len(sizes) != len(offsets):  # older writers omit the sizes of uncompressed strips
        sizes = [len(data) - offset for offset in offsets]
    if any(offset < 0 or size < 0 or offset + size > len(data) for offset, size in zip(offsets, sizes, strict=True)):
        raise CorruptDocumentError("The TIFF file ends before the data of a page.")
    if sum(sizes) > 2 * len(data):
        raise CorruptDocumentError("The parts of a page of the TIFF file overlap.")
    return [data[offset : offset + size] for offset, size in zip(offsets, sizes, strict=True)]


def _layout(directory: Directory, limits: Limits) -> _Layout:
    width, height = directory.integer(Tag.WIDTH), directory.integer(Tag.HEIGHT)
    limits.check_pixels(width, height)
    samples = directory.integer(Tag.SAMPLES, 1)
    bits = directory.integers(Tag.BITS) or [1]
    formats = directory.integers(Tag.SAMPLE_FORMAT) or [_UNSIGNED]
    photometric = _photometric(directory)
    _check_supported(directory, samples, bits, formats, photometric)
    tiled = Tag.TILE_WIDTH in directory.tags
    layout = _Layout(
        width,
        height,
        samples,
        bits[0],
        formats[0],
        samples if directory.integer(Tag.PLANAR, 1) == _PLANES else 1,
        directory.integer(Tag.TILE_WIDTH) if tiled else width,
        directory.integer(Tag.TILE_HEIGHT) if tiled else min(directory.integer(Tag.ROWS_PER_STRIP, height), height),
        tiled,
    )
    if min(width, height, layout.chunk_width, layout.chunk_height) <= 0:
        raise CorruptDocumentError("The TIFF file has a page without an area.")
    if layout.rows * layout.row_bytes * layout.planes > limits.max_pixels * _MAX_BYTES_PER_PIXEL:
        raise DecompressionBombError("The TIFF file has a page with too many bytes.")
    return layout


def _photometric(directory: Directory) -> int:
    """Return the colour space of a page; the one that libtiff assumes, if the page does not name it."""
    three = directory.integer(Tag.SAMPLES, 1) >= _COLORS[_RGB]
    return directory.integer(Tag.PHOTOMETRIC, _RGB if three else _BLACK_IS_ZERO)


def _check_supported(directory: Directory, samples: int, bits: list[int], formats: list[int], photometric: int) -> None:
    compression = directory.integer(Tag.COMPRESSION, _UNCOMPRESSED)
    if compression not in _BYTE_COMPRESSIONS:
        raise UnsupportedCodingError(f"Pages of TIFF files with compression {compression} are not supported.")
    if photometric not in _COLORS:
        raise UnsupportedCodingError(f"Pages of TIFF files in colour space {photometric} are not supported.")
    subsampled = photometric == _YCBCR and (directory.integers(Tag.SUBSAMPLING) or [2, 2]) != [1, 1]
    depth, kind = bits[0], formats[0]
    integer = kind in (_UNSIGNED, _SIGNED, _UNDEFINED) and 1 <= depth <= _MAX_INTEGER_BITS
    if (
        len(set(bits)) > 1
        or len(set(formats)) > 1
        or subsampled
        or not (integer or (kind == _FLOAT and depth in _FLOAT_BITS))
        or not _COLORS[photometric] <= samples <= _MAX_SAMPLES
    ):
        raise UnsupportedCodingError(
            f"Pages of TIFF files with {samples} samples of {'/'.join(map(str, bits))} bits, format {kind}, in colour "
            f"space {photometric} are not supported."
        )


def _decompress(chunks: list[bytes], directory: Directory, layout: _Layout) -> NDArray[np.uint8]:
    """Return the rows of bytes of one plane, chunk after chunk."""
    size = layout.rows * layout.row_bytes
    compression = directory.integer(Tag.COMPRESSION, _UNCOMPRESSED)
    fill_order = directory.integer(Tag.FILL_ORDER, 1)
    if compression == _UNCOMPRESSED and fill_order == 1:
        rows = b"".join(chunk[: layout.row_bytes * layout.chunk_height] for chunk in chunks)
        if len(rows) < size:
            raise CorruptDocumentError("The TIFF file ends before the data of a page.")
        return np.frombuffer(rows, np.uint8, size).reshape(layout.rows, layout.row_bytes)
    tags: dict[int, tuple[float, ...]] = {
        Tag.WIDTH: (layout.row_bytes,),
        Tag.HEIGHT: (layout.rows,),
        Tag.BITS: (8,),
        Tag.COMPRESSION: (compression,),
        Tag.PHOTOMETRIC: (_BLACK_IS_ZERO,),
        Tag.FILL_ORDER: (fill_order,),
        Tag.SAMPLES: (1,),
        Tag.ROWS_PER_STRIP: (layout.chunk_height,),
    }
    file = write_single(Directory(tags, directory.byte_order), chunks)
    # Not Image.open, which would check the number of bytes against Pillow's own limit of pixels.
    with TiffImagePlugin.TiffImageFile(io.BytesIO(file)) as image:
        image.load()
        return np.array(image)


def _unpack(rows: NDArray[np.uint8], directory: Directory, layout: _Layout) -> Samples:
    """Return the samples of one plane, shape (height, width, samples)."""
    predictor = directory.integer(Tag.PREDICTOR, 1)
    count = layout.chunk_width * layout.samples_per_chunk
    if predictor == _FLOATING and layout.format == _FLOAT:
        values = _undo_floating_predictor(rows, layout, count)
    elif layout.bits % 8 == 0 and layout.bits != 24:
        values = rows.view(_dtype(layout, directory.byte_order)).astype(_dtype(layout, "="), copy=False)
    else:
        values = _unpack_bits(rows, layout, count, directory.byte_order)
    values = values.reshape(len(rows), layout.chunk_width, layout.samples_per_chunk)
    if predictor == _HORIZONTAL:
        values = np.cumsum(values, axis=1, dtype=values.dtype)
        if layout.bits < values.dtype.itemsize * 8:
            values &= values.dtype.type((1 << layout.bits) - 1)
    if not layout.tiled:
        return values
    tiles = values.reshape(layout.down, layout.across, layout.chunk_height, layout.chunk_width, -1)
    size = (layout.down * layout.chunk_height, layout.across * layout.chunk_width, layout.samples_per_chunk)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(size)[: layout.height, : layout.width]


def _dtype(layout: _Layout, order: str) -> np.dtype[Any]:
    kind = {_SIGNED: "i", _FLOAT: "f"}.get(layout.format, "u")
    return np.dtype(f"{order}{kind}{layout.bits // 8}")


def _unpack_bits(rows: NDArray[np.uint8], layout: _Layout, count: int, order: str) -> Samples:
    """Unpack samples that do not fill whole machine words. They are packed from the most significant bit on."""
    dtype: Any = np.uint8 if layout.bits <= 8 else np.uint16 if layout.bits <= 16 else np.uint32
    values: Samples = np.zeros((len(rows), count), dtype)
    if layout.bits == 24:
        triples = rows[:, : count * 3].reshape(len(rows), count, 3)
        for byte in range(3):
            values |= triples[:, :, byte].astype(dtype) << (8 * (byte if order == "<" else 2 - byte))
        return values
    for start in range(0, len(rows), _ROWS):
        bits = np.unpackbits(rows[start : start + _ROWS], axis=1)[:, : count * layout.bits]
        bits = bits.reshape(len(bits), count, layout.bits)
        block = values[start : start + _ROWS]
        for bit in range(layout.bits):
            block |= bits[:, :, bit].astype(dtype) << dtype(layout.bits - 1 - bit)
    if layout.format == _SIGNED:
        sign = 1 << (layout.bits - 1)
        return (values.astype(np.int64) ^ sign) - sign
    return values


def _undo_floating_predictor(rows: NDArray[np.uint8], layout: _Layout, count: int) -> Samples:
    """Undo predictor 3: differences of bytes, with the bytes of equal significance next to each other."""
    size = layout.bits // 8
    stride = layout.samples_per_chunk
    summed = np.cumsum(rows.reshape(len(rows), -1, stride), axis=1, dtype=np.uint8)
    planes = summed.reshape(len(rows), size, count)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(f">f{size}")
    return values.reshape(len(rows), count).astype(f"=f{size}")


def _to_image(samples: Samples, directory: Directory, layout: _Layout) -> Image.Image:
    photometric = _photometric(directory)
    colors = _COLORS[photometric]
    if photometric == _PALETTE:
        pixels = _apply_palette(samples[:, :, 0], directory, layout)
    else:
        pixels = to_eight_bits(np.ascontiguousarray(samples[:, :, :colors]), layout.bits)
    if photometric == _WHITE_IS_ZERO:
        pixels = 255 - pixels
    extra = directory.integers(Tag.EXTRA_SAMPLES)
    alpha = None
    if colors in (1, 3) and photometric != _YCBCR and extra and extra[0] in (_ASSOCIATED, _UNASSOCIATED):
        alpha = to_eight_bits(np.ascontiguousarray(samples[:, :, colors]), layout.bits)
        if extra[0] == _ASSOCIATED:
            divisor = np.maximum(alpha, 1)[:, :, np.newaxis].astype(np.uint16)
            pixels = np.minimum(pixels.astype(np.uint16) * 255 // divisor, 255).astype(np.uint8)
    mode = {_SEPARATED: "CMYK", _YCBCR: "YCbCr"}.get(photometric)
    if pixels.shape[2] == 1:
        image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0]))
    elif mode is None:
        image = Image.fromarray(pixels)
    else:
        image = Image.frombytes(mode, (layout.width, layout.height), pixels.tobytes())
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return image.convert("RGB") if image.mode == "YCbCr" else image


def _apply_palette(indices: Samples, directory: Directory, layout: _Layout) -> NDArray[np.uint8]:
    table: Samples = np.array(directory.integers(Tag.COLOR_MAP), np.uint32)
    size = 1 << layout.bits
    if layout.bits > 16 or len(table) < 3 * size:
        raise CorruptDocumentError("The TIFF file has a page without its palette.")
    table = table[: 3 * size].reshape(3, size).T
    if table.max() > 255:  # some writers use 8 bits
        table = table >> 8
    return table.astype(np.uint8)[indices.astype(np.intp)]

"""The directories of a TIFF or BigTIFF file in either byte order, and files with a single directory."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from decoding.errors import CorruptDocumentError


class Tag(IntEnum):
    """The tags that decoding uses."""

    SUBFILE_TYPE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    GROUP3_OPTIONS = 292
    GROUP4_OPTIONS = 293
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    INK_SET = 332
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347
    OLD_JPEG_STREAM = 513
    OLD_JPEG_STREAM_BYTES = 514
    OLD_JPEG_RESTART = 515
    OLD_JPEG_QUANTIZATION = 519
    OLD_JPEG_DC = 520
    OLD_JPEG_AC = 521
    SUBSAMPLING = 530
    REFERENCE_BLACK_WHITE = 532
    PROFILE = 34675


_KNOWN: Final = frozenset(Tag)
# Format of the values of each field type, in the notation of `struct`; rationals are read as two integers.
_TYPES: Final = {
    1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 13: "I",
    16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
_BYTE_TAGS: Final = frozenset({Tag.JPEG_TABLES, Tag.PROFILE})
# Tags whose number of values grows with the page or its colours. Of others, no more than the first values are read.
_LISTS: Final = _BYTE_TAGS | {
    Tag.STRIP_OFFSETS, Tag.STRIP_BYTES, Tag.TILE_OFFSETS, Tag.TILE_BYTES, Tag.COLOR_MAP,
}  # fmt: skip
_MAX_VALUES: Final = 64
_MAX_ENTRIES: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory: the description of one page."""

    tags: Mapping[int, tuple[float, ...]]
    """The values of each known tag; rationals as numerator and denominator in turn."""
    byte_order: str
    """`<` or `>`, as in `struct`."""

    def integer(self, tag: Tag, default: int | None = None) -> int:
        """Return the first value of a tag.

        Raises:
            CorruptDocumentError: If the tag is missing and has no default.
        """
        values = self.tags.get(tag)
        if not values:
            if default is None:
                raise CorruptDocumentError(f"The TIFF file has a page without the tag {tag.name}.")
            return default
        return int(values[0])

    def integers(self, tag: Tag) -> list[int]:
        """Return all values of a tag; none if it is missing."""
        return [int(value) for value in self.tags.get(tag, ())]


def read_directories(data: bytes, wanted: frozenset[Tag] = _KNOWN) -> Iterator[Directory]:
    """Yield the directories of a file, in order.

    Args:
        data: The whole file.
        wanted: The tags to read.

    Raises:
        CorruptDocumentError: If the file ends before a directory that it announces, or the directories form a loop.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        visited: set[int] = set()
        while offset:
            if offset in visited:
                raise CorruptDocumentError("The directories of the TIFF file form a loop.")
            visited.add(offset)
            directory, offset = _read(data, offset, order, big, wanted)
            yield directory
    except (struct.error, OverflowError) as error:
        raise CorruptDocumentError("The TIFF file ends before a page that it announces.") from error


def _read(data: bytes, offset: int, order: str, big: bool, wanted: frozenset[Tag]) -> tuple[Directory, int]:
    count_format, entry_format, inline = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    (count,) = struct.unpack_from(order + count_format, data, offset)
    offset += struct.calcsize(order + count_format)
    head = struct.calcsize(order + entry_format)
    if count > min(_MAX_ENTRIES, len(data) // (head + inline)):
        raise CorruptDocumentError("The TIFF file ends before a page that it announces.")
    tags = {}
    for position in range(offset, offset + count * (head + inline), head + inline):
        tag, kind, values = struct.unpack_from(order + entry_format, data, position)
        if tag in wanted and kind in _TYPES:
            start = position + head
            if values * struct.calcsize("=" + _TYPES[kind]) > inline:
                (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, start)
            count_read = (values if tag in _LISTS else min(values, _MAX_VALUES)) * len(_TYPES[kind])
            tags[tag] = struct.unpack_from(f"{order}{count_read}{_TYPES[kind][0]}", data, start)
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, offset + count * (head + inline))
    return Directory(tags, order), following


def write_single(directory: Directory, chunks: Sequence[bytes]) -> bytes:
    """Write a TIFF file of one page with the tags of a directory.

    Args:
        directory: Its offsets and byte counts are replaced.
        chunks: The encoded strips or tiles.
    """
    tiled = Tag.TILE_WIDTH in directory.tags
    offsets, counts = (Tag.TILE_OFFSETS, Tag.TILE_BYTES) if tiled else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES)
    tags = dict(directory.tags)
    tags[counts] = tuple(len(chunk) for chunk in chunks)
    tags[offsets] = ()
    size = 0
    positions = []
    for chunk in chunks:
        positions.append(8 + size)
        size += len(chunk)
    tags[offsets] = tuple(positions)
    order = directory.byte_order
    start = 8 + size + size % 2
    entries, values = b"", b""
    values_start = start + 2 + 12 * len(tags) + 4
    for tag, numbers in sorted(tags.items()):
        kind, field = _field(tag, numbers, order)
        count = len(numbers) // len(_TYPES[kind])
        if len(field) > 4:
            entries += struct.pack(order + "HHII", tag, kind, count, values_start + len(values))
            values += field + bytes(len(field) % 2)
        else:
            entries += struct.pack(order + "HHI", tag, kind, count) + field.ljust(4, b"\0")
    header = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    head = struct.pack(order + "H", len(tags))
    return b"".join([header, *chunks, bytes(size % 2), head, entries, bytes(4), values])


def _field(tag: int, numbers: tuple[float, ...], order: str) -> tuple[int, bytes]:
    if tag in _BYTE_TAGS:
        return 7, bytes(int(number) for number in numbers)
    if tag == Tag.REFERENCE_BLACK_WHITE:
        return 5, struct.pack(f"{order}{len(numbers)}I", *(int(number) for number in numbers))
    integers = [int(number) for number in numbers]
    wide = max(integers, default=0) > 0xFFFF
    return (4 if wide else 3), struct.pack(f"{order}{len(integers)}{'I' if wide else 'H'}", *integers)

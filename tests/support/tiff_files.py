"""TIFF files in any layout, written without a library."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_TYPE_SIZES: Final = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}


@dataclass(frozen=True)
class TiffLayout:
    """How the samples of a page are stored."""

    bits: int = 8
    sample_format: int = 1
    """1 unsigned, 2 signed, 3 floating point."""
    byte_order: str = "<"
    big: bool = False
    planar: bool = False
    tile: tuple[int, int] | None = None
    """Width and height of a tile; None for strips."""
    rows_per_strip: int = 50
    compression: int = 1
    """1 none, 8 Deflate."""
    photometric: int = 1
    extra_samples: tuple[int, ...] = ()
    reverse_bits: bool = False
    """FillOrder 2: the least significant bit of a byte comes first."""


def write_tiff(samples: NDArray[Any], layout: TiffLayout, *, next_offset: int = 0, **tags: Sequence[int]) -> bytes:
    """Write a page.

    Args:
        samples: Values as they are stored, shape (height, width, samples).
        layout: How to store them.
        next_offset: Where the next directory is said to be.
        tags: Further tags, `t` and their number, as values of 16 bits.
    """
    height, width, count = samples.shape
    planes = [samples[:, :, i : i + 1] for i in range(count)] if layout.planar else [samples]
    chunks = [_encode(chunk, layout) for plane in planes for chunk in _chunks(plane, layout)]
    fields: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [layout.bits] * count), 259: (3, [layout.compression]),
        262: (3, [layout.photometric]), 277: (3, [count]), 284: (3, [2 if layout.planar else 1]),
        339: (3, [layout.sample_format] * count),
    }  # fmt: skip
    if layout.extra_samples:
        fields[338] = (3, layout.extra_samples)
    if layout.reverse_bits:
        fields[266] = (3, [2])
    for name, values in tags.items():
        fields[int(name[1:])] = (3, values)
    return assemble(fields, chunks, layout, next_offset)


def assemble(
    fields: dict[int, tuple[int, Sequence[int]]], chunks: list[bytes], layout: TiffLayout, next_offset: int = 0
) -> bytes:
    """Write a file of one directory.

    Args:
        fields: The type and values of each tag, without those that locate the chunks.
        chunks: The encoded strips or tiles.
        layout: The byte order, and whether to write a BigTIFF and tiles.
        next_offset: Where the next directory is said to be.
    """
    order, big = layout.byte_order, layout.big
    offset_type, word = (16, "Q") if big else (4, "I")
    offsets, position = [], 16
    for chunk in chunks:
        offsets.append(position)
        position += len(chunk)
    if layout.tile is not None:
        fields |= {322: (3, [layout.tile[0]]), 323: (3, [layout.tile[1]])}
        fields |= {324: (offset_type, offsets), 325: (offset_type, [len(chunk) for chunk in chunks])}
    else:
        fields |= {273: (offset_type, offsets), 279: (offset_type, [len(chunk) for chunk in chunks])}
        fields.setdefault(278, (4, [layout.rows_per_strip]))
    start = position + position % 2
    inline = 8 if big else 4
    values_at = start + (8 if big else 2) + len(fields) * (12 + 2 * (inline - 4)) + inline
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(fields.items()):
        field = struct.pack(f"{order}{len(numbers)}{_TYPE_SIZES[kind]}", *numbers)
        entries += struct.pack(f"{order}HH{word}", tag, kind, len(numbers))
        if len(field) <= inline:
            entries += field.ljust(inline, b"\0")
        else:
            entries += struct.pack(order + word, values_at + len(values))
            values += field
    head = b"II" if order == "<" else b"MM"
    head += struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start)
    count = struct.pack(order + ("Q" if big else "H"), len(fields))
    directory = count + entries + struct.pack(order + word, next_offset)
    return head.ljust(16, b"\0") + b"".join(chunks) + bytes(position % 2) + directory + values


def _chunks(plane: NDArray[Any], layout: TiffLayout) -> list[NDArray[Any]]:
    height, width, _ = plane.shape
    if layout.tile is None:
        return [plane[y : y + layout.rows_per_strip] for y in range(0, height, layout.rows_per_strip)]
    across, down = layout.tile
    padded = np.pad(plane, ((0, -height % down), (0, -width % across), (0, 0)))
    return [
        padded[y : y + down, x : x + across]
        for y in range(0, padded.shape[0], down)
        for x in range(0, padded.shape[1], across)
    ]


def _encode(chunk: NDArray[Any], layout: TiffLayout) -> bytes:
    rows = chunk.reshape(len(chunk), -1)
    if layout.sample_format == 3:
        encoded = rows.astype(f"{layout.byte_order}f{layout.bits // 8}").tobytes()
    elif layout.bits in (8, 16, 32):
        sign = "i" if layout.sample_format == 2 else "u"
        encoded = rows.astype(f"{layout.byte_order}{sign}{layout.bits // 8}").tobytes()
    else:
        encoded = b"".join(_pack_row(row.tolist(), layout.bits) for row in rows)
    if layout.compression == 8:
        encoded = zlib.compress(encoded)
    if layout.reverse_bits:
        encoded = bytes(int(f"{byte:08b}"[::-1], 2) for byte in encoded)
    return encoded


def _pack_row(values: list[int], bits: int) -> bytes:
    """Pack a row from the most significant bit on, padded to a whole byte."""
    text = "".join(f"{value:0{bits}b}" for value in values)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8)

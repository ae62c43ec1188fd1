"""Messages of Outlook (MSG), written by hand: no library for Python writes them.

The format is [MS-OXMSG] in a compound file [MS-CFB] with sectors of 512 bytes. Streams below 4,096 bytes are in sectors
of 64 bytes, which are themselves the content of a stream, that of the root. For simplicity, the directory is a list.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_SECTOR: Final = 512
_SMALL_SECTOR: Final = 64
_SMALL_STREAM: Final = 4096
_FREE: Final = 0xFFFFFFFF
_END: Final = 0xFFFFFFFE
_FAT: Final = 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5

_TEXT: Final = 0x001F
_BINARY: Final = 0x0102
_INTEGER: Final = 0x0003
_SUBJECT, _BODY, _SENDER_NAME, _SENDER_ADDRESS = 0x0037, 0x1000, 0x0C1A, 0x0C1F
_ATTACHED_DATA, _ATTACHED_NAME, _ATTACH_METHOD = 0x3701, 0x3707, 0x3705
_BY_VALUE: Final = 1


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    children: list["_Entry"] = field(default_factory=list)
    right: int = _FREE
    child: int = _FREE
    start: int = _END


def outlook_message(subject: str, body: str, attachments: Mapping[str, bytes]) -> bytes:
    """Make a message with attachments by name."""
    texts = {_SUBJECT: subject, _BODY: body, _SENDER_NAME: "Ann Lee", _SENDER_ADDRESS: "ann@example.org"}
    root = _Entry(
        "Root Entry", _ROOT, children=_properties({pid: (_TEXT, t.encode("utf-16-le")) for pid, t in texts.items()}, 32)
    )
    for number, (name, data) in enumerate(attachments.items()):
        values = {
            _ATTACHED_DATA: (_BINARY, data),
            _ATTACHED_NAME: (_TEXT, name.encode("utf-16-le")),
            _ATTACH_METHOD: (_INTEGER, struct.pack("<I", _BY_VALUE)),
        }
        root.children.append(_Entry(f"__attach_version1.0_#{number:08X}", _STORAGE, children=_properties(values, 8)))
    return _compound_file(root)


def _properties(values: Mapping[int, tuple[int, bytes]], header: int) -> list[_Entry]:
    """Return the streams of properties: one for each of variable length, and the table of all."""
    rows, streams = bytes(header), []
    for pid, (kind, value) in values.items():
        fixed = value if kind == _INTEGER else struct.pack("<I", len(value))
        rows += struct.pack("<HHI", kind, pid, 6) + fixed.ljust(8, b"\0")
        if kind != _INTEGER:
            streams.append(_Entry(f"__substg1.0_{pid:04X}{kind:04X}", _STREAM, value))
    return [*streams, _Entry("__properties_version1.0", _STREAM, rows)]


def _compound_file(root: _Entry) -> bytes:
    entries = _directory(root)
    sectors: list[bytes] = []
    chains: list[int] = []
    small_sectors: list[bytes] = []
    small_chains: list[int] = []
    for entry in entries:
        if entry.kind == _STREAM and len(entry.data) < _SMALL_STREAM:
            entry.start = _append(entry.data, small_sectors, small_chains, _SMALL_SECTOR)
        elif entry.kind == _STREAM:
            entry.start = _append(entry.data, sectors, chains)
    root.data = b"".join(small_sectors)
    root.start = _append(root.data, sectors, chains)
    small_fat = struct.pack(f"<{len(small_chains)}I", *small_chains)
    small_fat_start = _append(small_fat.ljust(_SECTOR, b"\xff"), sectors, chains)
    directory = _append(b"".join(map(_encode, entries)), sectors, chains)
    fat_sectors = 1
    while (len(sectors) + fat_sectors) * 4 > fat_sectors * _SECTOR:
        fat_sectors += 1
    first_fat = len(sectors)
    fat = [*chains, *[_FAT] * fat_sectors]
    fat += [_FREE] * (fat_sectors * _SECTOR // 4 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack(
        "<IIIIIIIIII", 0, fat_sectors, directory, 0, _SMALL_STREAM, small_fat_start, 1, _END, 0, first_fat
    )
    header += b"".join(struct.pack("<I", first_fat + n if n < fat_sectors else _FREE) for n in range(1, 109))
    return header + b"".join(sectors) + struct.pack(f"<{len(fat)}I", *fat)


def _directory(root: _Entry) -> list[_Entry]:
    """Return all entries in the order of the directory, with the numbers by which they refer to each other."""
    entries = [root]
    for parent in entries:
        previous = None
        for entry in parent.children:
            number = len(entries)
            entries.append(entry)
            if previous is None:
                parent.child = number
            else:
                previous.right = number
            previous = entry
    return entries


def _append(data: bytes, sectors: list[bytes], chains: list[int], size: int = _SECTOR) -> int:
    """Append data in sectors with their chain, and return the first sector."""
    start = len(sectors)
    for offset in range(0, len(data), size):
        sectors.append(data[offset : offset + size].ljust(size, b"\0"))
        chains.append(len(sectors))
    chains[-1] = _END
    return start


def _encode(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le") + b"\0\0"
    numbers = struct.pack("<III", _FREE, entry.right, entry.child)
    times_and_place = bytes(16 + 4 + 16) + struct.pack("<IQ", entry.start, len(entry.data))
    return name.ljust(64, b"\0") + struct.pack("<HBB", len(name), entry.kind, 1) + numbers + times_and_place

"""Hostile files: random mutations of valid files, and known attacks."""

import io
import struct
import zlib
from collections.abc import Iterator
from random import Random
from typing import Final

from PIL import Image

from tests.support.pages import encode, every_format, page, several_pages, slow_document, text_pdf

_SMALL: Final = (124, 176)
_GIF_PICTURE: Final = b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;"


def valid_files() -> dict[str, bytes]:
    """Return small files of every format, which are mutated."""
    return {
        **every_format(_SMALL),
        "tiff-pages": several_pages(3, "TIFF", _SMALL),
        "pdf-pages": several_pages(3, "PDF", _SMALL),
    }


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield mutated files with the name of the mutation. The same seed yields the same files."""
    rng = Random(seed)
    corpus = sorted(valid_files().items())
    for number in range(count):
        name, data = corpus[number % len(corpus)]
        _, other = rng.choice(corpus)
        mutate = rng.choice(_MUTATIONS)
        yield f"{number}-{name}-{mutate.__name__.strip('_')}", mutate(rng, data, other)


def attacks() -> dict[str, bytes]:
    """Return decompression bombs, loops, and files that are valid in two formats."""
    jpeg, pdf = encode(page(_SMALL), "JPEG"), text_pdf(["Two at once"])
    return {
        "png-bomb": _png(60_000, 60_000, zlib.compress(bytes(1_000_000), 9)),
        "png-of-nothing": _png(0, 0, b""),
        "png-wide": _png(2_000_000_000, 1, zlib.compress(bytes(100))),
        "png-text-bomb": _png(8, 8, zlib.compress(bytes(8 * 9)), _text_bomb()),
        "png-huge-profile": _png(8, 8, zlib.compress(bytes(8 * 9)), _profile_bomb()),
        "gif-bomb": b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3) + _GIF_PICTURE,
        "bmp-bomb": _bmp(2**31 - 1, 2**31 - 1),
        "bmp-upside-down": _bmp(9, -(2**31)),
        "jpeg-bomb": jpeg[:2] + _bigger_frame(jpeg[2:]),
        "tiff-bomb": slow_document(3),
        "tiff-directory-loop": _tiff_loop(),
        "tiff-directory-at-itself": b"II*\0" + struct.pack("<I", 4) + bytes(64),
        "tiff-thousand-directories": _tiff_chain(5000),
        "webp-bomb": b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff" * 6,
        "pdf-image-bomb": text_pdf(["Bomb"], images="/I Do"),
        "pdf-pages-loop": _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R]/Count 1>>"),
        "pdf-parent-loop": _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>",
                                "<</Type/Pages/Kids[2 0 R]/Count 1/Parent 3 0 R>>"),
        "pdf-form-loop": _pdf(*_page_with("<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>"
                                          "/Length 8>>stream\n/F Do /F Do\nendstream", "/F Do")),
        "pdf-pattern-storm": _pdf(*_page_with("<</Length 0>>stream\n\nendstream", "0 0 m 9 9 l S " * 200_000)),
        "pdf-deep-array": _pdf("<</Type/Catalog/Pages 2 0 R>>", "[" * 100_000 + "]" * 100_000),
        "pdf-no-area": text_pdf(["None"], media_box="0 0 0 0"),
        "pdf-endless-page": text_pdf(["Long"], media_box="0 0 1 1000000000"),
        "pdf-nan-page": text_pdf(["?"], media_box="nan nan inf inf"),
        "pdf-encrypted": text_pdf(["Secret"], encrypted=True),
        "pdf-header-only": b"%PDF-1.7\n%%EOF",
        "pdf-million-pages": _pdf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 1000000000>>"),
        "jpeg-then-pdf": jpeg + pdf,
        "pdf-in-a-jpeg-comment": jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(pdf) + 2) + pdf + jpeg[2:],
        "zip-then-pdf": b"PK\3\4" + bytes(100) + pdf,
        "html": b"<html><script>alert(1)</script></html>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{loop} loop",
        "elf": b"\x7fELF" + bytes(2000),
        "zeros": bytes(1000),
        "one-byte": b"\xff",
        "nothing": b"",
    }  # fmt: skip


def _flip_bits(rng: Random, data: bytes, _: bytes) -> bytes:
    broken = bytearray(data)
    for _number in range(rng.choice((1, 4, 32))):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _break_head(rng: Random, data: bytes, _: bytes) -> bytes:
    """Overwrite bytes at the front, where sizes, counts and offsets are."""
    broken = bytearray(data)
    for _number in range(rng.choice((1, 3, 8))):
        broken[rng.randrange(4, min(200, len(broken)))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(broken)


def _cut(rng: Random, data: bytes, _: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _remove(rng: Random, data: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 400) :]


def _repeat(rng: Random, data: bytes, _: bytes) -> bytes:
    at, to = sorted(rng.sample(range(len(data)), 2))
    return data[:to] + data[at:to] * rng.randrange(1, 5) + data[to:]


def _join(rng: Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _noise(rng: Random, data: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 2000)) + data[at:]


def _numbers(rng: Random, data: bytes, _: bytes) -> bytes:
    """Write an extreme number somewhere."""
    broken = bytearray(data)
    at = rng.randrange(max(1, len(broken) - 4))
    broken[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1)))
    return bytes(broken)


_MUTATIONS: Final = (_flip_bits, _break_head, _cut, _remove, _repeat, _join, _noise, _numbers)


def _png(width: int, height: int, pixels: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def _profile_bomb() -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(bytes(50_000_000), 9)


def _text_bomb() -> tuple[bytes, bytes]:
    return b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)


def _bigger_frame(data: bytes) -> bytes:
    """Return a JPEG whose header claims 65,535 by 65,535 pixels."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :]


def _tiff_loop() -> bytes:
    """Return a TIFF with a directory whose successor is itself."""
    data = bytearray(encode(Image.new("L", (8, 8)), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    return bytes(data)


def _tiff_chain(count: int) -> bytes:
    """Return a TIFF with a chain of directories without images."""
    file = io.BytesIO()
    file.write(b"II*\0" + struct.pack("<I", 8))
    for number in range(count):
        file.write(struct.pack("<HHHIII", 1, 254, 4, 1, 1, 8 + 18 * (number + 1)))
    return file.getvalue()


def _page_with(form: str, content: str) -> tuple[str, ...]:
    return (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        form,
    )


def _pdf(*objects: str) -> bytes:
    bodies = "".join(f"{number} 0 obj\n{body}\nendobj\n" for number, body in enumerate(objects, 1))
    return f"%PDF-1.4\n{bodies}trailer<</Root 1 0 R/Size {len(objects) + 1}>>\n%%EOF".encode("ascii")

"""Protects: TIFF pages are read exactly in any layout; what is not supported or damaged is reported as what it is."""

import io
import struct
import subprocess
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from decoding.errors import CorruptDocumentError, DecompressionBombError, UnsupportedCodingError
from decoding.limits import Limits
from decoding.reader import decode_document
from tests.support.examples import examples
from tests.support.pages import encode, page, several_pages
from tests.support.tiff_files import TiffLayout, assemble, write_tiff

SIZE = (61, 83)  # not a multiple of any tile
SAMPLES = np.asarray(page(SIZE)).copy()
SAMPLES[20:40, 10:50, 0] //= 2
GREY = SAMPLES[:, :, 1:2]


def decode(data: bytes) -> NDArray[np.int64]:
    document = decode_document(data, min_side=max(SIZE))
    assert not document.truncated
    [decoded] = document.pages
    assert decoded.size == SIZE
    return np.asarray(decoded).astype(int)


def stored(samples: NDArray[Any], layout: TiffLayout) -> NDArray[Any]:
    """Return samples of 8 bits as the values that a layout stores for the same tones."""
    if layout.sample_format == 3:
        return samples / 255.0
    if layout.sample_format == 2:
        return samples.astype(np.int64) << (layout.bits - 9)
    if layout.bits <= 8:
        return samples.astype(np.int64) >> (8 - layout.bits)
    if layout.bits > 16:
        return samples.astype(np.int64) * 257
    return samples.astype(np.int64) << (layout.bits - 8)


depths = st.one_of(
    st.tuples(st.integers(2, 16), st.just(1)), st.sampled_from([(32, 1), (16, 2), (16, 3), (32, 3), (64, 3)])
)


@settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
@given(
    depth=depths,
    colors=st.sampled_from([1, 3]),
    byte_order=st.sampled_from("<>"),
    big=st.booleans(),
    planar=st.booleans(),
    tile=st.sampled_from([None, (16, 32), (64, 96)]),
    rows_per_strip=st.sampled_from([1, 7, 83]),
    compression=st.sampled_from([1, 8]),
    reverse_bits=st.booleans(),
)
def test_every_layout_is_read_exactly(depth: tuple[int, int], colors: int, **fields: Any) -> None:
    bits, sample_format = depth
    layout = TiffLayout(bits, sample_format, photometric=1 if colors == 1 else 2, **fields)
    assume(not (layout.reverse_bits and bits > 8 and bits % 8 == 0))  # libraries disagree on its meaning
    samples = GREY if colors == 1 else SAMPLES

    decoded = decode(write_tiff(stored(samples, layout), layout))

    tolerance = 1 if bits >= 8 else 255 // (2**bits - 1)
    assert np.abs(decoded - samples).max() <= tolerance


@pytest.mark.parametrize("bits", [4, 8, 12, 16, 32])
def test_white_is_zero_is_inverted(bits: int) -> None:
    layout = TiffLayout(bits, 3 if bits == 32 else 1, photometric=0)

    decoded = decode(write_tiff(stored(255 - GREY, layout), layout))

    assert np.abs(decoded - GREY).max() <= (17 if bits == 4 else 1)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["unspecified", "associated", "unassociated"])
def test_transparency_is_composited_on_white(kind: int, colors: int, bits: int, planar: bool) -> None:
    opacity = 200
    base = (GREY if colors == 1 else SAMPLES).astype(int)
    colour = base * opacity // 255 if kind == 1 else base
    samples = np.concatenate([colour, np.full_like(base[:, :, :1], opacity)], axis=2)
    layout = TiffLayout(bits, planar=planar, photometric=1 if colors == 1 else 2, extra_samples=(kind,))

    decoded = decode(write_tiff(stored(samples, layout), layout))

    expected = base if kind == 0 else (base * opacity + 255 * (255 - opacity)) // 255
    assert np.abs(decoded - expected).max() <= 3


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_cmyk_is_converted(bits: int, planar: bool) -> None:
    inks = np.concatenate([255 - SAMPLES, np.zeros_like(GREY)], axis=2)
    layout = TiffLayout(bits, planar=planar, photometric=5)

    assert np.abs(decode(write_tiff(stored(inks, layout), layout)) - SAMPLES).max() <= 1


@pytest.mark.parametrize("bits", [6, 8])
def test_a_palette_is_applied(bits: int) -> None:
    size = 1 << bits
    layout = TiffLayout(bits, photometric=3)
    colours = [value * 65535 // (size - 1) for value in range(size)][::-1]

    decoded = decode(write_tiff(stored(GREY, layout), layout, t320=colours * 3))

    assert np.abs(255 - decoded - GREY).max() <= 255 // (size - 1) + 1


def test_the_lab_colour_space_is_converted() -> None:
    lab = encode(Image.new("LAB", SIZE, (255, 128, 128)), "TIFF")

    assert decode(lab).min() >= 250


@pytest.mark.parametrize("compression", [34661, 34712, 34887, 50001, 60000], ids=str)
@pytest.mark.parametrize("bits", [8, 12])
def test_an_unknown_compression_is_not_reported_as_damage(bits: int, compression: int) -> None:
    layout = TiffLayout(bits, compression=compression)

    with pytest.raises(UnsupportedCodingError, match=str(compression)):
        decode(write_tiff(stored(GREY, layout), layout))


@pytest.mark.parametrize(
    "layout",
    [TiffLayout(24, 3), TiffLayout(8, photometric=32845), TiffLayout(8, photometric=34892), TiffLayout(64, 5)],
    ids=["float-24", "log-luv", "linear-raw", "complex"],
)
def test_an_unknown_layout_is_not_reported_as_damage(layout: TiffLayout) -> None:
    zeros = write_tiff(np.zeros((*SIZE[::-1], 1), int), replace(layout, sample_format=1, bits=8))
    unknown = write_tiff(
        np.zeros((*SIZE[::-1], 1), int),
        replace(layout, sample_format=1, bits=8),
        t258=[layout.bits],
        t339=[layout.sample_format],
    )

    with pytest.raises(UnsupportedCodingError):
        decode(unknown if layout.photometric == 1 else zeros)


@pytest.mark.parametrize("big", [False, True])
def test_damaged_data_is_reported_as_damage(big: bool) -> None:
    for layout in (TiffLayout(8, compression=8, big=big), TiffLayout(12, compression=8, big=big, byte_order=">")):
        file = bytearray(write_tiff(stored(GREY, layout), layout))
        file[20:60] = bytes(40)

        with pytest.raises(CorruptDocumentError):
            decode(bytes(file))


@pytest.mark.parametrize("bits", [8, 12])
def test_missing_data_is_reported_as_damage(bits: int) -> None:
    layout = TiffLayout(bits)
    file = write_tiff(stored(GREY, layout), layout, t273=[60_000], t279=[60_000], t278=[83])

    with pytest.raises(CorruptDocumentError):
        decode(file)


def test_a_page_of_too_many_pixels_is_rejected_in_every_reader() -> None:
    for layout in (TiffLayout(8), TiffLayout(12), TiffLayout(8, big=True, byte_order=">")):
        file = write_tiff(stored(GREY, layout), layout)
        with pytest.raises(DecompressionBombError):
            decode_document(file, min_side=60, limits=Limits(max_pixels=61 * 83 - 1))


def test_a_page_of_too_many_samples_is_rejected() -> None:
    layout = TiffLayout(32, 3, rows_per_strip=83)
    file = write_tiff(np.repeat(stored(GREY, layout), 40, axis=2), layout, t256=[8000], t257=[8000])

    with pytest.raises(DecompressionBombError):
        decode(file)


@pytest.mark.parametrize("offset", [10**8, 9, 2**32 - 1])
@pytest.mark.parametrize("layout", [TiffLayout(8), TiffLayout(12), TiffLayout(8, big=True, byte_order=">")])
def test_a_next_page_that_is_nowhere_costs_only_itself(layout: TiffLayout, offset: int) -> None:
    document = decode_document(write_tiff(stored(GREY, layout), layout, next_offset=offset), min_side=60)

    assert (len(document.pages), document.truncated) == (1, True)


@settings(deadline=None, max_examples=examples(60))
@given(cut=st.floats(0.01, 1, exclude_max=True))
def test_the_complete_pages_of_a_cut_file_are_read(cut: float) -> None:
    file = several_pages(4, "TIFF", SIZE)
    complete = decode_document(file, min_side=60).pages
    length = int(len(file) * cut)
    try:
        document = decode_document(file[:length], min_side=60)
    except CorruptDocumentError:
        assert cut < 0.26
        return
    assert len(document.pages) >= int(cut * 4 - 0.01)
    assert document.truncated is (len(document.pages) < 4)
    for read, expected in zip(document.pages, complete, strict=False):
        assert read.tobytes() == expected.tobytes()


def test_a_damaged_page_between_others_is_omitted() -> None:
    sheets = [Image.new("L", SIZE, tone) for tone in (10, 90, 200)]
    file = io.BytesIO()
    sheets[0].save(file, "TIFF", save_all=True, append_images=sheets[1:], compression="tiff_adobe_deflate")
    data = bytearray(file.getvalue())
    start = data.index(b"x", data.index(b"x") + 60)  # the second Deflate stream
    data[start : start + 12] = bytes(12)

    document = decode_document(bytes(data), min_side=60)

    tones = [decoded.getpixel((5, 5)) for decoded in document.pages]
    assert (tones, document.truncated) == ([(10, 10, 10), (200, 200, 200)], True)


def old_jpeg(sheet: Image.Image, *, stream: bool, **options: Any) -> bytes:
    """Write a page as old-style JPEG, as a complete stream or as tables and a scan."""
    jpeg = encode(sheet, "JPEG", quality=95, **options)
    count = len(sheet.getbands())
    fields: dict[int, tuple[int, Any]] = {
        256: (4, [sheet.width]), 257: (4, [sheet.height]), 258: (3, [8] * count), 259: (3, [6]),
        262: (3, [6 if count == 3 else 1]), 277: (3, [count]), 278: (4, [sheet.height]), 512: (3, [1]),
        530: (3, [2, 2] if count == 3 else [1, 1]),
    }  # fmt: skip
    if stream:
        fields |= {513: (4, [16]), 514: (4, [len(jpeg)])}
        return assemble(fields, [jpeg], TiffLayout())
    tables: dict[int, dict[int, bytes]] = {519: {}, 520: {}, 521: {}}
    position = 2
    while jpeg[position + 1] != 0xDA:
        size = struct.unpack_from(">H", jpeg, position + 2)[0]
        segment, marker = jpeg[position + 4 : position + 2 + size], jpeg[position + 1]
        while segment and marker in (0xDB, 0xC4):
            length = 64 if marker == 0xDB else 16 + sum(segment[1:17])
            tag = 519 if marker == 0xDB else 521 if segment[0] >> 4 else 520
            tables[tag][segment[0] & 15] = segment[1 : 1 + length]
            segment = segment[1 + length :]
        position += 2 + size
    scan = jpeg[position + 2 + struct.unpack_from(">H", jpeg, position + 2)[0] : -2]
    # The tables follow the scan; only the scan is a strip.
    offset, extra = 16 + len(scan), b""
    for tag, by_index in tables.items():
        offsets = []
        for _, table in sorted(by_index.items()):
            offsets.append(offset + len(extra))
            extra += table
        fields[tag] = (4, offsets)
    return assemble(fields, [scan + extra], TiffLayout())


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "tables"])
def test_old_style_jpeg_is_read(mode: str, stream: bool) -> None:
    sheet = page((160, 224)).convert(mode)

    [decoded] = decode_document(old_jpeg(sheet, stream=stream), min_side=300).pages

    expected = np.asarray(sheet.convert("L")).astype(int)
    assert np.abs(np.asarray(decoded.convert("L")).astype(int) - expected).mean() < 3


@pytest.mark.parametrize(
    "options",
    [["jpeg", "-r", "16"], ["jpeg:r", "-r", "16"], ["lzw:2"], ["packbits"], ["zip:2"], ["none"]],
    ids=lambda options: options[0],
)
@pytest.mark.parametrize("container", [[], ["-8"], ["-B"], ["-8", "-B"], ["-t", "-w", "64", "-l", "64"]], ids=str)
def test_files_of_libtiff_are_read_as_libtiff_reads_them(
    options: list[str], container: list[str], tmp_path: Any
) -> None:
    page((160, 224)).save(tmp_path / "page.tif")
    try:
        subprocess.run(
            ["tiffcp", "-c", *options, *container, "page.tif", "copy.tif"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
        subprocess.run(["tiff2rgba", "copy.tif", "rgba.tif"], cwd=tmp_path, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs libtiff's programs: apt-get install libtiff-tools")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this libtiff cannot write or read it: {error.stderr[:200]!r}")

    [decoded] = decode_document((tmp_path / "copy.tif").read_bytes(), min_side=300).pages

    with Image.open(tmp_path / "rgba.tif") as reference:
        expected = np.asarray(reference.convert("RGB")).astype(int)
    assert np.abs(np.asarray(decoded).astype(int) - expected).mean() < 1.5

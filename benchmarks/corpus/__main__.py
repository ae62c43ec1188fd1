"""Compare the decoder with reference renderers on a folder: `python -m benchmarks.corpus FOLDER`.

Every file goes through the decoder in its isolated process, with the limits of the service, and through the reference
renderers that are installed. The report lists crashes, time-outs, blank pages, refusals of what a reference draws, and
pages whose pixels differ. The exit code is 0 even if there are findings.
"""

import argparse
import io
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.corpus.references import Reference, installed_references
from benchmarks.corpus.report import print_tables, write_html
from decoding.errors import DecoderUnavailableError, DocumentError
from decoding.isolation.jobs import JpegJob
from decoding.isolation.pool import DecoderPool
from decoding.limits import Limits
from decoding.reader import sniff
from testkit.corpus import PAGE_THRESHOLD, PIXEL_THRESHOLD, SIDE, Drawing, Row, compare
from testkit.reports import report_console
from triptych.terminal.text import printable, to_json

LIMITS = Limits()
"""Those of the service."""
_BOX = 336
"""Side of the square that decoded pages fit into: the minimum side at which the service decodes for 224 pixels."""
_THRESHOLDS = (
    f"Pages are compared in grey at {SIDE} by {SIDE} pixels, blurred. They differ if more than {PAGE_THRESHOLD:.1%} of "
    f"the pixels are more than {PIXEL_THRESHOLD} of 255 grey levels outside the range of their neighbourhood."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, compare all files and print the report."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{printable(str(options.folder))} is not a folder")
    if options.limit < 0 or options.pages < 1:
        parser.error("--limit must be at least 0 and --pages at least 1")
    if options.out is not None and not options.out.parent.is_dir():
        parser.error(f"the folder of {printable(str(options.out))} does not exist")
    logging.getLogger("decoding").setLevel(logging.ERROR)  # the report contains crashes
    diagnostics = Console(stderr=True)
    references, missing = installed_references()
    notes = [_THRESHOLDS, f"References: {', '.join(item.name for item in references) or 'none'}."]
    notes.extend(f"{item.name} is not installed (Debian package {item.package})." for item in missing)
    for note in notes:
        diagnostics.print(note, highlight=False)

    paths = sorted(_files(options.folder))
    paths = paths[: options.limit] if options.limit else paths
    rows = []
    with DecoderPool(1) as decoders:
        for path in track(paths, "comparing", console=diagnostics, transient=True, disable=not diagnostics.is_terminal):
            try:
                rows.append(compare_file(path, options.folder, decoders, references, options.pages))
            except OSError as error:
                diagnostics.print(printable(f"{path}: {error.strerror}"), markup=False)
    if options.json:
        for row in rows:
            print(to_json(row.to_fields()))
    else:
        print_tables(report_console(), rows)
    if options.out is not None:
        write_html(options.out, rows, notes)
        diagnostics.print(printable(f"Report: {options.out}"), markup=False)


def compare_file(path: Path, folder: Path, decoders: DecoderPool, references: Sequence[Reference], pages: int) -> Row:
    """Decode one file, draw it with the references and compare the results.

    Args:
        path: The file.
        folder: The folder that the file's name is relative to.
        decoders: The decoder's processes.
        references: The installed references.
        pages: Maximum number of pages that a reference draws.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(LIMITS.max_bytes + 1)
    drawings = []
    if data and len(data) <= LIMITS.max_bytes:
        kind = sniff(data)
        drawings = [item.draw(data, pages) for item in references if item.accepts(kind)]
    return compare(str(path.relative_to(folder)), decode(data, decoders), drawings)


def decode(data: bytes, decoders: DecoderPool) -> Drawing:
    """Decode a document in a decoder process."""
    started = time.monotonic()
    pages: list[Image.Image] = []
    problem = detail = ""
    try:
        rendered = decoders.run(JpegJob(LIMITS, _BOX, _BOX), data)
        pages = [Image.open(io.BytesIO(page), formats=("JPEG",)).convert("RGB") for page in rendered.files]
    except DocumentError as error:
        problem, detail = error.problem, str(error)
    except DecoderUnavailableError as error:
        problem, detail = "decoder-unavailable", str(error)
    return Drawing("decoder", pages, problem, detail, time.monotonic() - started)


def _files(folder: Path) -> Iterator[Path]:
    """Find all regular files in a folder; links to folders are not followed."""
    for parent, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(parent, name)).is_file())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="files of any format, also in subfolders")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="compare only the first N files")
    parser.add_argument("--pages", type=int, default=3, metavar="N", help="compare only the first N pages (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each file instead of tables")
    parser.add_argument("--out", type=Path, metavar="REPORT.html", help="write a report with thumbnails")
    return parser


if __name__ == "__main__":
    main()

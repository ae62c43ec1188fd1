"""Reference renderers: programs that draw PDFs and images, each run in a process with limits.

A document is copied under a neutral name into a temporary folder, because ImageMagick interprets file names. No program
gets a shell, the environment of this process, or a longer time than its limit.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from PIL import Image, ImageSequence

from testkit.corpus import Drawing

BOX: Final = 640
"""Side of the square that a page is drawn into, in pixels. Comparison reduces it, which antialiases."""
SECONDS: Final = 30.0
"""Time limit of a reference."""
_MAX_MEMORY: Final = 4 * 1024**3
_MAX_FILE_BYTES: Final = 1024**3
_DOCUMENT: Final = "document"

# Formats that ImageMagick may read. Its other formats include scripts, remote files and other programs.
_MAGICK_POLICY: Final = """<policymap>
<policy domain="delegate" rights="none" pattern="*"/>
<policy domain="filter" rights="none" pattern="*"/>
<policy domain="path" rights="none" pattern="@*"/>
<policy domain="coder" rights="none" pattern="*"/>
<policy domain="coder" rights="read|write"
  pattern="{TIFF,TIFF64,JPEG,PNG,GIF,BMP,WEBP,HEIC,AVIF,JP2,J2K,PNM,PBM,PGM,PPM,PSD,PCX,SGI}"/>
</policymap>
"""


class ReferenceFailed(Exception):
    """A reference did not draw the document. The first argument identifies the problem."""


class Reference(ABC):
    """A program that draws documents."""

    name: ClassVar[str]
    """Name of the program."""
    package: ClassVar[str]
    """The Debian package that contains it."""
    candidates: ClassVar[tuple[str, ...]]
    """Names of the executable."""

    def __init__(self, executable: str) -> None:
        self._executable = executable

    @classmethod
    def find(cls) -> str | None:
        """Return the path of the executable, or None if the program is not installed."""
        return next((path for name in cls.candidates if (path := shutil.which(name)) and cls.is_genuine(path)), None)

    @classmethod
    def is_genuine(cls, path: str) -> bool:  # noqa: ARG003 -- overridden where other programs have the same name
        """Return whether an executable is the program."""
        return True

    @abstractmethod
    def accepts(self, kind: str | None) -> bool:
        """Return whether the program reads a format: one of `decoding.reader.FORMATS`, or None for any other."""

    @abstractmethod
    def arguments(self, pages: int) -> list[str]:
        """Return the arguments with which the program draws the first pages of the document into its folder."""

    @abstractmethod
    def read_pages(self, folder: Path, pages: int) -> Iterator[Image.Image]:
        """Read the pages that the program has written."""

    def draw(self, data: bytes, pages: int) -> Drawing:
        """Draw the first pages of a document."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="corpus-") as name:
            folder = Path(name)
            (folder / _DOCUMENT).write_bytes(data)
            (folder / "policy.xml").write_text(_MAGICK_POLICY)
            problem = ""
            drawn: list[Image.Image] = []
            try:
                _run([self._executable, *self.arguments(pages)], folder)
            except ReferenceFailed as error:
                problem = str(error)
            with contextlib.suppress(Exception):  # pages that were not written completely
                drawn.extend(self.read_pages(folder, pages))
            seconds = time.monotonic() - started
            # Programs also report damage that does not keep them from drawing a page.
            return Drawing(self.name, drawn, "" if drawn else problem or "no page", seconds=seconds)


class Poppler(Reference):
    """Poppler's pdftoppm, for PDFs and for files of an unknown format."""

    name = "pdftoppm"
    package = "poppler-utils"
    candidates = ("pdftoppm",)

    def accepts(self, kind: str | None) -> bool:
        """Return whether the file may be a PDF."""
        return kind in ("PDF", None)

    def arguments(self, pages: int) -> list[str]:
        """Draw the crop box, as PDFium does."""
        return ["-q", "-cropbox", "-scale-to", str(BOX), "-l", str(pages), _DOCUMENT, "page"]

    def read_pages(self, folder: Path, pages: int) -> Iterator[Image.Image]:
        """Read the PPM files."""
        yield from _read_ppm_files(folder, pages)


class LibTiff(Reference):
    """LibTIFF's tiff2rgba. It ignores marks of orientation."""

    name = "tiff2rgba"
    package = "libtiff-tools"
    candidates = ("tiff2rgba",)

    def accepts(self, kind: str | None) -> bool:
        """Return whether the file is a TIFF."""
        return kind == "TIFF"

    def arguments(self, pages: int) -> list[str]:  # noqa: ARG002 -- it always draws all pages
        """Write all pages to one uncompressed TIFF file."""
        return ["-c", "none", _DOCUMENT, "pages.tif"]

    def read_pages(self, folder: Path, pages: int) -> Iterator[Image.Image]:
        """Read the pages of the TIFF file on white."""
        with Image.open(folder / "pages.tif", formats=("TIFF",)) as image:
            for index, page in enumerate(ImageSequence.Iterator(image)):
                if index == pages:
                    return
                coloured = page.convert("RGBA")
                white = Image.new("RGBA", coloured.size, "white")
                drawn = Image.alpha_composite(white, coloured).convert("RGB")
                drawn.thumbnail((BOX, BOX))
                yield drawn


class ImageMagick(Reference):
    """ImageMagick, for images and for files of an unknown format."""

    name = "ImageMagick"
    package = "imagemagick"
    candidates = ("magick", "convert-im6", "convert-im6.q16", "convert")

    @classmethod
    def is_genuine(cls, path: str) -> bool:
        """Return whether the program identifies itself as ImageMagick."""
        version = subprocess.run([path, "-version"], capture_output=True, timeout=SECONDS, check=False)
        return version.stdout.startswith(b"Version: ImageMagick")

    def accepts(self, kind: str | None) -> bool:
        """Return whether the file may be an image."""
        return kind != "PDF"

    def arguments(self, pages: int) -> list[str]:
        """Draw upright pages on white."""
        return [
            *("-limit", "memory", "1GiB", "-limit", "map", "1GiB", "-limit", "disk", "1GiB", "-limit", "thread", "1"),
            *("-define", f"jpeg:size={2 * BOX}x{2 * BOX}"),  # a scaled decode
            *("-quiet", f"{_DOCUMENT}[0-{pages - 1}]", "-auto-orient", "-background", "white"),
            *("-alpha", "remove", "-alpha", "off", "-colorspace", "sRGB", "-resize", f"{BOX}x{BOX}>"),
            *("-depth", "8", "+adjoin", "page-%03d.ppm"),
        ]

    def read_pages(self, folder: Path, pages: int) -> Iterator[Image.Image]:
        """Read the PPM files."""
        yield from _read_ppm_files(folder, pages)


REFERENCES: Final[tuple[type[Reference], ...]] = (Poppler, LibTiff, ImageMagick)


def installed_references() -> tuple[list[Reference], list[type[Reference]]]:
    """Return the references that are installed, and those that are missing."""
    found = {kind: kind.find() for kind in REFERENCES}
    return [kind(path) for kind, path in found.items() if path], [kind for kind, path in found.items() if not path]


def _read_ppm_files(folder: Path, pages: int) -> Iterator[Image.Image]:
    for path in sorted(folder.glob("page-*.ppm"))[:pages]:
        with Image.open(path, formats=("PPM",)) as image:
            yield image.convert("RGB")


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a program in its folder, within the limits.

    Raises:
        ReferenceFailed: If it exceeds the time limit, crashes or returns an error.
    """
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "MAGICK_CONFIGURE_PATH": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _limit(process.pid)
        try:
            code = process.wait(SECONDS)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise ReferenceFailed("time-out") from None
            raise
    if code:
        raise ReferenceFailed("crash" if code < 0 else "refused")


def _limit(pid: int) -> None:
    """Limit the memory and the files of a process, where the system can do so from outside (Linux)."""
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(OSError):  # the process has already ended
            resource.prlimit(pid, resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))

"""LibreOffice, called in this process through LibreOfficeKit, its C interface.

The functions are reached through tables of pointers, to which new LibreOffice versions only append
(include/LibreOfficeKit/LibreOfficeKit.h of LibreOffice). Starting takes most of a second, a short document a fraction.
"""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

_LIBRARIES: Final = ("libmergedlo.so", "libsofficeapp.so", "libmergedlo.dylib", "libsofficeapp.dylib")
_FOLDERS: Final = (
    "usr/lib/libreoffice/program",
    "usr/lib64/libreoffice/program",
    "opt/libreoffice*/program",
    "Applications/LibreOffice.app/Contents/Frameworks",
)
# The packages without a graphical interface lack this file, and without it LibreOfficeKit cannot open a spreadsheet.
_SPREADSHEET_INTERFACE: Final = "config/soffice.cfg/modules/scalc/ui/inputbar.ui"

# Positions in the tables of functions.
_GET_ERROR: Final = 3
_LOAD: Final = 4
_DOCUMENT_SAVE: Final = 2

_DENIED: Final[Mapping[str, Mapping[str, str]]] = {
    "org.openoffice.Office.Common/Security/Scripting": {
        "MacroSecurityLevel": "3",
        "DisableMacrosExecution": "true",
        "DisableActiveContent": "true",
        "BlockUntrustedRefererLinks": "true",
    },
    "org.openoffice.Office.Writer/Content/Update": {"Link": "0"},
    "org.openoffice.Office.Calc/Content/Update": {"Link": "1"},
    "org.openoffice.Office.Calc/Formula/Load": {"OOXMLRecalcMode": "1", "ODFRecalcMode": "1"},
    "org.openoffice.Office.Common/Save/Document": {"AutoSave": "false"},
}
"""Settings by path: no macros, no update of links, no recalculation of stored results."""


class LibreOfficeError(Exception):
    """LibreOffice cannot be started, or cannot read or convert a document."""


def find_libreoffice() -> Path | None:
    """Return the folder of LibreOffice's libraries, or None if it is not installed or lacks its interface files."""
    folders = (folder for pattern in _FOLDERS for folder in sorted(Path("/").glob(pattern), reverse=True))
    return next((folder for folder in folders if library_in(folder) and _has_interface(folder)), None)


def _has_interface(folder: Path) -> bool:
    return any((folder.parent / share / _SPREADSHEET_INTERFACE).exists() for share in ("share", "Resources"))


def library_in(folder: Path) -> Path | None:
    """Return LibreOffice's main library in a folder, or None."""
    return next((path for name in _LIBRARIES if (path := folder / name).exists()), None)


def write_profile(folder: Path) -> None:
    """Create a user profile that denies macros, active content and linked content."""
    items = "".join(
        f'<item oor:path="/{escape(path)}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>'
        for path, settings in _DENIED.items()
        for name, value in settings.items()
    )
    (folder / "user").mkdir(parents=True)
    (folder / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{items}</oor:items>'
    )


class LibreOffice:
    """A LibreOffice that runs in this process. It cannot be stopped except with the process.

    Args:
        folder: The folder of its libraries, as `find_libreoffice` returns it.
        profile: A user profile, which no other process uses.

    Raises:
        LibreOfficeError: If it does not start.
    """

    def __init__(self, folder: Path, profile: Path) -> None:
        path = library_in(folder)
        if path is None:
            raise LibreOfficeError(f"{folder} contains no LibreOffice.")
        os.environ["SAL_USE_VCLPLUGIN"] = "svp"  # draws to memory; no display is needed
        library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL | os.RTLD_LAZY)
        start = library.libreofficekit_hook_2
        start.restype, start.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_char_p]
        self._office: Final = start(os.fsencode(folder), profile.as_uri().encode())
        if not self._office:
            raise LibreOfficeError("LibreOffice does not start.")

    def convert_to_pdf(self, document: Path, pdf: Path, *, max_pages: int) -> None:
        """Convert a document.

        Args:
            document: The document. Its suffix must be that of its format.
            pdf: The file to write.
            max_pages: Maximum number of pages that are written.

        Raises:
            LibreOfficeError: If the document cannot be opened or converted.
        """
        load = self._function(self._office, _LOAD, ctypes.c_void_p, 2)
        loaded = load(self._office, document.as_uri().encode(), b"Batch=true")
        if not loaded:
            raise LibreOfficeError(self._last_error())
        save = self._function(loaded, _DOCUMENT_SAVE, ctypes.c_int, 3)
        options = f'{{"PageRange":{{"type":"string","value":"1-{max_pages}"}}}}'
        if not save(loaded, pdf.as_uri().encode(), b"pdf", options.encode()) or not pdf.exists():
            raise LibreOfficeError(self._last_error())

    def _last_error(self) -> str:
        message = self._function(self._office, _GET_ERROR, ctypes.c_char_p, 0)(self._office)
        return (message or b"").decode(errors="replace")

    @staticmethod
    def _function(owner: int, position: int, result: Any, strings: int) -> Any:
        """Return a function from the table of an office or a document.

        Args:
            owner: Address of the office or document, which begins with the address of its table.
            position: Position in the table.
            result: Type of the result.
            strings: Number of parameters after the owner, all of which are strings.
        """
        table = ctypes.cast(owner, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
        prototype = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *[ctypes.c_char_p] * strings)
        return prototype(table[position])

"""Archives in the ZIP format: their files become documents."""

import re
import zipfile
from typing import Final

from converter.conversion import Conversion, ConversionLimits, MemberCollector
from converter.formats import open_archive
from decoding.errors import CorruptDocumentError, EncryptedDocumentError

_ENCRYPTED: Final = 0x1
# What systems put into archives in addition to the user's files.
_SYSTEM_FILES: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)")


def unpack_archive(data: bytes, limits: ConversionLimits) -> Conversion:
    """Return the files in an archive as members.

    Raises:
        EncryptedDocumentError: If all files require a password.
        CorruptDocumentError: If the archive is damaged, or contains no file.
    """
    collector = MemberCollector(limits)
    with open_archive(data) as archive:
        files = [entry for entry in archive.infolist() if not _is_ignored(entry)]
        if files and all(entry.flag_bits & _ENCRYPTED for entry in files):
            raise EncryptedDocumentError("The files in the archive require a password.")
        for entry in files:
            _unpack(archive, entry, collector)
    if not collector.members and not collector.skipped:
        raise CorruptDocumentError("The archive contains no file.")
    return collector.result("zip")


def _is_ignored(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or _SYSTEM_FILES.search(entry.filename) is not None


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, collector: MemberCollector) -> None:
    if entry.flag_bits & _ENCRYPTED:
        collector.skip(entry.filename, "it requires a password")
        return
    # By its stated size, because expanding many large files to the limit takes longer than a conversion may.
    if not collector.admits(entry.filename, entry.file_size):
        return
    try:
        with archive.open(entry) as file:
            # One byte more than the limit shows that the file exceeds it, even if the directory states another size.
            content = file.read(collector.bytes_left + 1)
    except Exception:  # noqa: BLE001 -- BadZipFile, zlib.error, NotImplementedError and others: damaged or unknown
        collector.skip(entry.filename, "it is damaged or compressed in an unknown way")
    else:
        collector.add(entry.filename, content)

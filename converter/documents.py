"""Conversion of documents of all formats. Independent of HTTP."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from converter.conversion import Conversion, ConversionLimits
from converter.formats import OFFICE, detect_format
from converter.pool import SparePool
from converter.process import ConverterProcess
from decoding.cancellation import CancelCheck, never_cancel
from decoding.errors import DocumentTooLargeError, EmptyDocumentError, UnsupportedFormatError


class DocumentConverter:
    """Converts documents in processes that are started in advance. Safe to use from several threads.

    Use it as a context manager, or call `close`.

    Args:
        limits: Bounds on one conversion.
        libreoffice: Folder of LibreOffice's libraries; None if it is not installed.
        spares: Number of processes that are kept ready for office documents, and for mail and archives.
    """

    def __init__(self, limits: ConversionLimits, libreoffice: Path | None, spares: int) -> None:
        self.limits: Final = limits
        self._unpack: Final = SparePool(lambda: ConverterProcess("unpack"), spares)
        self._office: Final = (
            SparePool(lambda: ConverterProcess("office", str(libreoffice)), spares) if libreoffice else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _pools(self) -> list[SparePool]:
        return [self._unpack, self._office] if self._office else [self._unpack]

    def wait_until_ready(self) -> None:
        """Wait until the processes are ready, so that the first documents need not wait for them.

        Raises:
            DecoderUnavailableError: If a process does not start.
        """
        for pool in self._pools:
            pool.wait_until_ready()

    def outage_seconds(self) -> float:
        """Return for how long processes could not be started; 0 if they can."""
        return max(pool.outage_seconds() for pool in self._pools)

    def convert(self, data: bytes, check_cancelled: CancelCheck = never_cancel) -> Conversion:
        """Convert a document, whose format is detected by its content.

        Args:
            data: The whole document.
            check_cancelled: Called several times a second; if it raises, the conversion is stopped.

        Raises:
            DocumentError: If the document cannot be converted.
            DecoderUnavailableError: If no process can be started. The document is not the cause.
        """
        if not data:
            raise EmptyDocumentError("The document has no bytes.")
        if len(data) > self.limits.max_bytes:
            raise DocumentTooLargeError(f"The document is above the limit of {self.limits.max_bytes:,} bytes.")
        document_format = detect_format(data)
        if document_format not in OFFICE:
            return self._unpack.convert(document_format, data, self.limits, check_cancelled)
        if self._office is None:
            raise UnsupportedFormatError("Office documents cannot be converted: LibreOffice is not installed.")
        return self._office.convert(document_format, data, self.limits, check_cancelled)

    def close(self) -> None:
        """End all processes."""
        for pool in self._pools:
            pool.close()

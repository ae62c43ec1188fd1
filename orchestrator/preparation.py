"""Prepare documents for the versions: convert those that they cannot read, and upload the documents within them.

What a document leads to is written before its record, under keys that depend on the upload only. A handler that is
killed before it ends therefore loses nothing: the next attempt finds no record, and completes what is missing.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from decoding.convertible import convertible_format
from orchestrator.calls import Clock
from orchestrator.converter import Converted
from orchestrator.request_body import Content, UnreadContent
from records.addresses import ObjectAddress
from records.conversions import MAX_DEPTH, MAX_DESCENDANTS, MAX_LISTED, ConversionSummary, Parent
from records.derived import member_key, pages_key
from records.errors import DocumentRejected, DocumentUnavailable
from records.outcomes import ModelFailure
from records.record import Record
from records.uploads import Upload

logger = logging.getLogger(__name__)

CONVERSION_SHARE = 0.7
"""Share of the remaining budget that a conversion may use. The versions need the rest."""

_NOT_CONVERTED = frozenset({"avif", "bmp", "gif", "heic", "heif", "jpeg", "jpg", "pdf", "png", "tif", "tiff", "webp"})
"""Suffixes of documents that the versions read. A key only makes this probable, the content decides. Text is absent,
because mail and web pages are text."""

_MAX_WRITES = 8
"""Maximum number of concurrent writes of members."""


class Converter(Protocol):
    """Converts documents; see `orchestrator.converter.ConverterClient`."""

    def convert(self, document: bytes, *, deadline: float, trace_id: str = "") -> Converted | ModelFailure:
        """Convert a document, or return why it was not converted."""


class DerivedStore(Protocol):
    """Writes what a document leads to; see `records.derived.DerivedObjects`."""

    def find_parent(self, upload: Upload) -> Parent | None:
        """Return the parent of a member; None if the upload is none."""

    def write_member(self, bucket: str, key: str, content: bytes, parent: Parent) -> None:
        """Write a member, unless it exists already."""

    def read_pages(self, upload: Upload) -> tuple[bytes, ObjectAddress] | None:
        """Return the pages that an earlier attempt wrote and their address, if there are any."""

    def write_pages(self, upload: Upload, content: bytes) -> ObjectAddress | None:
        """Write the pages that an upload was converted to, unless they exist already. Return their address."""


@dataclass(frozen=True)
class Prepared:
    """A document that is ready for the versions, or the reason why it is not.

    Attributes:
        content: What the versions classify.
        address: An object with the same content; None if there is none.
        failure: Why the document could not be converted. A retry may succeed, unless its kind is `rejected`.
        rejection: Why there is nothing to classify. A retry may succeed if it is a `DocumentUnavailable`.
        conversion: How the document was converted; None if it was not.
        parent: The upload that the document was extracted from; None if it was uploaded.
    """

    content: Content = b""
    address: ObjectAddress | None = None
    failure: ModelFailure | None = None
    rejection: DocumentRejected | DocumentUnavailable | None = None
    conversion: ConversionSummary | None = None
    parent: Parent | None = None


class Preparation:
    """Prepares documents.

    Args:
        converter: None if the stack has no converter. The versions then reject what they cannot read.
        derived: Writes pages and members.
        clock: The clock of all deadlines.
    """

    def __init__(self, converter: Converter | None, derived: DerivedStore, clock: Clock) -> None:
        self._converter = converter
        self._derived = derived
        self._clock = clock

    @property
    def checks_content(self) -> bool:
        """Whether the content of a document decides whether it is converted."""
        return self._converter is not None

    def has_to_convert(self, content: bytes) -> bool:
        """Return whether a document is converted."""
        return self._converter is not None and convertible_format(content) is not None

    def prepare_unread(self, upload: Upload, content: UnreadContent) -> Prepared | None:
        """Prepare a document that the versions read themselves.

        Returns:
            None if the key suggests that the document is converted, so that the versions should not be called before
            its content is known.

        Raises:
            DocumentUnavailable: The parent of the upload could not be found out.
        """
        if self.checks_content and upload.key.rpartition(".")[2].lower() not in _NOT_CONVERTED:
            return None
        return Prepared(content, upload.address, parent=self._derived.find_parent(upload))

    def prepare(
        self, upload: Upload, content: bytes, stored: Record | None, *, deadline: float, trace_id: str
    ) -> Prepared:
        """Convert a document if the versions cannot read it, unless an earlier attempt has done so.

        Args:
            upload: The upload.
            content: Its content.
            stored: Its record before this attempt.
            deadline: Time on the clock at which the versions must have responded.
            trace_id: AWS trace to forward.

        Raises:
            DocumentUnavailable: A member could not be written, or the parent of the upload not be found out.
        """
        parent = self._derived.find_parent(upload)
        if self._converter is None or not self.has_to_convert(content):
            return Prepared(content, upload.address, parent=parent)
        if stored and stored.conversion and (kept := self._derived.read_pages(upload)):
            return Prepared(*kept, conversion=stored.conversion, parent=parent)
        now = self._clock()
        converted = self._converter.convert(
            content, deadline=now + CONVERSION_SHARE * (deadline - now), trace_id=trace_id
        )
        if isinstance(converted, ModelFailure):
            return Prepared(failure=replace(converted, detail=f"Converter: {converted.detail}"), parent=parent)
        if stored and stored.conversion:  # an earlier attempt has written the members
            summary = replace(stored.conversion, latency_ms=converted.latency_ms)
        else:
            summary = self._unpack(upload, converted, parent)
        if converted.pages is None:
            return Prepared(rejection=_archive_rejection(summary), conversion=summary, parent=parent)
        return Prepared(*self._keep_pages(upload, converted.pages), conversion=summary, parent=parent)

    def _keep_pages(self, upload: Upload, pages: bytes) -> tuple[bytes, ObjectAddress | None]:
        """Write the pages, and return them with their address, or those that another attempt wrote.

        A failure costs their picture and the versions that need their address, not the record.
        """
        try:
            address = self._derived.write_pages(upload, pages)
        except DocumentUnavailable:
            logger.warning("converted pages of %s not written", upload.document, exc_info=True)
            return pages, None
        return (pages, address) if address else self._derived.read_pages(upload) or (pages, None)

    def _unpack(self, upload: Upload, converted: Converted, parent: Parent | None) -> ConversionSummary:
        """Write the members of a document, within the limits of its tree."""
        depth, allowance = (parent.depth, parent.allowance) if parent else (0, MAX_DESCENDANTS)
        allowed = converted.members[:allowance] if depth < MAX_DEPTH else ()
        reason = "too many documents within documents" if depth < MAX_DEPTH else "documents are nested too deep"
        child = Parent(
            upload.document, upload.sort_key, depth + 1, (allowance - len(allowed)) // len(allowed) if allowed else 0
        )
        members = {member_key(upload, number, name): data for number, (name, data) in enumerate(allowed, start=1)}
        self._write_members(upload.bucket, members, child)
        skipped = (*converted.skipped, *((name, reason) for name, _ in converted.members[len(allowed) :]))
        return ConversionSummary(
            converted.format,
            converted.latency_ms,
            None if converted.pages is None else pages_key(upload),
            tuple(members),
            _listed(skipped),
        )

    def _write_members(self, bucket: str, members: Mapping[str, bytes], parent: Parent) -> None:
        with ThreadPoolExecutor(_MAX_WRITES, thread_name_prefix="member") as pool:
            writes = [
                pool.submit(self._derived.write_member, bucket, key, content, parent)
                for key, content in members.items()
            ]
        for write in writes:
            write.result()


def _listed(skipped: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the skipped members that a record lists, the last of which may be their number."""
    if len(skipped) <= MAX_LISTED:
        return skipped
    listed = skipped[: MAX_LISTED - 1]
    return (*listed, (f"{len(skipped) - len(listed)} others", "not listed"))


def _archive_rejection(conversion: ConversionSummary) -> DocumentRejected:
    """Return why an archive itself is not classified."""
    match len(conversion.members):
        case 0:
            documents = "No document within it can be classified."
        case 1:
            documents = "The document within it is classified separately."
        case count:
            documents = f"The {count} documents within it are classified separately."
    return DocumentRejected("archive", f"An archive has no pages. {documents}")

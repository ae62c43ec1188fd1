"""Conversions: what a document becomes, within limits."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class ConversionLimits:
    """Bounds on one conversion."""

    max_bytes: int = 40 * 1024 * 1024
    """Bytes of the document."""
    max_pages: int = 8
    """Pages that are converted from the front of a document."""
    max_seconds: float = 15.0
    """Time that the process may work on the document."""
    max_memory: int = 2 * 1024**3
    """Bytes of address space of the process. LibreOffice uses 0.8 GB for an ordinary document."""
    max_members: int = 100
    """Attachments or members that are extracted."""
    max_output_bytes: int = 64 * 1024 * 1024
    """Bytes of the pages and all members together."""


@dataclass(frozen=True, slots=True)
class Member:
    """A document within a document: an attachment of a message, or a file in an archive."""

    name: str
    """Name within the document."""
    data: bytes
    """Content."""


@dataclass(frozen=True, slots=True)
class SkippedMember:
    """A member that does not become a document."""

    name: str
    """Name within the document."""
    reason: str
    """Reason, as a phrase for users."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of a conversion."""

    format: str
    """Format of the document, as a suffix without dot: `docx`, `eml`, `zip` …"""
    pages: bytes | None = None
    """The document's own pages, as PDF or plain text; None for an archive, which has none."""
    members: tuple[Member, ...] = ()
    """Documents within the document."""
    skipped: tuple[SkippedMember, ...] = ()
    """Parts of the document that do not become documents."""


MAX_SKIPPED: Final = 50
"""Maximum number of skipped members that are listed. The last entry sums up the others."""
MAX_NAME: Final = 200
"""Maximum number of characters in the name of a member; longer names lose their beginning."""


@dataclass
class MemberCollector:
    """Collects members within the limits of a conversion."""

    limits: ConversionLimits
    members: list[Member] = field(default_factory=list)
    skipped: list[SkippedMember] = field(default_factory=list)
    _bytes: int = 0
    _not_listed: int = 0

    @property
    def bytes_left(self) -> int:
        """Bytes that further members may have."""
        return self.limits.max_output_bytes - self._bytes

    def add(self, name: str, data: bytes) -> None:
        """Add a member, or skip it if a limit is reached."""
        if self.admits(name, len(data)):
            self._bytes += len(data)
            self.members.append(Member(_clean_name(name), data))

    def admits(self, name: str, size: int) -> bool:
        """Return whether a member of this size can be added. If a limit is reached, it is skipped."""
        if size == 0:
            self.skip(name, "it is empty")
        elif len(self.members) >= self.limits.max_members:
            self.skip(name, f"the document has more than {self.limits.max_members} members")
        elif size > self.bytes_left:
            self.skip(name, f"the members have more than {self.limits.max_output_bytes:,} bytes")
        else:
            return True
        return False

    def skip(self, name: str, reason: str) -> None:
        """List a member that does not become a document."""
        if len(self.skipped) < MAX_SKIPPED - 1:
            self.skipped.append(SkippedMember(_clean_name(name), reason))
        else:
            self._not_listed += 1

    def result(self, document_format: str, pages: bytes | None = None) -> Conversion:
        """Return the conversion of the document."""
        skipped = list(self.skipped)
        if self._not_listed:
            skipped.append(SkippedMember(f"{self._not_listed} others", "not listed"))
        return Conversion(document_format, pages, tuple(self.members), tuple(skipped))


def _clean_name(name: str) -> str:
    """Return a name without control characters and of limited length; the end, with the suffix, is kept."""
    clean = "".join(char for char in name if char.isprintable()).strip() or "unnamed"
    return clean.encode(errors="replace").decode()[-MAX_NAME:]

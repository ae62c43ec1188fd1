"""Conversion and parent in a record: how its document was converted, and which document it was extracted from."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 3
"""How deep documents within documents are unpacked: an archive in a message in an archive."""
MAX_DESCENDANTS = 1000
"""Maximum number of documents that one upload leads to, on all levels together."""
MAX_LISTED = 50
"""Maximum number of skipped members in a record: an item of DynamoDB has at most 400 KB."""


@dataclass(frozen=True)
class ConversionSummary:
    """How a document was converted, before the versions were called.

    Attributes:
        format: Format of the document, as a suffix without dot: `docx`, `eml`, `zip` …
        latency_ms: Duration of the conversion.
        pages_key: Key of the object with the pages that the versions classified; None for an archive.
        members: Keys of the documents within the document, which have separate records.
        skipped: Name of each member that did not become a document, and the reason.
    """

    format: str
    latency_ms: float
    pages_key: str | None = None
    members: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values, without empty fields."""
        content: dict[str, Any] = {
            "format": self.format,
            "latency_ms": round(self.latency_ms, 1),
            "pages_key": self.pages_key,
            "members": list(self.members),
            "skipped": [{"name": name, "reason": reason} for name, reason in self.skipped],
        }
        return {name: value for name, value in content.items() if value}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ConversionSummary":
        """Read what `as_dict` wrote.

        Raises:
            KeyError: A field is missing.
            ValueError: A field is invalid.
        """
        return cls(
            content["format"],
            float(content.get("latency_ms", 0)),
            content.get("pages_key"),
            tuple(content.get("members", ())),
            tuple((skipped["name"], skipped["reason"]) for skipped in content.get("skipped", ())),
        )


@dataclass(frozen=True)
class Parent:
    """The upload that a member was extracted from.

    Attributes:
        document: Partition key of its record.
        sequencer: Sort key of its record.
        depth: Number of documents that the member is within.
        allowance: How many further documents the member may lead to. Because a document divides its allowance among
            its members, no upload leads to more than `MAX_DESCENDANTS`, however its members are nested.
    """

    document: str
    sequencer: str
    depth: int = 1
    allowance: int = 0

    def to_metadata(self) -> dict[str, str]:
        """Return the parent as metadata of an object, which is ASCII of at most 2 KB."""
        return {
            "triptych-parent": base64.urlsafe_b64encode(self.document.encode()).decode(),
            "triptych-parent-sequencer": self.sequencer,
            "triptych-depth": str(self.depth),
            "triptych-allowance": str(self.allowance),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Parent | None":
        """Read the metadata of an object; None if it has no parent, or an invalid one."""
        try:
            return cls(
                base64.urlsafe_b64decode(metadata["triptych-parent"]).decode(),
                metadata["triptych-parent-sequencer"],
                int(metadata["triptych-depth"]),
                int(metadata["triptych-allowance"]),
            )
        except (KeyError, ValueError):
            return None

    def as_dict(self) -> dict[str, Any]:
        """Return the parent as plain JSON values."""
        return {"document": self.document, "sequencer": self.sequencer, "depth": self.depth}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Parent":
        """Read what `as_dict` wrote.

        Raises:
            KeyError: A field is missing.
        """
        return cls(content["document"], content["sequencer"], int(content["depth"]))

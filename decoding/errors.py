"""Everything that can go wrong while a document is decoded.

    DecodingError
    ├── DocumentError                   unreadable-document      the document is at fault: the same bytes fail again
    │   ├── EmptyDocumentError          empty-document
    │   ├── DocumentTooLargeError       document-too-large       more bytes than are read
    │   ├── UnsupportedFormatError      unsupported-format       content that no decoder recognises
    │   └── UnreadableDocumentError     unreadable-document
    │       ├── CorruptDocumentError    corrupt-document         damaged or cut short
    │       ├── EncryptedDocumentError  encrypted-document       opens with a password only
    │       ├── DecompressionBombError  decompression-bomb       unpacks to more pixels than allowed
    │       ├── DecoderCrashedError     decoder-crashed          crashed its decoder process
    │       └── DecoderTimeoutError     decoder-timeout          kept its decoder process busy for too long
    └── DecoderUnavailableError                                  no decoder process can be started at the moment

A document's error names its problem: a stable identifier that callers may branch on, and a title.
"""


class DecodingError(Exception):
    """Base of this package's errors."""


class DecoderUnavailableError(DecodingError):
    """No decoder process can be started at the moment; the document is not at fault."""


class DocumentError(DecodingError):
    """The document cannot be classified, now or ever: do not send the same bytes again."""

    problem = "unreadable-document"
    title = "The document cannot be read"


class EmptyDocumentError(DocumentError):
    """Zero bytes were sent."""

    problem = "empty-document"
    title = "The document is empty"


class DocumentTooLargeError(DocumentError):
    """The document has more bytes than the service reads."""

    problem = "document-too-large"
    title = "The document is too large"


class UnsupportedFormatError(DocumentError):
    """The content begins like no format that the service decodes; its name and media type are not asked."""

    problem = "unsupported-format"
    title = "The document's format is not supported"


class UnreadableDocumentError(DocumentError):
    """The format is known, but these bytes do not make a page."""


class CorruptDocumentError(UnreadableDocumentError):
    """The document is damaged, cut short, or has no page."""

    problem = "corrupt-document"
    title = "The document is damaged"


class EncryptedDocumentError(UnreadableDocumentError):
    """The document opens with a password only."""

    problem = "encrypted-document"
    title = "The document is encrypted"


class DecompressionBombError(UnreadableDocumentError):
    """A page would unpack to more pixels than the service allows."""

    problem = "decompression-bomb"
    title = "The document unpacks to too many pixels"


class DecoderCrashedError(UnreadableDocumentError):
    """The document brought the process down that decoded it, or made it take too much memory."""

    problem = "decoder-crashed"
    title = "The document cannot be decoded safely"


class DecoderTimeoutError(UnreadableDocumentError):
    """The document would take longer to decode than any honest one."""

    problem = "decoder-timeout"
    title = "The document takes too long to decode"

"""Errors of decoding.

    DecodingError
    ├── DocumentError                   unreadable-document      permanent: the same bytes fail again
    │   ├── EmptyDocumentError          empty-document
    │   ├── DocumentTooLargeError       document-too-large       more bytes than the limit
    │   ├── UnsupportedFormatError      unsupported-format       no decoder recognises the content
    │   └── UnreadableDocumentError     unreadable-document
    │       ├── CorruptDocumentError    corrupt-document         damaged or incomplete
    │       ├── EncryptedDocumentError  encrypted-document       requires a password
    │       ├── ViewerRequiredError     unsupported-document     its pages are drawn by a special viewer only
    │       ├── UnsupportedCodingError  unsupported-coding       valid, but coded in a way that is not supported
    │       ├── DecompressionBombError  decompression-bomb       decodes to more pixels than the limit
    │       ├── DecoderMemoryError      decoder-memory           exceeded the memory limit of its decoder process
    │       ├── DecoderCrashedError     decoder-crashed          crashed its decoder process
    │       └── DecoderTimeoutError     decoder-timeout          exceeded the time limit of its decoder process
    └── DecoderUnavailableError                                  temporary: no decoder process is available

A document error has a problem, which is a stable identifier for callers to branch on, and a title.
"""


class DecodingError(Exception):
    """Base class of the errors of decoding."""


class DecoderUnavailableError(DecodingError):
    """No decoder process is available at the moment. The document is not the cause."""


class DocumentError(DecodingError):
    """The document cannot be decoded. The error is permanent: the same bytes fail again."""

    problem = "unreadable-document"
    title = "The document cannot be read"


class EmptyDocumentError(DocumentError):
    """The document has no bytes."""

    problem = "empty-document"
    title = "The document is empty"


class DocumentTooLargeError(DocumentError):
    """The document has more bytes than the limit."""

    problem = "document-too-large"
    title = "The document is too large"


class UnsupportedFormatError(DocumentError):
    """The content has none of the supported formats. File name and media type are ignored."""

    problem = "unsupported-format"
    title = "The document's format is not supported"


class UnreadableDocumentError(DocumentError):
    """The format is supported, but the document has no readable page."""


class CorruptDocumentError(UnreadableDocumentError):
    """The document is damaged or incomplete, or has no page."""

    problem = "corrupt-document"
    title = "The document is damaged"


class EncryptedDocumentError(UnreadableDocumentError):
    """The document requires a password."""

    problem = "encrypted-document"
    title = "The document is encrypted"


class ViewerRequiredError(UnreadableDocumentError):
    """The document's content is not in its pages: a special viewer draws it, such as that of an XFA form."""

    problem = "unsupported-document"
    title = "The document needs a special viewer"


class UnsupportedCodingError(UnreadableDocumentError):
    """The file is valid, but its pixels are coded in a way that is not supported."""

    problem = "unsupported-coding"
    title = "The document's coding is not supported"


class DecompressionBombError(UnreadableDocumentError):
    """A page or image decodes to more pixels than the limit."""

    problem = "decompression-bomb"
    title = "The document decodes to too many pixels"


class DecoderMemoryError(UnreadableDocumentError):
    """The document exceeded the memory limit of its decoder process."""

    problem = "decoder-memory"
    title = "The document takes too much memory to decode"


class DecoderCrashedError(UnreadableDocumentError):
    """The document crashed its decoder process. Some libraries also crash at the memory limit."""

    problem = "decoder-crashed"
    title = "The document cannot be decoded safely"


class DecoderTimeoutError(UnreadableDocumentError):
    """The document exceeded the time limit of its decoder process."""

    problem = "decoder-timeout"
    title = "The document takes too long to decode"

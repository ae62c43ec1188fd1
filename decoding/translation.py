"""Translation of the errors of decoder libraries."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from decoding.errors import CorruptDocumentError, DecompressionBombError, DocumentError

logger = logging.getLogger(__name__)


@contextmanager
def translate_errors(kind: str) -> Iterator[None]:
    """Turn any exception that a decoder library raises for invalid bytes into a `DocumentError`.

    Args:
        kind: Name of the file's format, for the message.
    """
    try:
        yield
    except DocumentError:
        raise
    except Image.DecompressionBombError as error:
        raise DecompressionBombError(f"The {kind} file decodes to too many pixels.") from error
    except Exception as error:  # OSError, SyntaxError, struct.error, KeyError, PdfiumError and more
        logger.debug("%s decoder failed", kind, exc_info=True)
        raise CorruptDocumentError(f"The {kind} file is damaged or incomplete.") from error

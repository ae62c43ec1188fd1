"""Translation of the errors of decoder libraries."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from PIL import Image

from decoding.errors import (
    CorruptDocumentError,
    DecoderMemoryError,
    DecompressionBombError,
    DocumentError,
    UnsupportedCodingError,
)

logger = logging.getLogger(__name__)

# Messages of Pillow about valid files that it cannot decode, such as "Unsupported BMP bitfields layout".
_UNSUPPORTED: Final = re.compile("unsupported", re.IGNORECASE)


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
    except MemoryError as error:
        raise DecoderMemoryError(f"The {kind} file takes more memory than the limit of a decoder process.") from error
    except Exception as error:  # OSError, SyntaxError, struct.error, KeyError, PdfiumError and more
        logger.debug("%s decoder failed", kind, exc_info=True)
        if isinstance(error, OSError | NotImplementedError) and _UNSUPPORTED.match(str(error)):
            raise UnsupportedCodingError(f"The coding of the {kind} file is not supported: {error}.") from error
        raise CorruptDocumentError(f"The {kind} file is damaged or incomplete.") from error

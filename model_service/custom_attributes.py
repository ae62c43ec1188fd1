"""Headers that SageMaker passes on as custom attributes.

SageMaker removes all headers of a request but its own. Callers put those that this service reads into one of these:

    X-Amzn-SageMaker-Custom-Attributes: X-Timeout-Ms=2600;X-Amzn-Trace-Id=Root=1-…;Sampled=1
"""

import re
from collections.abc import Sequence
from typing import Final

RawHeaders = Sequence[tuple[bytes, bytes]]
"""Headers as ASGI passes them: names in lower case, and values."""

_ATTRIBUTES: Final = b"x-amzn-sagemaker-custom-attributes"
_NAMES: Final = (b"x-timeout-ms", b"x-amzn-trace-id", b"x-request-id")
_START: Final = re.compile(rb"(?:^|;)\s*(" + b"|".join(_NAMES) + rb")=", re.IGNORECASE)
"""Start of an attribute. A trace contains semicolons itself."""


def with_custom_attributes(headers: RawHeaders) -> RawHeaders:
    """Return the headers, with those in the custom attributes that the request does not have itself."""
    given = dict(headers)
    attributes = given.get(_ATTRIBUTES)
    if attributes is None:
        return headers
    parts = _START.split(attributes)
    found = {name.lower(): value.strip() for name, value in zip(parts[1::2], parts[2::2], strict=True)}
    return [*headers, *((name, value) for name, value in found.items() if name not in given)]

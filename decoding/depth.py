"""Conversion of samples of any depth to 8 bits."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# White in samples without a standard white: fractions of one, 8 bits, 15 bits (signed integers only), 16 bits.
_USUAL_WHITES: Final = (1.0, 255.0, 65535.0)
_USUAL_WHITES_OF_SIGNED: Final = (1.0, 255.0, 32767.0, 65535.0)
_DEEP: Final = 16
# Rows converted at a time, because intermediate results take several times the memory of the samples.
_ROWS: Final = 256


def to_eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Convert samples to 8 bits.

    Of unsigned integers of up to 16 bits, the upper 8 bits are kept. Wider and signed integers and floating-point
    numbers have no standard white: the smallest of the usual ones that is not below any value is used. If there is
    none, the range of the values is stretched.

    Args:
        values: The samples, by row.
        bits: Bits of a sample, which may be fewer than those of the array's type.
    """
    unsigned = values.dtype.kind == "u" and bits <= _DEEP
    low, high = (0.0, float((1 << bits) - 1)) if unsigned else _range(values)
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        if unsigned and bits >= 8:
            result[start : start + _ROWS] = (block >> (bits - 8)).astype(np.uint8)
        else:
            scaled = (_finite(block) - low) * (255.0 / max(high - low, 1e-9))
            result[start : start + _ROWS] = scaled.astype(np.uint8)
    return result


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Return which values are black and white."""
    low = high = 0.0
    for start in range(0, len(values), _ROWS):
        block = _finite(values[start : start + _ROWS])
        least, most = float(block.min()), float(block.max())
        low, high = (least, most) if start == 0 else (min(low, least), max(high, most))
    whites = _USUAL_WHITES_OF_SIGNED if values.dtype.kind == "i" else _USUAL_WHITES
    if low >= 0 and high <= whites[-1]:
        return 0.0, next(white for white in whites if high <= white)
    return low, high


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)

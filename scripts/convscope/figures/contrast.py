"""Signed pixels as grey values around the middle, and pictures in squares of one size."""

import numpy as np
from PIL import Image

MIDDLE = 128
"""Grey level of zero."""
REACH = 127
"""Levels from the middle to the scale."""
SHARE = 0.995
"""Of the absolute values that are not zero, those up to the scale."""


def scale_of(values: np.ndarray) -> float:
    """Return the scale of signed pixels: the 99.5th percentile of their non-zero absolute values.

    With fewer than 200 values that is the largest one. With more, a few extreme values would
    otherwise leave the picture grey.

    Parameters
    ----------
    values
        ``(3, h, w)``, of any float type.

    Returns
    -------
    float
        Zero if all are zero.
    """
    size = np.abs(np.asarray(values, dtype=np.float64))
    size = size[size > 0]
    return float(np.quantile(size, SHARE, method="higher")) if size.size else 0.0


def stretched(values: np.ndarray) -> np.ndarray:
    """Return signed pixels stretched by their own scale around mid-grey.

    Parameters
    ----------
    values
        ``(3, h, w)``, of any float type.

    Returns
    -------
    np.ndarray
        uint8 ``(3, h, w)``: 128 for zero, 255 at the scale and above, 1 at minus the scale and
        below.
    """
    values = np.asarray(values, dtype=np.float64)
    scale = scale_of(values)
    if scale == 0:
        return np.full(values.shape, MIDDLE, np.uint8)
    return np.rint(MIDDLE + REACH * np.clip(values / scale, -1, 1)).astype(np.uint8)


def fitted(pixels: np.ndarray, side: int, ground: tuple[int, int, int]) -> np.ndarray:
    """Return RGB pixels in the middle of a square, as large as it allows.

    Few pixels are enlarged as squares (nearest neighbour), so that each can be seen.

    Parameters
    ----------
    pixels
        uint8 ``(3, h, w)``.
    side
        Of the square, in pixels.
    ground
        The colour beside pictures that are not square.

    Returns
    -------
    np.ndarray
        uint8 ``(side, side, 3)``.
    """
    height, width = pixels.shape[1:]
    factor = side / max(height, width)
    size = max(1, round(factor * width)), max(1, round(factor * height))
    way = Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.LANCZOS
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).resize(size, way)
    square = np.empty((side, side, 3), np.uint8)
    square[:] = ground
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = np.asarray(picture)
    return square

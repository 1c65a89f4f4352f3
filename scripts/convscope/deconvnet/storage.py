"""Projections as float16 with a scale of their own, or as float32; needs no torch.

Projections of one network span more orders of magnitude than float16 has: each is divided by its
own largest absolute value.
"""

import numpy as np


def store(pixels: np.ndarray, dtype: str = "float16") -> tuple[np.ndarray, np.float32]:
    """Return what is stored of a projection, and the scale that restores it.

    Parameters
    ----------
    pixels
        ``(3, h, w)``, of any float type.
    dtype
        ``float16``, divided by the scale, or ``float32``, as it is (scale 1).

    Raises
    ------
    ValueError
        If a value is not finite in float32, or the type is another.
    """
    with np.errstate(over="ignore"):
        single = np.asarray(pixels, dtype=np.float32)
    if not np.isfinite(single).all():
        raise ValueError("a projection holds NaN, or a value beyond float32")
    if dtype == "float32":
        return single, np.float32(1)
    if dtype != "float16":
        raise ValueError(f"projections are stored as float16 or float32, not {dtype}")
    scale = np.abs(single).max(initial=np.float32(0))
    if scale == 0:
        return np.zeros(single.shape, np.float16), np.float32(0)
    # In float64, so that a scale near float32's smallest number divides exactly enough.
    return (single.astype(np.float64) / np.float64(scale)).astype(np.float16), scale


def restore(stored: np.ndarray, scale: float | np.float32) -> np.ndarray:
    """Return the float32 projection ``(3, h, w)`` that ``store`` took apart."""
    return (stored.astype(np.float64) * np.float64(scale)).astype(np.float32)

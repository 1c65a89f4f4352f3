"""What is measured on finished images; works without torch."""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.floating]


def relative_variation(images: Images) -> NDArray[np.float64]:
    """Return the anisotropic total variation a value, divided by the image's standard deviation.

    Noise has much, a smooth picture little; contrast does not count.

    Parameters
    ----------
    images
        RGB in [0, 1], ``(n, 3, H, W)``.

    Returns
    -------
    np.ndarray
        ``(n,)``; NaN for a constant image.
    """
    values = np.asarray(images, dtype=np.float64)
    count = np.prod(values.shape[1:])
    sums = sum(np.abs(np.diff(values, axis=axis)).sum((1, 2, 3)) for axis in (2, 3))
    spread = values.std((1, 2, 3))
    return np.divide(sums / count, spread, out=np.full(len(values), np.nan), where=spread > 0)


def psnr(images: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio in decibels, ``(n,)``; infinite where they are equal.

    Parameters
    ----------
    images, truth
        uint8 RGB, ``(n, 3, H, W)``.
    """
    difference = images.astype(np.float64) - truth.astype(np.float64)
    squares = np.square(difference).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / squares)


def shown_pixels(images: Images) -> NDArray[np.uint8]:
    """Return the uint8 RGB that images (RGB in [0, 1], any shape) are shown as."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)

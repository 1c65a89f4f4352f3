"""From where in the image each pixel of an affine variant comes; needs no torch."""

import numpy as np


def origins(
    rotate: np.ndarray, scale: np.ndarray, right: np.ndarray, down: np.ndarray, side: int
) -> np.ndarray:
    """Return the maps from output pixels to places in the image.

    A pixel at (x, y) from the centre, y downwards, is first turned anticlockwise by the angle t and
    enlarged by s, x' = s (x cos t + y sin t), y' = s (-x sin t + y cos t), then shifted. This is
    the inverse of that, in pixel indices, where the centre is (side - 1) / 2 (111.5 of 224).

    Parameters
    ----------
    rotate
        Degrees, positive = anticlockwise, ``(N,)``.
    scale
        Factors above 0, ``(N,)``.
    right, down
        Pixels, ``(N,)``.
    side
        Height and width of the image in pixels.

    Returns
    -------
    np.ndarray
        float64 ``(N, 2, 3)``: the place is ``[x, y] = M @ [column, row, 1]``.
    """
    centre = (side - 1) / 2
    angle = np.deg2rad(rotate)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    maps = np.empty((len(angle), 2, 3))
    maps[:, 0, 0], maps[:, 0, 1] = cosine, -sine
    maps[:, 1, 0], maps[:, 1, 1] = sine, cosine
    output_centre = np.stack([centre + right, centre + down], axis=-1)
    maps[:, :, 2] = centre - np.einsum("nij,nj->ni", maps[:, :, :2], output_centre)
    return maps

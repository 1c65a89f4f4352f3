"""How much of a projection lies on a scene's object, against its share of the field; no torch."""

import numpy as np


def concentration(
    pixels: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int]
) -> float | None:
    """Return how concentrated a projection is on an object: 1 is no more than chance.

    It is the share of the squared projection that lies inside the object's mask, divided by the
    mask's share of the unit's box. A projection that is spread evenly scores 1; one wholly on the
    object scores the reciprocal of the mask's share, the most that is possible.

    Parameters
    ----------
    pixels
        The projection ``(3, h, w)``, cropped to the box.
    mask
        True where the object is, boolean ``(H, W)`` of the whole image.
    box
        (top, left, bottom, right) of the unit's receptive field, in pixels, half-open.

    Returns
    -------
    float or None
        None where the projection is zero everywhere, or the object is not in the box.

    Raises
    ------
    ValueError
        If the projection has another size than its box.
    """
    top, left, bottom, right = box
    inside = np.asarray(mask, dtype=bool)[top:bottom, left:right]
    if pixels.shape[1:] != inside.shape:
        raise ValueError(f"a projection {pixels.shape} for a box of {inside.shape} pixels")
    largest = np.abs(pixels).max(initial=0.0)
    if largest == 0 or not inside.any():
        return None
    # Scaled first: squares of projections may be beyond the range of their type.
    energy = ((np.asarray(pixels, dtype=np.float64) / np.float64(largest)) ** 2).sum(0)
    return float(energy[inside].sum() / energy.sum() / inside.mean())


def relative_concentration(
    own: np.ndarray, control: np.ndarray, axis: int = -1
) -> np.ndarray | np.float64:
    """Return the mean concentration of units over that of their controls, scene by scene.

    Parameters
    ----------
    own, control
        Concentrations of the same scenes, ``(..., scenes)``.
    axis
        The axis of the scenes.
    """
    return np.mean(own, axis=axis) / np.mean(control, axis=axis)

"""The variant of one image as 8-bit pixels, for pages and figures; needs no torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convscope.variants.coordinates import origins
from convscope.variants.definitions import fill_levels, is_exact
from convscope.variants.exact import apply_exact, occlude


def draw_variant(
    pixels: np.ndarray, definition: Mapping[str, Any], mean_rgb: Sequence[float] | None = None
) -> np.ndarray:
    """Return what ``convscope.variants.apply.apply_variant`` feeds to a network, to be looked at.

    Parameters
    ----------
    pixels
        uint8 RGB ``(3, S, S)``.
    definition
        As ``convscope.variants.definitions.definition_of`` returns it.
    mean_rgb
        For the fill ``mean``: three values in [0, 1].

    Returns
    -------
    np.ndarray
        uint8 ``(3, S, S)``, rounded to the nearest level; the input itself where nothing changes.

    Raises
    ------
    ValueError
        If the mean is missing.
    """
    if is_exact(definition):
        return apply_exact(pixels, definition, mean_rgb)
    amounts = (np.array([definition[key]]) for key in ("rotate", "scale", "right", "down"))
    place = origins(*amounts, pixels.shape[-1])[0]
    rows, columns = np.indices(pixels.shape[1:])
    x, y = (a * columns + b * rows + c for a, b, c in place)
    levels = fill_levels(definition["fill"], mean_rgb)
    moved = _bilinear(pixels.astype(np.float64), x, y, definition["fill"])
    if levels is not None:
        covered = _bilinear(np.ones((1, *pixels.shape[1:])), x, y, definition["fill"])
        moved += (1 - covered) * 255 * np.array(levels).reshape(3, 1, 1)
    return occlude(np.rint(moved).clip(0, 255).astype(np.uint8), definition)


def _bilinear(planes: np.ndarray, x: np.ndarray, y: np.ndarray, fill: str) -> np.ndarray:
    """Sample ``(C, S, S)`` at places ``(S, S)``; outside a constant fill's image there is 0."""
    last = planes.shape[-1] - 1
    if fill == "edge":
        x, y = x.clip(0, last), y.clip(0, last)
    elif fill == "reflect":
        x, y = (last - np.abs(place % (2 * last) - last) for place in (x, y))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    moved = np.zeros_like(planes)
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
        inside = (row >= 0) & (row <= last) & (column >= 0) & (column <= last)
        moved += np.where(inside, weight, 0) * planes[:, row.clip(0, last), column.clip(0, last)]
    return moved

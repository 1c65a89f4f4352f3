"""Which cell stands at which pixel of a figure; needs no torch."""

import numpy as np

from convscope.occlusion.grid import Grid


def measured(grid: Grid) -> np.ndarray:
    """Return which pixels lie between the outermost centres, boolean ``(H, W)``.

    Along an axis with one position these are the pixels of its patch.
    """
    rows, columns = (_between(grid, axis) for axis in (0, 1))
    return rows[:, None] & columns[None]


def nearest(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Return a map at pixels, ``(H, W)``: each has the value of the cell with the nearest centre.

    Pixels half way belong to the earlier cell. What lies outside ``measured`` says nothing.

    Parameters
    ----------
    values
        One value a cell, ``(rows, columns)``.
    grid
        Of the map.
    """
    rows, columns = (_cells(grid, axis) for axis in (0, 1))
    return np.asarray(values)[rows[:, None], columns[None]]


def enlarged(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture ``(h, w, ...)`` as a square of ``side`` pixels, each the nearest."""
    rows, columns = (
        np.minimum(((np.arange(side) + 0.5) * length / side).astype(int), length - 1)
        for length in pixels.shape[:2]
    )
    return pixels[rows[:, None], columns[None]]


def _between(grid: Grid, axis: int) -> np.ndarray:
    pixels, centres = np.arange(grid.image[axis]), grid.centres(axis)
    if len(centres) == 1:
        return grid.coverage(axis)[0]
    return (pixels >= centres[0]) & (pixels <= centres[-1])


def _cells(grid: Grid, axis: int) -> np.ndarray:
    place = (np.arange(grid.image[axis]) - grid.centres(axis)[0]) / grid.stride[axis]
    return np.clip(np.ceil(place - 0.5), 0, grid.shape[axis] - 1).astype(int)

"""Where patches lie, where their cells are drawn, and what a map says of pixels; needs no torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """The positions of a patch that slides over an image.

    Along an axis there are ``floor((side - patch) / stride) + 1`` positions, the first at pixel 0;
    what remains behind the last one is never covered (4 pixels of 224 for patch 50, stride 5).
    Krypton and xplique use the same grid, 35 x 35 there. Captum adds a truncated last window
    (36 x 36) and averages overlapping windows into a map of pixels; tf-explain steps by the patch
    itself; zennit's windows wrap round the border (45 x 45).

    Parameters
    ----------
    image, patch, stride
        Rows and columns, in pixels.
    """

    image: tuple[int, int]
    patch: tuple[int, int]
    stride: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of positions along rows and columns."""
        return tuple(len(self.starts(axis)) for axis in (0, 1))

    def starts(self, axis: int) -> np.ndarray:
        """Return the first pixel of each position along an axis (0: rows)."""
        return np.arange(0, self.image[axis] - self.patch[axis] + 1, self.stride[axis])

    def centres(self, axis: int) -> np.ndarray:
        """Return where each cell belongs along an axis: 5 i + 24.5 for patch 50, stride 5."""
        return self.starts(axis) + (self.patch[axis] - 1) / 2

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return top, left, bottom and right of a cell's patch, half-open."""
        top, left = row * self.stride[0], column * self.stride[1]
        return top, left, top + self.patch[0], left + self.patch[1]

    def positions(self) -> np.ndarray:
        """Return row and column of every cell in row-major order, ``(P, 2)``."""
        return np.stack(np.mgrid[: self.shape[0], : self.shape[1]], -1).reshape(-1, 2)

    def mask(self, row: int, column: int) -> np.ndarray:
        """Return which pixels a cell's patch covers, boolean ``(H, W)``."""
        top, left, bottom, right = self.box(row, column)
        mask = np.zeros(self.image, dtype=bool)
        mask[top:bottom, left:right] = True
        return mask

    def coverage(self, axis: int) -> np.ndarray:
        """Return which pixels each position covers along an axis, boolean ``(n, side)``."""
        pixels, starts = np.arange(self.image[axis])[None], self.starts(axis)[:, None]
        return (pixels >= starts) & (pixels < starts + self.patch[axis])


def back_projected(drops: np.ndarray, grid: Grid) -> np.ndarray:
    """Return each pixel's score: the mean over the patches that cover it.

    Parameters
    ----------
    drops
        One value a cell, ``(rows, columns)``: what the patch took away.
    grid
        Of the map.

    Returns
    -------
    np.ndarray
        float64 ``(H, W)``; NaN where no patch comes.
    """
    rows, columns = (grid.coverage(axis).astype(np.float64) for axis in (0, 1))
    covers = np.outer(rows.sum(0), columns.sum(0))
    total = rows.T @ np.asarray(drops, dtype=np.float64) @ columns
    return np.divide(total, covers, out=np.full(grid.image, np.nan), where=covers > 0)


def at_pixels(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Return a map as it is drawn over the image: each cell at its patch's centre.

    Parameters
    ----------
    values
        One value a cell, ``(rows, columns)``.
    grid
        Of the map.

    Returns
    -------
    np.ndarray
        float64 ``(H, W)``: linear between the centres of cells; NaN beyond the outermost centres,
        where nothing was measured. Along an axis with one position, the pixels of the patch have
        its value.
    """
    rows, columns = (_interpolation(grid, axis) for axis in (0, 1))
    return rows @ np.asarray(values, dtype=np.float64) @ columns.T


def smoothed(values: np.ndarray, sigma: float | tuple[float, float]) -> np.ndarray:
    """Return a map smoothed by a Gaussian, near the border by its part inside the map.

    Parameters
    ----------
    values
        ``(rows, columns)``.
    sigma
        The standard deviation in cells, one for both axes or one each; 0 leaves an axis as it is.
    """
    widths = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    rows, columns = (gaussian(n, width) for n, width in zip(values.shape, widths, strict=True))
    return rows @ np.asarray(values, dtype=np.float64) @ columns.T


def gaussian(side: int, sigma: float) -> np.ndarray:
    """Return the weights ``(side, side)`` of each place's average, which add up to one."""
    if sigma == 0:
        return np.eye(side)
    places = np.arange(side)
    weights = np.exp(-0.5 * ((places[None] - places[:, None]) / sigma) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _interpolation(grid: Grid, axis: int) -> np.ndarray:
    """Return the weights ``(side, n)`` of cells at pixels; NaN where nothing was measured."""
    pixels, centres = np.arange(grid.image[axis]), grid.centres(axis)
    if len(centres) == 1:
        return np.where(grid.coverage(axis).T, 1.0, np.nan)
    place = (pixels - centres[0]) / grid.stride[axis]
    cells = np.arange(len(centres))
    weights = np.maximum(0.0, 1.0 - np.abs(place[:, None] - cells))
    inside = (pixels >= centres[0]) & (pixels <= centres[-1])
    return np.where(inside[:, None], weights, np.nan)

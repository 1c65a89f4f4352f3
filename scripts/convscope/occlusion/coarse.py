"""Coarse to fine: every k-th position first, then those where the score drops most; no torch.

After Nakandala et al., 2019 ("adaptive drill-down"). An approximation, never the default.
"""

from dataclasses import dataclass, replace

import numpy as np

from convscope.deconvnet.similarity import ssim
from convscope.errors import UserError
from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import Comparison, OcclusionMaps


@dataclass(frozen=True)
class Refinement:
    """How a coarse map is refined.

    Parameters
    ----------
    every
        The step of the coarse grid, in cells.
    share
        The share of all cells that are computed because the score drops most there.
    """

    every: int = 3
    share: float = 0.25

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 <= self.share <= 1:
            raise UserError(
                f"every {self.every} and share {self.share} refine nothing",
                where="coarse_to_fine",
                remedy="Give every from 1 upwards, and a share from 0 to 1.",
            )


def coarse_positions(grid: Grid, refinement: Refinement) -> np.ndarray:
    """Return every k-th row and column and the last, all pairs of them, ``(P, 2)``."""
    axes = [_coarse(count, refinement.every) for count in grid.shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)


def fine_positions(coarse: OcclusionMaps, refinement: Refinement) -> np.ndarray:
    """Return the cells to compute next, ``(P, 2)``, in row-major order.

    Parameters
    ----------
    coarse
        The maps with the coarse cells only.
    refinement
        How many cells.
    """
    drops = coarse.drops("top" if coarse.label is None else "label")
    guess = _interpolated(drops, refinement)
    number = round(refinement.share * guess.size)
    strongest = np.argsort(-guess, axis=None, kind="stable")[:number]
    wanted = np.zeros(guess.size, dtype=bool)
    wanted[strongest] = True
    return np.argwhere(wanted.reshape(guess.shape) & ~coarse.evaluated)


def completed(coarse: OcclusionMaps, fine: OcclusionMaps, refinement: Refinement) -> OcclusionMaps:
    """Return the maps of both passes together, interpolated where neither came.

    Parameters
    ----------
    coarse
        The maps with the coarse cells only.
    fine
        Those with the fine cells only.
    refinement
        That of both.
    """
    evaluated = coarse.evaluated | fine.evaluated

    def joined(name: str) -> np.ndarray:
        first, second = getattr(coarse, name), getattr(fine, name)
        known = np.where(fine.evaluated, second, first)
        if name == "class_map":
            guess = _nearest(first, refinement)
        elif first.ndim == 3:
            guess = np.stack([_interpolated(part, refinement) for part in first])
        else:
            guess = _interpolated(first, refinement)
        return np.where(evaluated, known, guess).astype(first.dtype)

    names = ("logits", "probabilities", "log_odds", "class_map", "margin", "activity")
    return replace(
        coarse,
        **{name: joined(name) for name in names},
        evaluated=evaluated,
        method="coarse_to_fine",
    )


def compared(maps: OcclusionMaps, exact: OcclusionMaps) -> OcclusionMaps:
    """Return maps with what they miss of the exact ones."""
    place = 1 if maps.label is None else 0
    pair = maps.probabilities[place], exact.probabilities[place]
    largest = float(np.abs(pair[0] - pair[1]).max())
    return replace(maps, comparison=Comparison(ssim(*pair), largest))


def _coarse(count: int, every: int) -> np.ndarray:
    return np.unique([*range(0, count, every), count - 1])


def _interpolated(values: np.ndarray, refinement: Refinement) -> np.ndarray:
    """Return a map that is linear between the coarse cells."""
    rows, columns = (_weights(count, refinement.every) for count in values.shape)
    axes = np.ix_(*(_coarse(count, refinement.every) for count in values.shape))
    return rows @ values[axes] @ columns.T


def _nearest(values: np.ndarray, refinement: Refinement) -> np.ndarray:
    nearest = []
    for count in values.shape:
        cells = _coarse(count, refinement.every)
        distance = np.abs(np.arange(count)[:, None] - cells)
        nearest.append(cells[distance.argmin(1)])
    return values[np.ix_(*nearest)]


def _weights(count: int, every: int) -> np.ndarray:
    """Return the weights ``(count, coarse)`` of the coarse cells at each cell."""
    cells = _coarse(count, every)
    ones = np.eye(len(cells))
    return np.stack([np.interp(np.arange(count), cells, one) for one in ones], 1)

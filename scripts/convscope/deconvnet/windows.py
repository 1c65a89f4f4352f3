"""Signals of several units, each within its own window of a map.

A window may reach beyond its map; a signal is zero there.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

CHANNELS_LAST = torch.channels_last


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals of units with windows of one size.

    Parameters
    ----------
    units
        The numbers of the units, ``(n,)``.
    values
        ``(n, C, h, w)``, or ``(n, C)`` in a vector layer.
    corners
        Row and column of each window's first element in the map, ``(n, 2)``.
    """

    units: np.ndarray
    values: torch.Tensor
    corners: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Signals":
        """Return the signals of some rows, given as a boolean mask ``(n,)``."""
        places = np.flatnonzero(chosen)
        first, last = places[0], places[-1] + 1
        # A run of rows needs no copy.
        run = slice(first, last) if last - first == len(places) else torch.from_numpy(places)
        if not isinstance(run, slice):
            run = run.to(self.values.device)
        return Signals(self.units[chosen], self.values[run], self.corners[chosen])


Size = tuple[int, int]


def zeros_like(values: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return zeros ``(n, C, h, w)`` in channels-last memory, of the values' dtype and device."""
    empty = torch.empty(
        shape, dtype=values.dtype, device=values.device, memory_format=CHANNELS_LAST
    )
    return empty.zero_()


def reframed(
    values: torch.Tensor, corners: np.ndarray, size: Size, targets: np.ndarray
) -> torch.Tensor:
    """Return values in other windows; what they do not cover is zero.

    Parameters
    ----------
    values
        ``(n, C, h, w)``.
    corners
        Of the windows that they lie in, ``(n, 2)``.
    size
        Height and width of the new windows.
    targets
        Corners of the new windows, ``(n, 2)``.
    """
    height, width = values.shape[2:]
    shifts = targets - corners
    if (height, width) == size and not shifts.any():
        return values
    result = zeros_like(values, (len(values), values.shape[1], *size))
    same = bool((shifts == shifts[:1]).all())
    for row in range(1 if same else len(values)):
        (top, bottom), (left, right) = (
            (max(0, -shift), min(side, old - shift))
            for shift, side, old in zip(shifts[row], size, (height, width), strict=True)
        )
        if bottom > top and right > left:
            down, across = shifts[row]
            units = slice(None) if same else row
            result[units, ..., top:bottom, left:right] = values[
                units, ..., top + down : bottom + down, left + across : right + across
            ]
    return result


def confined(
    values: torch.Tensor, corners: np.ndarray, sides: Size
) -> tuple[torch.Tensor, np.ndarray]:
    """Return values that are zero outside the map, in windows no larger than the map.

    Parameters
    ----------
    values
        ``(n, C, h, w)``; written into.
    corners
        ``(n, 2)``, of any position.
    sides
        Height and width of the map.
    """
    size = tuple(np.minimum(values.shape[2:], sides).tolist())
    full = np.array(values.shape[2:]) >= np.array(sides)
    if full.any():
        targets = np.where(full, 0, corners)
        values, corners = reframed(values, corners, size, targets), targets
    for row, corner in enumerate(corners):
        # Strips in the padding, which only windows near the border have.
        for axis in (0, 1):
            before = min(max(0, -int(corner[axis])), size[axis])
            after = min(max(0, int(corner[axis]) + size[axis] - sides[axis]), size[axis])
            if before:
                values[row].narrow(1 + axis, 0, before).zero_()
            if after:
                values[row].narrow(1 + axis, size[axis] - after, after).zero_()
    return values, corners


def cut(whole: torch.Tensor, corners: np.ndarray, size: Size) -> torch.Tensor:
    """Return windows ``(n, C, h, w)`` of a map ``(1, C, H, W)``; zero beyond its borders."""
    sides = tuple(whole.shape[2:])
    if sides == size and not corners.any():
        return whole
    result = zeros_like(whole, (len(corners), whole.shape[1], *size))
    for row, corner in enumerate(corners):
        low = np.maximum(corner, 0)
        high = np.minimum(corner + size, sides)
        if (high > low).all():
            (top, left), (bottom, right) = low - corner, high - corner
            result[row, :, top:bottom, left:right] = whole[0, :, low[0] : high[0], low[1] : high[1]]
    return result


def combined(arrived: Sequence[Signals], sides: Size) -> list[Signals]:
    """Return what arrived at a step: summed over branches, then batched by size of window.

    Parameters
    ----------
    arrived
        From the steps that read this one; a unit may stand in several.
    sides
        Height and width of the step's map.
    """
    if len(arrived) == 1:
        return list(arrived)
    branches: dict[int, list[int]] = defaultdict(list)
    for place, signals in enumerate(arrived):
        for unit in signals.units:
            branches[int(unit)].append(place)
    parts = []
    for together in dict.fromkeys(tuple(places) for places in branches.values()):
        units = [unit for unit, places in branches.items() if tuple(places) == together]
        parts.append(_summed([_chosen(arrived[place], units) for place in together], sides))
    return _batched(parts)


def _chosen(signals: Signals, units: list[int]) -> Signals:
    chosen = np.isin(signals.units, units)
    return signals if chosen.all() else signals.rows(chosen)


def _summed(parts: list[Signals], sides: Size) -> Signals:
    """Add signals of the same units, in the windows that hold all branches' windows."""
    if len(parts) == 1:
        return parts[0]
    if parts[0].values.dim() == 2:
        return Signals(parts[0].units, sum(part.values for part in parts), parts[0].corners)
    order = [np.argsort(part.units, kind="stable") for part in parts]
    corners = [part.corners[rows] for part, rows in zip(parts, order, strict=True)]
    low = np.min(corners, 0)
    ends = [c + np.array(p.values.shape[2:]) for c, p in zip(corners, parts, strict=True)]
    size = (np.max(ends, 0) - low).max(0)
    full = size >= sides
    size, low = np.minimum(size, sides), np.where(full, 0, low)
    total = None
    for part, rows, corner in zip(parts, order, corners, strict=True):
        values = part.values
        if (rows != np.arange(len(rows))).any():
            values = values[torch.from_numpy(rows).to(values.device)]
        values = reframed(values, corner, tuple(size.tolist()), low)
        total = values if total is None else total + values
    return Signals(np.sort(parts[0].units), total, low)


def _batched(parts: list[Signals]) -> list[Signals]:
    by_size: dict[tuple[int, ...], list[Signals]] = defaultdict(list)
    for part in parts:
        by_size[tuple(part.values.shape[1:])].append(part)
    return [
        same[0]
        if len(same) == 1
        else Signals(
            np.concatenate([part.units for part in same]),
            torch.cat([part.values for part in same]),
            np.concatenate([part.corners for part in same]),
        )
        for same in by_size.values()
    ]

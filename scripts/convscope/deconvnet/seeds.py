"""Which units are projected, and the signals that they start from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from convscope.deconvnet.program import Program
from convscope.deconvnet.record import Tape
from convscope.deconvnet.windows import CHANNELS_LAST, Signals
from convscope.errors import UserError


@dataclass(frozen=True)
class Unit:
    """A channel of a layer at a position; a whole channel without one; a whole layer without both.

    A vector layer's position is (0, 0).
    """

    layer: str
    channel: int | None = None
    row: int | None = None
    column: int | None = None

    @property
    def position(self) -> tuple[int, int]:
        """Row and column; only of a single unit."""
        if self.row is None or self.column is None:
            raise ValueError(f"{self} has no position")
        return self.row, self.column


def seed_signals(
    program: Program, tape: Tape, units: Sequence[Unit], seed: float | None, crop: bool
) -> tuple[dict[int, list[Signals]], list[float]]:
    """Return the signals that units start from, by step, and each unit's activation.

    Units whose activation is zero start no signal.

    Parameters
    ----------
    seed
        What every unit starts from in place of its activation.
    crop
        Whether a single unit starts in a window of its own, or in the whole map.

    Raises
    ------
    UserError
        If a layer, channel or position does not exist.
    """
    activations = [0.0] * len(units)
    together: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        values = _layer_values(tape, unit)
        chosen = values[_index(unit, values)]
        activations[number] = float(chosen.max()) if seed is None else float(seed)
        if bool(chosen.any()) if seed is None else seed != 0:
            together[unit.layer, crop and unit.row is not None].append(number)
    signals: dict[int, list[Signals]] = defaultdict(list)
    for (layer, single), numbers in together.items():
        values = tape.activations[layer]
        own = _single if single and values.dim() == 4 else _spread
        signals[program.index(layer)].append(own(values, units, numbers, seed))
    return dict(signals), activations


def _layer_values(tape: Tape, unit: Unit) -> torch.Tensor:
    if unit.layer not in tape.activations:
        raise UserError(
            "this layer was not recorded",
            where=unit.layer,
            remedy=f"Recorded are {', '.join(tape.activations)}.",
        )
    return tape.activations[unit.layer]


def _index(unit: Unit, values: torch.Tensor) -> tuple:
    """Return the index of a unit, map or layer in ``(1, C, H, W)`` or ``(1, C)``."""
    channels, *sides = values.shape[1:]
    sides = sides or [1, 1]
    asked = {"channel": unit.channel, "row": unit.row, "column": unit.column}
    for (name, value), count in zip(asked.items(), (channels, *sides), strict=True):
        if value is not None and not 0 <= value < count:
            raise UserError(
                f"{name} {value} is none of its {count}",
                where=f"layer {unit.layer}",
                remedy="The peaks are another network's: make them anew.",
            )
    if unit.channel is None:
        return (0,)
    if unit.row is None or values.dim() == 2:
        return (0, unit.channel)
    return (0, unit.channel, *unit.position)


def _single(
    values: torch.Tensor, units: Sequence[Unit], numbers: list[int], seed: float | None
) -> Signals:
    """Return signals of single positions, in windows of one element."""
    result = values.new_zeros((len(numbers), values.shape[1], 1, 1))
    for row, number in enumerate(numbers):
        unit = units[number]
        start = values[_index(unit, values)] if seed is None else seed
        result[row, unit.channel] = start
    corners = np.array([units[number].position for number in numbers])
    return Signals(np.array(numbers), result, corners)


def _spread(
    values: torch.Tensor, units: Sequence[Unit], numbers: list[int], seed: float | None
) -> Signals:
    """Return signals in whole maps or vectors, zero but for what was chosen."""
    result = values.new_zeros((len(numbers), *values.shape[1:]))
    for row, number in enumerate(numbers):
        index = _index(units[number], values)
        result[(row, *index[1:])] = values[index] if seed is None else seed
    if result.dim() == 4:
        result = result.contiguous(memory_format=CHANNELS_LAST)
    return Signals(np.array(numbers), result, np.zeros((len(numbers), 2), dtype=np.int64))

"""How rows (or columns) of an operation's output read rows of its input; needs no torch.

Convolution, pooling and interpolation treat rows and columns alike and independently, so that all
geometry is that of one axis (axis 0: rows, axis 1: columns).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Taps:
    """Which input positions each output position reads.

    ``first`` and ``last`` ``(out,)`` are the outermost ones, possibly outside the input;
    between them every ``dilation``-th is read. ``stride`` is the step from one output position
    to the next, in input positions.
    """

    first: np.ndarray
    last: np.ndarray
    dilation: int
    stride: int

    def matrix(self, side: int) -> np.ndarray:
        """Return which input position (columns) each output position (rows) reads, boolean."""
        positions = np.arange(side)
        after = positions[None] - self.first[:, None]
        return (after >= 0) & (positions[None] <= self.last[:, None]) & (after % self.dilation == 0)


def pair(value: Any, axis: int) -> int:
    """Return the value for an axis of an argument that is one number or one an axis."""
    return value[axis] if isinstance(value, list | tuple) else value


def padding_of(module: Any, axis: int) -> tuple[int, int]:
    """Return the padding before and after, for a convolution's ``same`` and ``valid`` too."""
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":
        total = pair(module.dilation, axis) * (pair(module.kernel_size, axis) - 1)
        return total // 2, total - total // 2
    padding = pair(module.padding, axis)
    return padding, padding


def window_taps(module: Any, axis: int, side: int) -> Taps:
    """Return the taps of a convolution, max pooling or average pooling over ``side`` positions."""
    kernel, stride = pair(module.kernel_size, axis), pair(module.stride, axis)
    dilation = pair(getattr(module, "dilation", 1), axis)
    before, after = padding_of(module, axis)
    span = dilation * (kernel - 1)
    room = side + before + after - span - 1
    count = room // stride + 1
    if getattr(module, "ceil_mode", False):
        count = -(-room // stride) + 1
        # A window that starts in the padding behind the input is left out.
        if (count - 1) * stride >= side + before:
            count -= 1
    first = np.arange(count) * stride - before
    return Taps(first, first + span, dilation, stride)


def adaptive_taps(count: int, side: int) -> Taps:
    """Return the taps of an adaptive average pooling from ``side`` to ``count`` positions."""
    places = np.arange(count)
    last = -(-(places + 1) * side // count) - 1
    return Taps(places * side // count, last, 1, max(1, round(side / count)))


def averaging(taps: Taps, side: int, padding: int | None) -> np.ndarray:
    """Return the matrix ``(out, side)`` of an average pooling along an axis.

    Parameters
    ----------
    padding
        The padding that counts as zeros in the average; None where only the input counts.
    """
    matrix = taps.matrix(side).astype(np.float64)
    if padding is None:
        lengths = matrix.sum(1)
    else:
        lengths = np.minimum(taps.last + 1, side + padding) - taps.first
    return matrix / np.maximum(lengths, 1)[:, None]


def interpolating(count: int, side: int) -> np.ndarray:
    """Return the matrix ``(count, side)`` whose transpose enlarges ``count`` rows to ``side``.

    Linear interpolation between pixel centres, without aligned corners, as torch does it.
    """
    centres = np.maximum((np.arange(side) + 0.5) * count / side - 0.5, 0.0)
    lower = np.minimum(centres.astype(np.int64), count - 1)
    upper = np.minimum(lower + 1, count - 1)
    share = centres - lower
    matrix = np.zeros((count, side))
    np.add.at(matrix, (lower, np.arange(side)), 1.0 - share)
    np.add.at(matrix, (upper, np.arange(side)), share)
    return matrix

"""Which channels of a layer are projected: the strongest by their peaks; needs no torch."""

from dataclasses import dataclass

import numpy as np

from convscope.errors import UserError


@dataclass(frozen=True)
class StrongChannel:
    """A channel with its peak and where that is; a silent channel's peak is zero."""

    channel: int
    peak: float
    row: int
    column: int


def strongest(
    values: np.ndarray, positions: np.ndarray, top: int, layer: str
) -> list[StrongChannel]:
    """Return the channels with the highest peaks, the strongest first.

    Among equal peaks the lower channel wins. A channel that is zero everywhere is as legitimate
    as any other.

    Parameters
    ----------
    values
        The peaks of one layer, ``(C,)``.
    positions
        Row and column of each peak, ``(C, 2)``.
    top
        How many channels.
    layer
        The layer's name, for messages.

    Raises
    ------
    UserError
        If there are fewer channels than ``top``, or a peak is NaN.
    """
    count = len(values)
    if not 1 <= top <= count:
        raise UserError(
            f"{top} strongest channels are asked for, and it has {count}",
            where=f"layer {layer}",
            remedy=f"Set top to a number from 1 to {count}.",
        )
    if np.isnan(values).any():
        raise UserError(
            f"the peak of channel {int(np.isnan(values).argmax())} is NaN",
            where=f"layer {layer}",
            remedy="The weights or the preprocessing do not fit this network: check both.",
        )
    order = np.argsort(-np.asarray(values, dtype=np.float64), kind="stable")[:top]
    return [
        StrongChannel(int(c), float(values[c]), int(positions[c][0]), int(positions[c][1]))
        for c in order
    ]

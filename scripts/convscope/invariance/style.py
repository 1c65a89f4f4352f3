"""The axis of a transform's amounts in the plots of invariance; needs no torch."""

import numpy as np
from matplotlib.axes import Axes

from convscope.invariance.transforms import Transform


def label_amounts(axes: Axes, transform: Transform, *, wide: bool = True) -> None:
    """Set limits, ticks and label of the axis of amounts."""
    kind = transform.kind
    lowest, highest = transform.amounts[0], transform.amounts[-1]
    if lowest < highest:
        axes.set_xlim(lowest, highest)
    if kind.whole_turn and highest - lowest >= kind.whole_turn / 2:
        step = 45 if wide and highest - lowest <= kind.whole_turn else 90
        first = np.ceil(lowest / step) * step
        axes.set_xticks(np.arange(first, highest + step / 2, step))
    axes.set_xlabel(f"{kind.title.lower()} ({kind.unit})" if wide else kind.unit)


def mark_identity(axes: Axes, transform: Transform) -> None:
    """Draw a thin line where the transform changes nothing."""
    neutral = transform.kind.neutral
    if transform.amounts[0] < neutral < transform.amounts[-1]:
        axes.axvline(neutral, color="#B0B0B0", linewidth=1, zorder=0)

"""Colours of maps: even in lightness, the same to people with any colour vision; needs no torch."""

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator

from convscope.figures.canvas import EMPTY, Colour

PROBABILITY = "viridis"
ACTIVITY = "inferno"
CLASSES: tuple[Colour, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)
"""Okabe & Ito's; the first is the class that the maps are of."""
OTHERS: Colour = (150, 150, 150)
HATCH: Colour = (206, 208, 204)
HATCH_STEP = 8
OPACITY = 0.5
"""Of colours over an image; the image below is grey, so that hues are the map's alone."""


@dataclass(frozen=True)
class Scale:
    """Which value has which colour.

    Parameters
    ----------
    table
        Of matplotlib's colour maps.
    low, high
        The values of its ends.
    """

    table: str
    low: float
    high: float

    def colours(self, values: np.ndarray) -> np.ndarray:
        """Return RGB uint8 ``(..., 3)``; values beyond the ends have the colours of the ends."""
        share = (np.nan_to_num(values, nan=self.low) - self.low) / (self.high - self.low)
        places = np.clip(np.rint(share * 255), 0, 255).astype(int)
        return (mpl.colormaps[self.table](np.arange(256), bytes=True)[:, :3])[places]

    def share(self, value: float) -> float:
        """Return where a value lies between the ends, from 0 to 1."""
        return float(np.clip((value - self.low) / (self.high - self.low), 0, 1))

    def ticks(self) -> list[float]:
        """Return round values to print beside a bar, within the ends."""
        found = MaxNLocator(nbins=5).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(v) for v in found if self.low - slack <= v <= self.high + slack]


def scale_from_zero(table: str, values: np.ndarray, clean: float) -> Scale:
    """Return a scale from 0 to 1, 2 or 5 times a power of ten: the least that holds everything."""
    highest = max(float(np.max(values)), clean)
    if not highest > 0:
        return Scale(table, 0.0, 1.0)
    power = 10.0 ** np.floor(np.log10(highest))
    # What differs only by rounding (1.0000001) does not ask for the next step.
    step = next(step for step in (1, 2, 5, 10) if highest <= step * power * (1 + 1e-6))
    return Scale(table, 0.0, float(step * power))


def scale_between(table: str, values: np.ndarray, clean: float) -> Scale:
    """Return a scale with round ends around all values."""
    low = min(float(np.min(values)), clean)
    high = max(float(np.max(values)), clean)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    edges = MaxNLocator(nbins=5).tick_values(low, high)
    return Scale(table, float(edges[0]), float(edges[-1]))


def hatched(height: int, width: int) -> np.ndarray:
    """Return the ground that marks what was not measured, RGB uint8 ``(height, width, 3)``."""
    rows, columns = np.mgrid[:height, :width]
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = EMPTY
    picture[(rows + columns) % HATCH_STEP == 0] = HATCH
    return picture


def laid_over(colours: np.ndarray, pixels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return colours ``(H, W, 3)`` over a grey copy of an image, uint8.

    Parameters
    ----------
    colours
        RGB uint8 ``(H, W, 3)``.
    pixels
        The image, RGB uint8 ``(3, H, W)``.
    where
        Boolean ``(H, W)``: elsewhere the grey copy is paler and has no colour.
    """
    grey = (np.array([0.299, 0.587, 0.114]) @ pixels.reshape(3, -1)).reshape(pixels.shape[1:])
    grey = grey[..., None]
    mixed = np.where(
        where[..., None], OPACITY * colours + (1 - OPACITY) * grey, 0.5 * grey + 0.5 * 255
    )
    return np.rint(mixed).astype(np.uint8)

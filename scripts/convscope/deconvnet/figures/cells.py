"""One unit in a figure: its projection beside or above what it sees, or words where all is zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convscope.deconvnet.table import NOWHERE, ProjectionTable, Row
from convscope.figures.canvas import EMPTY, Canvas
from convscope.figures.contrast import fitted, scale_of, stretched
from convscope.figures.text import number

WAYS = {
    "deconvnet": "deconvnet rectification",
    "guided": "guided backpropagation",
    "gradient": "gradient",
    "switches": "unpooled by switches",
    "interpolate": "unpooled by interpolation",
}


@dataclass(frozen=True, eq=False)
class DrawnUnit:
    """A unit as it is drawn.

    Parameters
    ----------
    row
        Its columns of the table.
    projection
        float32 ``(3, h, w)`` within its box.
    patch
        What it sees, uint8 RGB ``(3, h, w)``.
    words
        Why there is no picture of it; None where there is one.
    """

    row: Row
    projection: np.ndarray
    patch: np.ndarray
    words: str | None

    @property
    def scale(self) -> float:
        """What is drawn white, and with a minus black."""
        return scale_of(self.projection)


def read_unit(table: ProjectionTable, row: Row) -> DrawnUnit:
    """Read what is drawn of a row."""
    projection = table.projection(row)
    words = None if projection.any() else zero_words(row, table.attribute("network_layers"))
    return DrawnUnit(row, projection, table.patch(row), words)


def zero_words(row: Row, network_layers: Sequence[str]) -> str:
    """Say why a projection shows nothing."""
    if 0 in row.shape:
        return "sees no pixel"
    if row.zero_at != NOWHERE:
        return f"rectified to zero at {network_layers[row.zero_at]}"
    return "silent: all zero" if row.activation == 0 else "all zero"


Classes = Mapping[str, Sequence[str]]
"""The names of the channels of layers that have a channel a class."""


def unit_name(row: Row, select: str, names: Sequence[str] = ()) -> str:
    """Return what stands under a unit: its class or channel, or that it is more than one unit."""
    if row.channel == NOWHERE:
        return "whole layer"
    if names:
        return names[row.channel]
    return f"map {row.channel}" if select == "map" else f"ch {row.channel}"


def ways_of(settings: Mapping[str, Any]) -> str:
    """Return in words how projections were made."""
    return f"{WAYS[settings['rule']]}, {WAYS[settings['unpooling']]}"


def draw_projection(canvas: Canvas, left: int, top: int, side: int, unit: DrawnUnit) -> None:
    """Draw a unit's projection in a square, stretched, or the words that stand for it."""
    if unit.words is None:
        canvas.picture(left, top, fitted(stretched(unit.projection), side, EMPTY))
    else:
        canvas.cell(left, top, side, unit.words)


def draw_patch(canvas: Canvas, left: int, top: int, side: int, unit: DrawnUnit) -> None:
    """Draw what a unit sees in a square."""
    if unit.patch.size:
        canvas.picture(left, top, fitted(unit.patch, side, EMPTY))
        canvas.frame(left, top, side)
    else:
        canvas.cell(left, top, side, "no pixel")


def scale_text(unit: DrawnUnit) -> str:
    """Return the contrast scale as printed."""
    return f"±{number(unit.scale)}"


def size_text(unit: DrawnUnit) -> str:
    """Return width and height of what a unit sees."""
    height, width = unit.row.shape[1:]
    return f"{width}×{height} px"

"""A strip of one layer: how units changed in training (Zeiler & Fergus, 2013, Fig. 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convscope.deconvnet.figures.cells import (
    DrawnUnit,
    draw_patch,
    draw_projection,
    scale_text,
)
from convscope.deconvnet.table import NOWHERE
from convscope.figures.canvas import FAINT, Canvas
from convscope.figures.text import line_height, number, wrapped

MARGIN = 24
CELL = 96
STEP = CELL + 12
NAME = 72
ROW = 2 * CELL + 2 + 3 * 14 + 20
LEAST_WIDTH = 640
CAPTION_SIZE = 13
CAPTION = (
    "Each row is one channel, each column the network after that many epochs of training: the "
    "projection from the image that excites the channel most at that time, above what the unit "
    "sees of it. Every projection is stretched around mid-grey by a scale of its own (±). A jump "
    "to another image between epochs is a change of what the channel responds to most."
)


@dataclass(frozen=True, eq=False)
class Change:
    """A channel, its strongest unit at each kept epoch, and the ids of their images by epoch."""

    name: str
    channel: int
    units: Mapping[int, DrawnUnit]
    images: Mapping[int, str]


def epoch_title(epoch: int) -> str:
    """Return the heading of an epoch."""
    return "final weights" if epoch == NOWHERE else f"epoch {epoch}"


def draw_strip(
    title: str, subtitle: str, changes: Sequence[Change], epochs: Sequence[int]
) -> Canvas:
    """Draw a layer's channels through training; the size depends on the two counts alone.

    Parameters
    ----------
    title, subtitle
        Network and layer.
    changes
        The layer's channels.
    epochs
        The columns, in order.
    """
    start = MARGIN + NAME
    width = max(start + len(epochs) * STEP - 12 + MARGIN, LEAST_WIDTH)
    room = width - 2 * MARGIN
    lines = len(wrapped(CAPTION, room, CAPTION_SIZE, lines=100))
    top = MARGIN + 60 + lines * line_height(CAPTION_SIZE)
    first = top + 24
    canvas = Canvas(width, first + len(changes) * ROW + MARGIN - 20)
    canvas.text(MARGIN, MARGIN - 4, title, width=room, size=24, bold=True)
    canvas.text(MARGIN, MARGIN + 28, subtitle, width=room, size=14, colour=FAINT)
    canvas.paragraph(MARGIN, MARGIN + 52, CAPTION, width=room, lines=lines, size=CAPTION_SIZE)
    for column, epoch in enumerate(epochs):
        left = start + column * STEP
        canvas.text(left, top + 4, epoch_title(epoch), width=CELL, size=12, bold=True)
    for row, change in enumerate(changes):
        y = first + row * ROW
        canvas.text(MARGIN, y, change.name, width=NAME - 8, size=13, bold=True)
        for column, epoch in enumerate(epochs):
            _draw_epoch(canvas, change, epoch, (start + column * STEP, y))
    return canvas


def _draw_epoch(canvas: Canvas, change: Change, epoch: int, corner: tuple[int, int]) -> None:
    left, top = corner
    unit = change.units.get(epoch)
    if unit is None:
        canvas.cell(left, top, CELL, "not computed")
        return
    draw_projection(canvas, left, top, CELL, unit)
    draw_patch(canvas, left, top + CELL + 2, CELL, unit)
    below = top + 2 * CELL + 5
    canvas.text(left, below, f"peak {number(unit.row.peak)}", width=CELL)
    canvas.text(left, below + 14, scale_text(unit), width=CELL, colour=FAINT)
    canvas.text(left, below + 28, change.images[epoch], width=CELL, size=10, colour=FAINT)

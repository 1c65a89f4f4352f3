"""A mosaic of one layer: chosen channels over all images (Zeiler & Fergus, 2013, Fig. 2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convscope.deconvnet.figures.cells import DrawnUnit, draw_patch, draw_projection
from convscope.figures.canvas import FAINT, Canvas
from convscope.figures.text import line_height, number, wrapped

MARGIN = 24
CELL = 72
GAP = 2
BETWEEN = 8
"""Pixels between a channel's projections and its patches."""
APART = 28
"""Pixels between channels."""
TITLE = 38
ACROSS = 4
LEAST_WIDTH = 760
CAPTION_SIZE = 13
CAPTION = (
    "Each block is one channel: left the projections of its strongest position in each of the "
    "images that excite it most, right what the unit sees there, in the same order (row by row, "
    "the strongest first). Every projection is stretched around mid-grey by a scale of its own; "
    "± gives the largest and the smallest."
)


@dataclass(frozen=True, eq=False)
class ChannelBlock:
    """A channel and its units in the images that excite it most, the strongest first."""

    name: str
    channel: int
    units: Sequence[DrawnUnit]


def draw_mosaic(title: str, subtitle: str, blocks: Sequence[ChannelBlock], top: int) -> Canvas:
    """Draw the blocks of a layer; the size depends on how many there are, and on ``top``, alone.

    Parameters
    ----------
    title, subtitle
        Network and layer.
    blocks
        The layer's channels.
    top
        Images a channel.
    """
    side = math.ceil(math.sqrt(top))
    grid = side * CELL + (side - 1) * GAP
    wide, high = 2 * grid + BETWEEN + APART, TITLE + grid + APART
    across = max(1, min(ACROSS, len(blocks)))
    width = max(across * wide - APART + 2 * MARGIN, LEAST_WIDTH)
    room = width - 2 * MARGIN
    lines = len(wrapped(CAPTION, room, CAPTION_SIZE, lines=100))
    start = MARGIN + 68 + lines * line_height(CAPTION_SIZE)
    canvas = Canvas(width, start + math.ceil(len(blocks) / across) * high + MARGIN - APART)
    canvas.text(MARGIN, MARGIN - 4, title, width=room, size=24, bold=True)
    canvas.text(MARGIN, MARGIN + 28, subtitle, width=room, size=14, colour=FAINT)
    canvas.paragraph(MARGIN, MARGIN + 52, CAPTION, width=room, lines=lines, size=CAPTION_SIZE)
    for place, block in enumerate(blocks):
        row, column = divmod(place, across)
        corner = MARGIN + column * wide, start + row * high
        _draw_block(canvas, block, corner, (side, top))
    return canvas


def _draw_block(
    canvas: Canvas, block: ChannelBlock, corner: tuple[int, int], shape: tuple[int, int]
) -> None:
    left, start = corner
    side, top = shape
    grid = side * (CELL + GAP) - GAP
    width = 2 * grid + BETWEEN
    canvas.text(left, start, block.name, width=grid, size=13, bold=True)
    peaks = [unit.row.peak for unit in block.units]
    scales = [unit.scale for unit in block.units]
    for line, text in enumerate((f"peaks {_range(peaks)}", f"± {_range(scales)}")):
        place = (left + grid + BETWEEN, start + line * 15)
        canvas.text(*place, text, width=grid, size=11, colour=FAINT)
    images = len({unit.row.image for unit in block.units})
    text = "1 image" if images == 1 else f"{images} images"
    canvas.text(left, start + 17, text, width=width, size=11, colour=FAINT)
    for rank in range(top):
        row, column = divmod(rank, side)
        x, y = left + column * (CELL + GAP), start + TITLE + row * (CELL + GAP)
        if rank >= len(block.units):
            canvas.cell(x, y, CELL, "no more images")
            canvas.cell(x + grid + BETWEEN, y, CELL, "no more images")
            continue
        draw_projection(canvas, x, y, CELL, block.units[rank])
        draw_patch(canvas, x + grid + BETWEEN, y, CELL, block.units[rank])


def _range(values: Sequence[float]) -> str:
    if not values:
        return "none"
    highest, lowest = number(max(values)), number(min(values))
    return highest if lowest == highest else f"{highest} to {lowest}"

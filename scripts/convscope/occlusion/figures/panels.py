"""The panels of a figure: a titled picture, with a bar that says which colour is which value."""

import numpy as np

from convscope.figures.canvas import FAINT, INK, PAPER, Canvas, Colour
from convscope.figures.text import line_height, number
from convscope.occlusion.figures.colours import Scale

SIDE = 280
BAR = 14
GAP = 10
WIDTH = 396
"""From one panel to the next."""
HEAD = 40
"""Height of a panel's title."""
TITLE = 14
TICK = 12


def draw_panel(
    canvas: Canvas, left: int, top: int, title: str, detail: str, picture: np.ndarray
) -> tuple[int, int, int, int]:
    """Draw a titled square picture and return its left, top, width and height.

    Parameters
    ----------
    canvas
        The paper.
    left, top
        The panel's corner.
    title, detail
        Two lines above the picture.
    picture
        RGB uint8 ``(SIDE, SIDE, 3)``.
    """
    below = draw_title(canvas, left, top, title, detail)
    canvas.picture(left, below, picture)
    canvas.frame(left, below, SIDE)
    return left, below, SIDE, SIDE


def draw_title(canvas: Canvas, left: int, top: int, title: str, detail: str) -> int:
    """Write the two lines above a picture and return where the picture begins."""
    width = WIDTH - 2 * GAP
    canvas.text(left, top, title, width=width, size=TITLE, bold=True)
    canvas.text(left, top + 19, detail, width=width, size=TICK, colour=FAINT)
    return top + HEAD


def draw_bar(canvas: Canvas, left: int, top: int, scale: Scale, clean: float) -> None:
    """Draw a scale beside the picture of a panel, with its ticks and the clean image's value.

    Parameters
    ----------
    canvas
        The paper.
    left, top
        The corner of the panel's picture.
    scale
        What it shows.
    clean
        Marked at the bar's left; not where it is NaN.
    """
    start = left + SIDE + GAP + 6
    shares = 1 - (np.arange(SIDE) + 0.5) / SIDE
    column = scale.colours(scale.low + shares * (scale.high - scale.low))
    canvas.picture(start, top, np.repeat(column[:, None], BAR, 1))
    for value in scale.ticks():
        place = _place(top, scale, value)
        canvas.picture(start + BAR, place, filled(1, 5, INK))
        height = line_height(TICK)
        # Text at the ends stays beside the bar.
        text_top = min(max(place - height // 2, top - 3), top + SIDE - height + 2)
        canvas.text(start + BAR + 8, text_top, number(value), width=50, size=TICK)
    if not np.isnan(clean):
        _mark(canvas, start, _place(top, scale, clean))


def filled(height: int, width: int, colour: Colour) -> np.ndarray:
    """Return a picture of one colour."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = colour
    return picture


def _place(top: int, scale: Scale, value: float) -> int:
    return top + min(round((1 - scale.share(value)) * SIDE), SIDE - 1)


def _mark(canvas: Canvas, start: int, place: int) -> None:
    """Draw a triangle that points at the bar, and a white line through it."""
    for step in range(6):
        canvas.picture(start - 7 + step, place - 5 + step, filled(11 - 2 * step, 1, INK))
    canvas.picture(start, place, filled(1, BAR, PAPER))

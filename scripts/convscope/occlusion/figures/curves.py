"""Deletion and insertion curves as a panel; needs no torch."""

import numpy as np

from convscope.figures.canvas import Canvas
from convscope.figures.plots import COLOURS, GREY, axes_at, drawing, figure_of
from convscope.occlusion.figures.panels import SIDE, draw_panel
from convscope.occlusion.figures.subject import Subject
from convscope.occlusion.score_files import ORDERS, WAYS

Box = tuple[int, int, int, int]
DASHES = {"map": "-", "random": (0, (4, 2))}
SMALL = 8


def draw_curves(canvas: Canvas, left: int, top: int, subject: Subject) -> Box | None:
    """Draw the curves of a map and of a random order, if there are any."""
    if subject.curves is None:
        return None
    detail = "probability of the class; area in the legend"
    picture = _picture(subject.curves, subject.shares)
    return draw_panel(canvas, left, top, "Deletion and insertion", detail, picture)


def curve_label(way: str, order: str, curve: np.ndarray, shares: np.ndarray) -> str:
    """Return what a curve is and the area under it."""
    words = way if order == "map" else f"{way}, random"
    return f"{words} {np.trapezoid(curve, shares):.2f}"


def _picture(curves: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the plot, RGB uint8 ``(SIDE, SIDE, 3)``."""
    with drawing():
        figure = figure_of(SIDE, SIDE)
        axes = axes_at(figure, 36, 10, SIDE - 50, SIDE - 52)
        for order, lines in zip(ORDERS, curves, strict=True):
            for way, colour, line in zip(WAYS, COLOURS, lines, strict=False):
                axes.plot(
                    shares,
                    line,
                    linestyle=DASHES[order],
                    color=colour,
                    linewidth=1.8 if order == "map" else 1.1,
                    label=curve_label(way, order, line, shares),
                )
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.02, 1.02)
        axes.tick_params(labelsize=SMALL, colors=GREY)
        axes.set_xlabel("share of the pixels", fontsize=SMALL)
        axes.legend(fontsize=SMALL, loc="best", frameon=True, framealpha=0.8, edgecolor="none")
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()

"""Seconds against localisation of several patches and strides, as one figure; needs no torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from convscope.figures.plots import (
    COLOURS,
    axes_at,
    colours_of,
    drawing,
    figure_of,
    shortened,
    write_figure,
)

SIZE = (1500, 560)
MARKERS = "osD^vP*X<>"
PANELS = (
    ("positions_evaluated", "seconds", "positions evaluated", "seconds an image"),
    ("seconds", "share_over_uniform", "seconds an image", "drop on the object / by chance"),
    ("seconds", "intersection_over_union", "seconds an image", "intersection over union"),
)
"""Column across, column upwards, and their titles."""


def draw_trade_off(rows: Sequence[Mapping[str, str]], path: str | Path) -> tuple[int, int]:
    """Draw points of networks (colours) and occluders (shapes), and return width and height.

    Parameters
    ----------
    rows
        As ``convscope.occlusion.trade_off.read_trade_off`` gives them.
    path
        Of the PNG.
    """
    networks = list(dict.fromkeys(row["network"] for row in rows))
    occluders = list(dict.fromkeys(row["occluder"] for row in rows))
    colours = dict(zip(networks, colours_of(len(networks)), strict=True))
    markers = {name: MARKERS[n % len(MARKERS)] for n, name in enumerate(occluders)}
    with drawing():
        figure = figure_of(*SIZE)
        for place, panel in enumerate(PANELS):
            axes = axes_at(figure, 90 + place * 425, 30, 320, 440)
            _draw_panel(axes, rows, panel, colours, markers)
        legend = axes_at(figure, 1300, 30, 180, 440)
        legend.axis("off")
        for name in networks:
            legend.plot([], [], "-", color=colours[name], linewidth=5, label=shortened(name))
        for name in occluders:
            legend.plot(
                [], [], markers[name], color=COLOURS[-1], markersize=9, label=shortened(name)
            )
        legend.legend(loc="upper left", borderaxespad=0)
        write_figure(figure, path)
    return SIZE


def _draw_panel(
    axes: Axes,
    rows: Sequence[Mapping[str, str]],
    panel: tuple[str, str, str, str],
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> None:
    across, upwards, title_across, title_upwards = panel
    drawn = 0
    for row in rows:
        if row[across] and row[upwards]:
            x, y = float(row[across]), float(row[upwards])
            marker, colour = markers[row["occluder"]], colours[row["network"]]
            axes.plot([x], [y], marker, color=colour, markersize=10, markeredgecolor="white")
            drawn += 1
    axes.set_xlabel(title_across)
    axes.set_ylabel(title_upwards)
    if not drawn:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no scene's score is defined", ha="center", transform=axes.transAxes)
        return
    axes.margins(0.12)
    _logarithmic(axes, "x")
    if upwards == "seconds":
        _logarithmic(axes, "y")
    else:
        axes.set_ylim(bottom=0, top=1.08 * axes.dataLim.y1)


def _logarithmic(axes: Axes, side: str) -> None:
    """Make an axis logarithmic, with plain numbers at 1, 2 and 5 times powers of ten."""
    axes.set(**{f"{side}scale": "log"})
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())

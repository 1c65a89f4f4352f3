"""The values of a figure and where they stand in its picture, for a page to show them on hovering.

Needs no torch.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from convscope.figures.plots import CURVE, DPI


def hover_map(figure: Figure) -> dict[str, Any]:
    """Return size and plots of a figure as plain values.

    Returns
    -------
    dict
        ``width, height`` in pixels and ``plots``, a list of dicts: ``left, top, width, height`` of
        the plot in pixels from the picture's top left corner, ``limits`` (lowest and highest
        amount, lowest and highest value), ``title``, ``ordinate``, ``abscissa``, and ``lines``: a
        list of ``{"name", "colour", "amounts", "values"}`` with four digits, None for no value.
    """
    width, height = (figure.get_size_inches() * DPI).round().astype(int).tolist()
    plots = [_plot(axes, width, height) for axes in figure.axes]
    return {"width": width, "height": height, "plots": [plot for plot in plots if plot["lines"]]}


def _plot(axes: Axes, width: int, height: int) -> dict[str, Any]:
    place = axes.get_position()
    return {
        "left": round(place.x0 * width),
        "top": round((1 - place.y1) * height),
        "width": round(place.width * width),
        "height": round(place.height * height),
        "limits": [*map(_short, axes.get_xlim()), *map(_short, axes.get_ylim())],
        "title": axes.get_title(),
        "ordinate": axes.get_ylabel(),
        "abscissa": axes.get_xlabel(),
        "lines": [
            {
                "name": line.get_label(),
                "colour": to_hex(line.get_color()),
                "amounts": [_short(amount) for amount in line.get_xdata()],
                "values": [_short(value) for value in line.get_ydata()],
            }
            for line in axes.lines
            if line.get_gid() == CURVE
        ],
    }


def _short(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.4g}")

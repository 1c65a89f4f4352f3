"""Score and probability of a class against the steps, a line a preset."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from convscope.figures.hover import hover_map
from convscope.figures.plots import (
    CURVE,
    axes_at,
    colours_of,
    drawing,
    figure_of,
    style_of,
    write_figure,
    write_text_at,
)
from convscope.synthesis.figures.titles import preset_rows, title_of
from convscope.synthesis.storage import Maximisation

WIDTH, HEIGHT = 1180, 430
LEFT, TOP, PLOT, TALL, GAP = 74, 58, 380, 310, 84


def draw_curves(path: str | Path, network: str, made: Maximisation, *, seed: int) -> dict[str, Any]:
    """Draw the score (its axis is linear near zero, then logarithmic) and the probability.

    Parameters
    ----------
    path
        The PNG.
    network
        The network's name.
    made
        What it made.
    seed
        Which of the seeds.

    Returns
    -------
    dict
        The values and where they stand, as ``convscope.figures.hover`` gives them.
    """
    presets = [name for row in preset_rows(made.presets) for name in row]
    places = [(name, row) for name in presets if (row := made.place(name, seed)) is not None]
    colours = colours_of(len(places))
    with drawing():
        figure = figure_of(WIDTH, HEIGHT)
        heading = f"{network}: {made.class_name}, score and probability by step (seed {seed})"
        write_text_at(figure, 20, 14, heading, fontsize=14, fontweight="bold")
        scores = axes_at(figure, LEFT, TOP, PLOT, TALL)
        chances = axes_at(figure, LEFT + PLOT + GAP, TOP, PLOT, TALL)
        lines = []
        for place, (name, row) in enumerate(places):
            title = title_of(name, made.presets[name])
            look = {"color": colours[place], "linestyle": style_of(place), "label": title}
            _line(scores, made.score[row], look)
            _line(chances, made.probability[row], look)
            lines.append(Line2D([], [], **look))
        scores.set_yscale("symlog", linthresh=10)
        scores.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        scores.set_ylabel(f"score ({made.objective['layer']})")
        chances.set_ylabel("probability of the class")
        chances.set_ylim(-0.02, 1.02)
        for axes in (scores, chances):
            axes.set_xlabel("step")
            axes.set_xlim(0, made.score.shape[1] - 1)
        figure.legend(
            handles=lines,
            loc="upper left",
            bbox_to_anchor=((LEFT + 2 * PLOT + GAP + 20) / WIDTH, 1 - TOP / HEIGHT),
        )
        write_figure(figure, path)
    return hover_map(figure)


def _line(axes: Axes, values: np.ndarray, look: dict[str, object]) -> None:
    axes.plot(np.arange(len(values)), values, linewidth=1.5, gid=CURVE, **look)

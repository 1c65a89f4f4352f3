"""Means over images with their 95 % bootstrap bands, for one network or several; no torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from convscope.figures.plots import (
    CURVE,
    axes_at,
    colours_of,
    drawing,
    figure_of,
    style_of,
    write_text_at,
)
from convscope.invariance.bands import FEWEST, mean_with_band
from convscope.invariance.gather import NetworkCurves
from convscope.invariance.storage import Curves
from convscope.invariance.style import label_amounts, mark_identity
from convscope.invariance.summary import reference_of

LEFT, TOP, RIGHT = 84, 96, 26
PLOT_WIDTH, PLOT_HEIGHT = 352, 240
COLUMN, ROW = PLOT_WIDTH + 88, PLOT_HEIGHT + 82
LINE_HEIGHT = 24
NAMES_IN_A_ROW = 3
BAND_OPACITY = 0.18


@dataclass(frozen=True, eq=False)
class Line:
    """The mean of values ``(N, A)`` over the amounts of ``curves``, and the reference or NaN."""

    name: str
    curves: Curves
    values: np.ndarray
    colour: str
    style: object
    reference: float = float("nan")


@dataclass(frozen=True, eq=False)
class Column:
    """Plots of one kind: ``lines(transform)`` gives what one row of it shows.

    The ordinate ends at ``highest``, or above all that is drawn where that is None.
    """

    title: str
    ordinate: str
    lines: Callable[[str], list[Line]]
    highest: float | None = None


def draw_summary(curves: NetworkCurves) -> Figure:
    """Draw one network: mean distances of its layers, mean probability, share whose class holds.

    A band holds 95 % of the bootstrapped means over images; below 8 images there is none. Dotted
    lines are the means between unrelated images of the run.
    """
    measured = curves.measured
    colours = colours_of(len(measured.layers))

    def distances(transform: str) -> list[Line]:
        found = _curves(curves, transform)
        return [
            Line(
                measured.layers[layer]["common_name"],
                found,
                found.relative_distance[:, :, layer],
                colour,
                style_of(layer),
                reference_of(measured, layer),
            )
            for layer, colour in enumerate(colours)
        ]

    columns = [
        Column("Distance to the image itself", "relative distance", distances),
        *_prediction_columns([curves], ["#000000"]),
    ]
    title = f"{curves.network}: mean over {len(measured.ids)} images"
    names = [f"{layer['common_name']} ({layer['role']})" for layer in measured.layers]
    rows = [found.transform.name for found in measured.curves]
    return _draw(title, [curves], rows, columns, dict(zip(names, colours, strict=True)))


def draw_networks(curves: Sequence[NetworkCurves]) -> Figure:
    """Draw several networks over each other: bottom layer, top layer, prediction.

    Bands and dotted lines as in ``draw_summary``. Only transforms that all of them have are drawn.

    Raises
    ------
    ValueError
        If there is no network, or if they have no transform in common.
    """
    names = [[found.transform.name for found in entry.measured.curves] for entry in curves]
    rows = [name for name in names[0] if all(name in others for others in names)] if names else []
    if not rows:
        raise ValueError("there is no transform that all networks have")
    colours = colours_of(len(curves))
    columns = [
        Column("Bottom layer", "relative distance", _distances_at(curves, colours, 0)),
        Column("Top layer", "relative distance", _distances_at(curves, colours, -1)),
        *_prediction_columns(curves, colours),
    ]
    counts = sorted({len(entry.measured.ids) for entry in curves})
    images = f"{counts[0]} images" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} images"
    keys = {_key(entry): colour for entry, colour in zip(curves, colours, strict=True)}
    return _draw(f"Networks side by side: mean over {images}", curves, rows, columns, keys)


def _key(entry: NetworkCurves) -> str:
    layers = entry.measured.layers
    return f"{entry.network} ({layers[0]['common_name']}, {layers[-1]['common_name']})"


def _distances_at(
    curves: Sequence[NetworkCurves], colours: Sequence[str], layer: int
) -> Callable[[str], list[Line]]:
    def lines(transform: str) -> list[Line]:
        return [
            Line(
                entry.network,
                found := _curves(entry, transform),
                found.relative_distance[:, :, layer],
                colour,
                style_of(place),
                reference_of(entry.measured, layer),
            )
            for place, (entry, colour) in enumerate(zip(curves, colours, strict=True))
        ]

    return lines


def _prediction_columns(curves: Sequence[NetworkCurves], colours: Sequence[str]) -> list[Column]:
    def lines_of(values: Callable[[NetworkCurves, Curves], np.ndarray]) -> Callable:
        return lambda transform: [
            Line(entry.network, found, values(entry, found), colour, style_of(place))
            for place, (entry, colour) in enumerate(zip(curves, colours, strict=True))
            for found in [_curves(entry, transform)]
        ]

    probability = lines_of(lambda _, found: found.probability)
    held = lines_of(lambda e, found: (found.predicted == e.measured.clean_class[:, None]) * 1.0)
    return [
        Column("Probability of the true class", "probability", probability, 1.02),
        Column("Images whose predicted class holds", "share of images", held, 1.02),
    ]


def _curves(entry: NetworkCurves, name: str) -> Curves:
    return next(found for found in entry.measured.curves if found.transform.name == name)


def _draw(
    title: str,
    curves: Sequence[NetworkCurves],
    rows: Sequence[str],
    columns: Sequence[Column],
    names: dict[str, str],
) -> Figure:
    foot = LINE_HEIGHT * (2 + -(-len(names) // NAMES_IN_A_ROW))
    width = LEFT + len(columns) * COLUMN - (COLUMN - PLOT_WIDTH) + RIGHT
    with drawing():
        figure = figure_of(width, TOP + len(rows) * ROW + foot)
        write_text_at(figure, 20, 14, title, fontsize=16)
        for row, name in enumerate(rows):
            for place, column in enumerate(columns):
                left, top = LEFT + place * COLUMN, TOP + row * ROW
                axes = axes_at(figure, left, top, PLOT_WIDTH, PLOT_HEIGHT)
                _draw_plot(axes, column, name)
                if row == 0:
                    axes.set_title(column.title, pad=12)
        _write_foot(figure, curves, names, foot)
    return figure


def _draw_plot(axes: Axes, column: Column, transform: str) -> None:
    lines = column.lines(transform)
    tops = [0.0]
    for line in lines:
        tops += list(_draw_line(axes, line))
    mark_identity(axes, lines[0].curves.transform)
    label_amounts(axes, lines[0].curves.transform)
    axes.set_ylim(0, column.highest or 1.06 * max(tops) or 1)
    axes.set_ylabel(column.ordinate)


def _draw_line(axes: Axes, line: Line) -> Iterator[float]:
    """Draw a line with its band and reference; yield how high each reaches."""
    amounts = line.curves.transform.amounts
    band = mean_with_band(line.values)
    if band.images:
        named = {"label": line.name, "gid": CURVE}
        axes.plot(amounts, band.mean, color=line.colour, linestyle=line.style, **named)
        yield float(band.mean.max())
    if band.low is not None and band.high is not None:
        axes.fill_between(
            amounts, band.low, band.high, color=line.colour, alpha=BAND_OPACITY, linewidth=0
        )
        yield float(band.high.max())
    if not np.isnan(line.reference):
        axes.axhline(line.reference, color=line.colour, linestyle=":", linewidth=1.6, zorder=1)
        yield line.reference


def _write_foot(
    figure: Figure, curves: Sequence[NetworkCurves], names: dict[str, str], foot: int
) -> None:
    width, height = figure.get_size_inches() * figure.dpi
    fewest = min(len(entry.measured.ids) for entry in curves)
    band = f"no band below {FEWEST} images"
    if fewest >= FEWEST:
        band = "band: 95 % bootstrap over images"
    text = "Relative distance: over the norm of the clean feature. Dotted: between unrelated images"
    write_text_at(figure, 20, height - foot + 4, f"{text}; {band}.", color="#404040")
    handles = [
        Line2D([], [], color=colour, linestyle=style_of(place), label=name)
        for place, (name, colour) in enumerate(names.items())
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(20 / width - 0.006, (foot - LINE_HEIGHT) / height),
        ncols=NAMES_IN_A_ROW,
        handlelength=3.2,
    )

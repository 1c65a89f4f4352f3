"""How plots look and where their parts stand, and their files, equal byte by byte; no torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from convscope.files import replacing

DPI = 100
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's, which people with any colour vision tell apart; without yellow, too pale here."""
STYLES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2)), "-", "-")
"""Dashes tell neighbours apart where colours can't (a grey print)."""
GREY = "#767676"
DEPTHS = "viridis"
"""The scale for more lines than ``COLOURS``: evenly lit, from dark at the bottom to light."""
CURVE = "curve"
"""The id of lines that hold measured values, for ``convscope.figures.hover``."""
SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "lines.linewidth": 1.8,
    "text.parse_math": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the block with these settings, whatever the user's own are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def colours_of(count: int) -> list[str]:
    """Return a colour for each of ``count`` lines."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    scale = mpl.colormaps[DEPTHS]
    return [to_hex(scale(0.9 * place / (count - 1))) for place in range(count)]


def style_of(place: int) -> object:
    """Return the dashes of a line by its place among others."""
    return STYLES[place % len(STYLES)]


def figure_of(width: int, height: int) -> Figure:
    """Return an empty figure of so many pixels."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place in pixels from the figure's top left corner."""
    whole_width, whole_height = figure.get_size_inches() * DPI
    bottom = whole_height - top - height
    place = (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    return figure.add_axes(place)


def write_text_at(figure: Figure, left: float, top: float, text: str, **options: object) -> None:
    """Write text at a place in pixels from the figure's top left corner."""
    width, height = figure.get_size_inches() * DPI
    options = {"ha": "left", "va": "top", **options}
    figure.text(left / width, 1 - top / height, text, **options)


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a PNG of the figure's own size, without software, version or time in it."""
    with drawing(), replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})


def shortened(text: str, longest: int = 26) -> str:
    """Return a text that fits, with an ellipsis where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

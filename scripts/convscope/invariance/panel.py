"""The panel of Zeiler & Fergus (2013), Fig. 5: a row a transform, one line an image; no torch.

Columns: examples of the transformed images; the distance at the bottom layer; at the top layer;
the probability of the true class.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convscope.figures.plots import (
    COLOURS,
    CURVE,
    GREY,
    STYLES,
    axes_at,
    drawing,
    figure_of,
    shortened,
    write_text_at,
)
from convscope.invariance.examples import contact_sheet, example_amounts
from convscope.invariance.extent import extent_of
from convscope.invariance.gather import NetworkCurves
from convscope.invariance.storage import Curves
from convscope.invariance.style import label_amounts, mark_identity
from convscope.invariance.summary import reference_of

MOST_IMAGES = 7
FIGURE_5 = ("vertical_translation", "scale", "rotation")
QUANTITIES = {
    "relative_distance": "relative distance",
    "distance": "Euclidean distance",
    "cosine_similarity": "cosine similarity",
}
LEFT, TOP, ROW, PLOT = 20, 96, 352, 272
EXAMPLES, COLUMN, GAP = 424, 330, 78
LEGEND = 110
STRIP = 7
NOTES = (
    "Relative distance: Euclidean distance over the norm of the clean feature. Dashed grey: mean "
    "between unrelated images. Bars: where the predicted class is the image's own; crosses: where "
    "it first changes."
)


def draw_panel(
    curves: NetworkCurves,
    *,
    images: Sequence[str],
    pixels: Sequence[np.ndarray],
    mean_rgb: Sequence[float],
    class_names: Sequence[str],
    transforms: Sequence[str] | None = None,
    quantity: str = "relative_distance",
) -> Figure:
    """Draw one line an image over the amounts of each transform.

    Each plot of distances has a dashed line: the mean between unrelated images of the run. Under
    the probabilities a bar an image is filled where the predicted class is that of the image
    itself, so its ends are the amounts at which the class changes; crosses mark the first of them
    from the identity outwards. Images without a label show their own class's probability.

    Parameters
    ----------
    curves
        One network's measures.
    images
        At most 7 ids.
    pixels
        Their prepared pixels, uint8 ``(3, S, S)`` each.
    mean_rgb
        For the fill ``mean``: three values in [0, 1].
    class_names
        The network's classes in the order of its logits.
    transforms
        The rows; by default those of the paper, as far as they were measured.
    quantity
        ``relative_distance``, ``distance`` or ``cosine_similarity``.

    Raises
    ------
    ValueError
        If there are no images or too many, or an id, transform or quantity is unknown.
    """
    if not 1 <= len(images) <= MOST_IMAGES or len(pixels) != len(images):
        raise ValueError(f"1 to {MOST_IMAGES} images with their pixels, not {len(images)}")
    if quantity not in QUANTITIES:
        raise ValueError(f"unknown quantity {quantity!r}")
    places = [curves.measured.ids.index(image) for image in images]
    rows = _rows(curves, transforms)
    width = LEFT + EXAMPLES + 3 * (COLUMN + GAP) + 18
    with drawing():
        figure = figure_of(width, TOP + len(rows) * ROW + LEGEND)
        write_text_at(
            figure,
            LEFT,
            14,
            f"{curves.network}: transformed images against the image itself",
            fontsize=16,
        )
        for row, found in enumerate(rows):
            top = TOP + row * ROW
            _draw_examples(figure, curves, found, pixels, mean_rgb, top)
            _draw_row(figure, curves, found, places, quantity, row)
        _draw_legend(figure, curves, images, places, class_names)
    return figure


def _rows(curves: NetworkCurves, names: Sequence[str] | None) -> list[Curves]:
    known = {found.transform.name: found for found in curves.measured.curves}
    if names is not None:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"not measured: {', '.join(unknown)}")
        return [known[name] for name in names]
    return [known[name] for name in FIGURE_5 if name in known] or list(known.values())


def _draw_examples(
    figure: Figure,
    curves: NetworkCurves,
    found: Curves,
    pixels: Sequence[np.ndarray],
    mean_rgb: Sequence[float],
    top: float,
) -> None:
    transform = found.transform
    amounts = example_amounts(transform)
    label_width = 64
    side = min(
        (PLOT - 3 * len(amounts)) // (len(amounts) + 1),
        (EXAMPLES - label_width - 3 * len(pixels)) // max(len(pixels), 4),
    )
    sheet = contact_sheet(
        pixels,
        transform,
        fill=curves.measured.fill,
        mean_rgb=mean_rgb,
        colours=COLOURS,
        side=side,
    )
    write_text_at(figure, LEFT, top - 26, transform.kind.title, fontsize=13, weight="bold")
    axes = axes_at(figure, LEFT + label_width, top, sheet.shape[1], sheet.shape[0])
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    for row, text in enumerate(["image", *(f"{amount:g}" for amount in amounts)]):
        middle = top + row * (side + 3) + side / 2
        write_text_at(figure, LEFT + label_width - 8, middle, text, ha="right", va="center")


def _draw_row(
    figure: Figure,
    curves: NetworkCurves,
    found: Curves,
    places: Sequence[int],
    quantity: str,
    row: int,
) -> None:
    layers = curves.measured.layers
    top = TOP + row * ROW
    shown = list(dict.fromkeys([0, len(layers) - 1]))
    names = [curves.measured.ids[place] for place in places]
    for column, layer in enumerate(shown):
        left = LEFT + EXAMPLES + GAP - 10 + column * (COLUMN + GAP)
        axes = axes_at(figure, left, top, COLUMN, PLOT)
        values = getattr(found, quantity)[places, :, layer]
        _draw_lines(axes, found, values, names)
        _draw_reference(axes, reference_of(curves.measured, layer, quantity), quantity)
        if row == 0:
            axes.set_title(_layer_title(layers[layer]), pad=10)
        axes.set_ylabel(QUANTITIES[quantity] if column == 0 else "")
    left = LEFT + EXAMPLES + GAP - 10 + len(shown) * (COLUMN + GAP)
    _draw_probabilities(figure, curves, found, places, (left, top), row)


def _draw_probabilities(
    figure: Figure,
    curves: NetworkCurves,
    found: Curves,
    places: Sequence[int],
    corner: tuple[float, float],
    row: int,
) -> None:
    left, top = corner
    strip = STRIP * len(places) + 4
    axes = axes_at(figure, left, top, COLUMN, PLOT - strip)
    values = found.probability[places]
    _draw_lines(axes, found, values, [curves.measured.ids[place] for place in places])
    _draw_crosses(axes, curves, found, places)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("")
    axes.tick_params(axis="x", labelbottom=False, length=0)
    axes.spines["bottom"].set_visible(False)
    if row == 0:
        axes.set_title("Probability of the true class", pad=10)
    bars = axes_at(figure, left, top + PLOT - strip, COLUMN, strip)
    _draw_bars(bars, curves, found, places)


def _draw_lines(axes: Axes, found: Curves, values: np.ndarray, names: Sequence[str]) -> None:
    amounts = found.transform.amounts
    marker = "o" if len(amounts) == 1 else None
    for line, (curve, name) in enumerate(zip(values, names, strict=True)):
        look = {"color": COLOURS[line], "linestyle": STYLES[line], "marker": marker}
        axes.plot(amounts, curve, label=name, gid=CURVE, **look)
    mark_identity(axes, found.transform)
    label_amounts(axes, found.transform, wide=False)
    if (values >= 0).all():
        axes.set_ylim(bottom=0)


def _draw_reference(axes: Axes, reference: float, quantity: str) -> None:
    if np.isnan(reference):
        return
    axes.axhline(reference, color=GREY, linestyle="--", linewidth=1.4, zorder=1)
    if quantity != "cosine_similarity":
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.06 * reference))


def _draw_crosses(axes: Axes, curves: NetworkCurves, found: Curves, places: Sequence[int]) -> None:
    extent = extent_of(
        found.transform, found.predicted[places], curves.measured.clean_class[places]
    )
    amounts = np.array(found.transform.amounts)
    for line, place in enumerate(places):
        for change in (extent.first_change_below[line], extent.first_change_above[line]):
            height = found.probability[place][amounts == change]
            axes.plot(
                [change] * len(height),
                height,
                marker="X",
                markersize=8,
                color=COLOURS[line],
                markeredgecolor="white",
                clip_on=False,
                zorder=4,
            )


def _draw_bars(axes: Axes, curves: NetworkCurves, found: Curves, places: Sequence[int]) -> None:
    amounts = np.array(found.transform.amounts)
    middles = (amounts[1:] + amounts[:-1]) / 2
    edges = np.concatenate([amounts[:1], middles, amounts[-1:]])
    for line, place in enumerate(places):
        held = found.predicted[place] == curves.measured.clean_class[place]
        axes.broken_barh(
            [(edges[i], edges[i + 1] - edges[i]) for i in np.flatnonzero(held)],
            (-line - 0.85, 0.7),
            facecolor=COLOURS[line],
        )
    axes.set_ylim(-len(places) - 0.4, 0.2)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.set_ylabel("class\nholds", rotation=0, ha="right", va="center", fontsize=9.5, labelpad=4)
    label_amounts(axes, found.transform, wide=False)


def _draw_legend(
    figure: Figure,
    curves: NetworkCurves,
    images: Sequence[str],
    places: Sequence[int],
    class_names: Sequence[str],
) -> None:
    handles = []
    for line, (image, place) in enumerate(zip(images, places, strict=True)):
        label = curves.measured.labels[place]
        own = f"no label; own class {class_names[curves.measured.clean_class[place]]}"
        true = own if label is None else class_names[label]
        text = shortened(f"{image} ({true})", 46)
        handles.append(
            figure.axes[0].plot([], [], color=COLOURS[line], linestyle=STYLES[line], label=text)[0]
        )
    width, height = figure.get_size_inches() * figure.dpi
    write_text_at(figure, LEFT, height - LEGEND + 14, NOTES, color="#404040")
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(LEFT / width - 0.004, (LEGEND - 38) / height),
        ncols=3,
        handlelength=3.2,
        columnspacing=1.6,
    )


def _layer_title(layer: Mapping[str, Any]) -> str:
    role = {"bottom": "Bottom layer", "top": "Top layer"}[layer["role"]]
    return f"{role}: {layer['common_name']}"

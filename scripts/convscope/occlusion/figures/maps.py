"""The maps of one image as panels; needs no torch."""

import numpy as np
from PIL import Image

from convscope.figures.canvas import Canvas, Colour, outlined
from convscope.figures.contrast import scale_of, stretched
from convscope.figures.text import number
from convscope.occlusion.figures.colours import (
    ACTIVITY,
    CLASSES,
    OTHERS,
    PROBABILITY,
    hatched,
    laid_over,
    scale_between,
    scale_from_zero,
)
from convscope.occlusion.figures.panels import (
    GAP,
    HEAD,
    SIDE,
    WIDTH,
    draw_bar,
    draw_panel,
    draw_title,
    filled,
)
from convscope.occlusion.figures.places import enlarged, measured, nearest
from convscope.occlusion.figures.subject import NAMED, Subject
from convscope.occlusion.figures.words import SATURATED, probability_text, share_text
from convscope.occlusion.grid import at_pixels

Box = tuple[int, int, int, int]
LEGEND = 13
"""Size of the letters of a legend."""
SWATCH = 16


def _masked(subject: Subject, colours: np.ndarray) -> np.ndarray:
    """Return colours ``(H, W, 3)`` enlarged, with a hatched ground where nothing was measured."""
    where = enlarged(measured(subject.maps.grid), SIDE)
    return np.where(where[..., None], enlarged(colours, SIDE), hatched(SIDE, SIDE))


def draw_image(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the image with the patch that takes most away."""
    factor = SIDE / subject.maps.grid.image[0]
    box = tuple(side * factor for side in subject.maps.grid.box(*subject.lowest))
    picture = outlined(_large(subject.pixels), [box])
    lowest = probability_text(float(subject.probability.min()))
    return draw_panel(
        canvas, left, top, "Image", f"patch where the probability is lowest: {lowest}", picture
    )


def draw_probability(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the map of the probability, a cell as large as its stride."""
    scale = scale_from_zero(PROBABILITY, subject.probability, subject.clean)
    colours = scale.colours(nearest(subject.probability, subject.maps.grid))
    box = draw_panel(
        canvas, left, top, "Probability", f"of {subject.name}", _masked(subject, colours)
    )
    draw_bar(canvas, box[0], box[1], scale, subject.clean)
    return box


def draw_smoothed(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the smoothed map."""
    scale = scale_from_zero(PROBABILITY, subject.probability, subject.clean)
    colours = scale.colours(at_pixels(subject.smooth, subject.maps.grid))
    detail = f"Gaussian, σ = {subject.sigma:g} × the stride; linear between cells"
    box = draw_panel(canvas, left, top, "Smoothed probability", detail, _masked(subject, colours))
    draw_bar(canvas, box[0], box[1], scale, subject.clean)
    return box


def draw_overlay(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the smoothed map over the image."""
    scale = scale_from_zero(PROBABILITY, subject.probability, subject.clean)
    grid = subject.maps.grid
    colours = enlarged(scale.colours(at_pixels(subject.smooth, grid)), SIDE)
    image = _large(subject.pixels).transpose(2, 0, 1)
    picture = laid_over(colours, image, enlarged(measured(grid), SIDE))
    detail = "smoothed; pale where not measured"
    box = draw_panel(canvas, left, top, "Probability over the image", detail, picture)
    draw_bar(canvas, box[0], box[1], scale, subject.clean)
    return box


def draw_log_odds(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the map of the logarithm of the odds."""
    values, clean = subject.log_odds, subject.clean_log_odds
    scale = scale_between(PROBABILITY, values, clean)
    colours = scale.colours(nearest(values, subject.maps.grid))
    detail = "ln(p / (1 − p)): also shows what p near 0 or 1 hides"
    if subject.clean >= SATURATED:
        detail = f"ln(p / (1 − p)); the clean p is {probability_text(subject.clean)}"
    box = draw_panel(canvas, left, top, "Log-odds", detail, _masked(subject, colours))
    draw_bar(canvas, box[0], box[1], scale, clean)
    return box


def draw_activity(canvas: Canvas, left: int, top: int, subject: Subject) -> Box | None:
    """Draw the total activation of the strongest feature map, if there is one."""
    maps, title = subject.maps, "Strongest feature map"
    if maps.channel is None:
        below = draw_title(canvas, left, top, title, "of the last convolution")
        canvas.cell(left, below, SIDE, "no ReLU follows the last convolution")
        return None
    scale = scale_between(ACTIVITY, np.append(maps.activity, 0), maps.clean_activity)
    colours = scale.colours(nearest(maps.activity.astype(np.float64), maps.grid))
    detail = f"total activation of channel {maps.channel}, last convolution"
    box = draw_panel(canvas, left, top, title, detail, _masked(subject, colours))
    draw_bar(canvas, box[0], box[1], scale, maps.clean_activity)
    return box


def draw_classes(canvas: Canvas, left: int, top: int, subject: Subject) -> Box:
    """Draw the most probable class at each position, and the legend to the right of it."""
    found = subject.classes()
    free = CLASSES[0 if found[0].index == subject.index else 1 :]
    named = found if len(found) <= NAMED else found[: NAMED - 1]
    legend = list(zip(free, named, strict=False))
    colours = np.empty((len(subject.names), 3), np.uint8)
    colours[:] = OTHERS
    for colour, entry in legend:
        colours[entry.index] = colour
    picture = nearest(colours[subject.maps.class_map], subject.maps.grid)
    many = "one class everywhere" if len(found) == 1 else f"{len(found)} classes"
    box = draw_panel(canvas, left, top, "Most probable class", many, _masked(subject, picture))
    lines = [(colour, entry.name, entry.share) for colour, entry in legend]
    rest = found[len(legend) :]
    if rest:
        lines.append((OTHERS, f"{len(rest)} other classes", sum(entry.share for entry in rest)))
    _legend(canvas, left + SIDE + 2 * GAP, top, lines)
    return box


def draw_feature(canvas: Canvas, left: int, top: int, subject: Subject) -> Box | None:
    """Draw the projection of the strongest feature map (Fig. 7c), if it was made; grey is zero."""
    feature = subject.projection
    if feature is None:
        return None
    title = "Strongest feature map, projected"
    if feature.words is not None:
        below = draw_title(canvas, left, top, title, "")
        canvas.cell(left, below, SIDE, feature.words)
        return None
    picture = stretched(feature.pixels).transpose(1, 2, 0)
    detail = f"deconvnet, channel {subject.maps.channel}, ±{number(scale_of(feature.pixels))}"
    return draw_panel(canvas, left, top, title, detail, enlarged(picture, SIDE))


def _legend(canvas: Canvas, left: int, top: int, lines: list[tuple[Colour, str, float]]) -> None:
    """Write names and shares of positions beside patches of colour."""
    canvas.text(left, top, "Classes and their share of positions", width=WIDTH, size=14, bold=True)
    top += HEAD
    for colour, name, share in lines:
        canvas.picture(left, top, filled(SWATCH, SWATCH, colour))
        words = f"{name}: {share_text(share)}"
        room = WIDTH - SWATCH - 32
        below = canvas.paragraph(left + SWATCH + 8, top, words, width=room, lines=2, size=LEGEND)
        top = max(round(below), top + SWATCH) + 8


def _large(pixels: np.ndarray) -> np.ndarray:
    """Return an image ``(3, H, W)`` as a smooth square ``(SIDE, SIDE, 3)``."""
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))

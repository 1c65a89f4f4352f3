"""The figure of one image: all panels and the words around them; needs no torch."""

from convscope.figures.canvas import FAINT, Canvas
from convscope.occlusion.figures import maps
from convscope.occlusion.figures.curves import draw_curves
from convscope.occlusion.figures.maps import Box
from convscope.occlusion.figures.panels import HEAD, SIDE, WIDTH
from convscope.occlusion.figures.subject import Subject
from convscope.occlusion.figures.words import (
    answer_text,
    method_text,
    occluder_text,
    remarks,
)

MARGIN = 24
COLUMNS = 4
TOP = 124
"""Height of the words above the panels."""
ROW = HEAD + SIDE + 28
FOOT = 84
HEIGHT = TOP + 2 * ROW + FOOT
WARNING = (160, 50, 20)
BASE = (
    "Each cell stands at the centre of its patch; hatched pixels are the centre of no patch and "
    "were not measured. The black triangle at a scale marks the clean image."
)
PANELS = {
    "image": (0, 0, maps.draw_image),
    "probability": (0, 1, maps.draw_probability),
    "smoothed": (0, 2, maps.draw_smoothed),
    "overlay": (0, 3, maps.draw_overlay),
    "projection": (0, 4, maps.draw_feature),
    "log_odds": (1, 0, maps.draw_log_odds),
    "activity": (1, 1, maps.draw_activity),
    "classes": (1, 2, maps.draw_classes),
    "curves": (1, 4, draw_curves),
}
"""Row, column and maker of each panel; the legend of classes stands in what is left of row 1."""


def draw_subject(subject: Subject) -> tuple[Canvas, dict[str, Box]]:
    """Draw the figure of one image.

    Returns
    -------
    Canvas
        The figure.
    dict
        Left, top, width and height of each panel's picture, in the figure's pixels, by the names of
        ``PANELS``; ``activity``, ``projection`` and ``curves`` where there are such.
    """
    columns = COLUMNS + any(part is not None for part in (subject.projection, subject.curves))
    width = columns * WIDTH
    canvas = Canvas(width + MARGIN, HEIGHT)
    _write_head(canvas, subject, width - MARGIN)
    boxes = {}
    for name, (row, column, draw) in PANELS.items():
        box = draw(canvas, MARGIN + column * WIDTH, TOP + row * ROW, subject)
        if box is not None:
            boxes[name] = box
    _write_foot(canvas, subject, width - MARGIN)
    return canvas, boxes


def _write_head(canvas: Canvas, subject: Subject, width: int) -> None:
    title = f"{subject.network}: {subject.image}"
    canvas.text(MARGIN, 14, title, width=width, size=20, bold=True)
    canvas.text(MARGIN, 43, answer_text(subject), width=width, size=15)
    words = occluder_text(subject.occluder, subject.maps.grid)
    canvas.text(MARGIN, 67, words, width=width, size=13)
    canvas.text(MARGIN, 86, method_text(subject.maps), width=width, size=13)


def _write_foot(canvas: Canvas, subject: Subject, width: int) -> None:
    top: float = HEIGHT - FOOT
    for text, colour in ((" ".join(remarks(subject)), WARNING), (BASE, FAINT)):
        top = canvas.paragraph(MARGIN, top, text, width=width, lines=2, size=13, colour=colour)

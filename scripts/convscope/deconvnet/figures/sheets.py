"""The sheet of one image, network and variant: a row a layer, a column a unit, and the controls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convscope.deconvnet.figures.cells import (
    DrawnUnit,
    draw_patch,
    draw_projection,
    scale_text,
    size_text,
    unit_name,
)
from convscope.deconvnet.figures.control_rows import OWN, Agreement, DrawnControls
from convscope.figures.canvas import FAINT, Box, Canvas, outlined
from convscope.figures.contrast import fitted
from convscope.figures.text import line_height, number, two_places, wrapped

MARGIN = 24
CELL = 72
PAIR = 2 * CELL + 2
STEP = PAIR + 10
NAME = 112
SMALL = 96
CONTROL = 96
PICTURE = 224
HEADING = 48
ROW = 116
UNITS = MARGIN + NAME + 8 + SMALL + 16
"""Left edge of the first unit."""
TEXT = MARGIN + 2 * (PICTURE + 16) + 8
"""Left edge of the header's text."""
LEAST_TEXT = 640
CAPTION_SIZE = 13
CAPTION_WIDTH = 960
PARAGRAPH = 8

STARTS = {
    "unit": "the strongest position of one channel, all else zero",
    "map": "all of one channel, all else zero",
    "layer": "all of the layer",
}
CAPTIONS = (
    "Rows are layers. Each pair is {start}, the strongest first: left its projection "
    "down to the pixels, right the part of the image that it sees. Peak is its activation.",
    "Every projection is stretched around mid-grey by a scale of its own, printed after ± (the "
    "99.5th percentile of its non-zero absolute values), so brightness can't be compared between "
    "squares.",
    "Blue: what the strongest unit of each layer attends to.",
    "Right of the line, the strongest unit again, started from 1, and its controls (the first of "
    "{seeds} seeds), with SSIM and Spearman's ρ of absolute values to the unit's own projection: "
    "medians over the seeds (7/9: defined for 7 of 9). Near 1, the projection shows the image "
    "and its switches rather than this unit.",
)


@dataclass(frozen=True, eq=False)
class LayerRow:
    """A layer's units, the strongest first, and the strongest one's controls.

    ``classes`` are the names of its channels, where these are classes.
    """

    name: str
    common_name: str
    classes: Sequence[str]
    units: Sequence[DrawnUnit]
    controls: DrawnControls | None


@dataclass(frozen=True, eq=False)
class Sheet:
    """What one sheet shows.

    Parameters
    ----------
    image, network
        As people call them.
    about
        Variant, rectification and unpooling in words.
    pixels
        The variant as the network saw it, uint8 RGB ``(3, S, S)``.
    select
        ``unit``, ``map`` or ``layer``.
    top
        Units a layer.
    layers
        In the network's order.
    controls
        Titles of the controls.
    seeds
        Seeds of each control.
    """

    image: str
    network: str
    about: str
    pixels: np.ndarray
    select: str
    top: int
    layers: Sequence[LayerRow]
    controls: Sequence[str]
    seeds: int


def draw_sheet(sheet: Sheet) -> Canvas:
    """Draw a sheet; its size depends on the number of layers, units and controls alone."""
    line = UNITS + sheet.top * STEP + 4
    width = max(line + (1 + len(sheet.controls)) * CONTROL + MARGIN, TEXT + LEAST_TEXT + MARGIN)
    captions = _captions(sheet, width - TEXT - MARGIN)
    top = MARGIN + max(PICTURE + 24, 60 + _height(captions)) + 12
    canvas = Canvas(width, top + HEADING + len(sheet.layers) * ROW + MARGIN - 8)
    _draw_header(canvas, sheet)
    _draw_captions(canvas, captions)
    _draw_headings(canvas, sheet, top, line + 12)
    for place, layer in enumerate(sheet.layers):
        row = top + HEADING + place * ROW
        canvas.line((MARGIN, row - 7), (width - MARGIN, row - 7))
        _draw_layer(canvas, sheet, layer, row)
        _draw_controls(canvas, sheet, layer, (line + 12, row))
    canvas.line((line, top + 6), (line, canvas.size[1] - MARGIN))
    return canvas


def _captions(sheet: Sheet, room: int) -> list[list[str]]:
    """Return the lines of every paragraph of the caption."""
    texts = (text.format(start=STARTS[sheet.select], seeds=sheet.seeds) for text in CAPTIONS)
    return [wrapped(text, min(room, CAPTION_WIDTH), CAPTION_SIZE, lines=100) for text in texts]


def _height(captions: Sequence[Sequence[str]]) -> int:
    return sum(len(lines) * line_height(CAPTION_SIZE) + PARAGRAPH for lines in captions)


def _draw_captions(canvas: Canvas, captions: Sequence[Sequence[str]]) -> None:
    top = MARGIN + 60
    for lines in captions:
        for line in lines:
            canvas.text(TEXT, top, line, width=CAPTION_WIDTH, size=CAPTION_SIZE)
            top += line_height(CAPTION_SIZE)
        top += PARAGRAPH


def _draw_header(canvas: Canvas, sheet: Sheet) -> None:
    side = sheet.pixels.shape[-1]
    plain = fitted(sheet.pixels, PICTURE, (255, 255, 255))
    boxes = [_scaled(layer.units[0], PICTURE / side) for layer in sheet.layers if layer.units]
    second = MARGIN + PICTURE + 16
    canvas.picture(MARGIN, MARGIN, plain)
    # Small boxes last, so that no larger one hides them.
    boxes.sort(key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    canvas.picture(second, MARGIN, outlined(plain, boxes, white=False))
    for left, text in ((MARGIN, "what the network saw"), (second, "what each layer attends to")):
        canvas.text(left, MARGIN + PICTURE + 5, text, width=PICTURE, size=12, colour=FAINT)
    room = canvas.size[0] - TEXT - MARGIN
    title = f"{sheet.network}: {sheet.image}"
    canvas.text(TEXT, MARGIN - 4, title, width=room, size=26, bold=True)
    canvas.text(TEXT, MARGIN + 32, sheet.about, width=room, size=15)


def _draw_headings(canvas: Canvas, sheet: Sheet, top: int, controls: int) -> None:
    middle = top + 14
    canvas.text(MARGIN, middle, "layer", width=NAME, size=12, bold=True)
    for rank in range(sheet.top):
        title = "strongest" if rank == 0 else f"{rank + 1}"
        canvas.text(UNITS + rank * STEP, middle, title, width=PAIR, size=12, bold=True)
    for place, title in enumerate([OWN, *sheet.controls]):
        left = controls + place * CONTROL
        canvas.paragraph(left, top, title, width=CONTROL - 8, lines=3, size=10)


def _draw_layer(canvas: Canvas, sheet: Sheet, layer: LayerRow, top: int) -> None:
    bottom = canvas.paragraph(MARGIN, top, layer.name, width=NAME, lines=3, size=12)
    if layer.common_name != layer.name:
        canvas.paragraph(
            MARGIN, bottom, layer.common_name, width=NAME, lines=3, size=12, colour=FAINT
        )
    if layer.units:
        side = sheet.pixels.shape[-1]
        small = fitted(sheet.pixels, SMALL, (255, 255, 255))
        picture = outlined(small, [_scaled(layer.units[0], SMALL / side)])
        canvas.picture(MARGIN + NAME + 8, top, picture)
    for place, unit in enumerate(layer.units[: sheet.top]):
        left = UNITS + place * STEP
        draw_projection(canvas, left, top, CELL, unit)
        draw_patch(canvas, left + CELL + 2, top, CELL, unit)
        name = unit_name(unit.row, sheet.select, layer.classes)
        peak = f"peak {number(unit.row.peak)}"
        canvas.text(left, top + CELL + 3, name, width=CELL, bold=True)
        canvas.text(left + CELL + 2, top + CELL + 3, peak, width=CELL)
        canvas.text(left, top + CELL + 17, scale_text(unit), width=CELL, colour=FAINT)
        size = size_text(unit)
        canvas.text(left + CELL + 2, top + CELL + 17, size, width=CELL, size=10, colour=FAINT)


def _draw_controls(canvas: Canvas, sheet: Sheet, layer: LayerRow, place: tuple[int, int]) -> None:
    left, top = place
    if layer.controls is None:
        for control in range(1 + len(sheet.controls)):
            canvas.cell(left + control * CONTROL, top, CELL, "not computed")
        return
    own = layer.controls.own
    draw_projection(canvas, left, top, CELL, own)
    name = unit_name(own.row, sheet.select, layer.classes)
    canvas.text(left, top + CELL + 3, name, width=CELL, bold=True)
    canvas.text(left, top + CELL + 17, scale_text(own), width=CELL, colour=FAINT)
    controls = zip(layer.controls.examples, layer.controls.agreements, strict=True)
    for unit, agreement in controls:
        left += CONTROL
        if unit is None:
            canvas.cell(left, top, CELL, "there is no other channel")
            continue
        draw_projection(canvas, left, top, CELL, unit)
        for line, text in enumerate(agreement_texts(agreement)):
            canvas.text(left, top + CELL + 3 + 14 * line, text, width=CONTROL - 4)


def agreement_texts(agreement: Agreement) -> tuple[str, str]:
    """Return what stands under a control: SSIM, and Spearman's correlation with its seeds."""
    some = 0 < agreement.defined < agreement.seeds
    seeds = f" {agreement.defined}/{agreement.seeds}" if some else ""
    median = agreement.median
    return f"SSIM {two_places(median.ssim)}", f"ρ {two_places(median.spearman)}{seeds}"


def _scaled(unit: DrawnUnit, factor: float) -> Box:
    top, left, bottom, right = unit.row.box
    return top * factor, left * factor, bottom * factor, right * factor

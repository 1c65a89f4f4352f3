"""A sheet of pictures with a title above and words below each, at one size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convscope.figures.canvas import FAINT, Canvas
from convscope.figures.contrast import fitted
from convscope.figures.text import line_height, wrapped
from convscope.files import replacing

SIDE = 224
"""Pixels of a picture: images are shown at their own size."""
MARGIN, GAP = 20, 14
HEADING, NOTE, TITLE, WORDS = 17, 12, 13, 12
LABEL = 14
MOST_LINES = 6
"""Of the note."""
PAPER = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture, uint8 ``(3, h, w)``, or None; its title; the lines of words below it."""

    pixels: np.ndarray | None
    title: str
    words: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Band:
    """A row of cells, with a label above it or an empty one."""

    cells: Sequence[Cell | None]
    label: str = ""


def draw_sheet(path: str | Path, heading: str, note: str, bands: Sequence[Band]) -> tuple[int, int]:
    """Write a sheet as PNG, whole or not at all, the same bytes for the same arguments.

    Parameters
    ----------
    path
        The file.
    heading
        The first line.
    note
        What the pictures are and how to read them.
    bands
        At least one.

    Returns
    -------
    tuple of int
        Width and height in pixels.
    """
    columns = max(len(band.cells) for band in bands)
    words = max((len(cell.words) for band in bands for cell in band.cells if cell), default=0)
    width = 2 * MARGIN + columns * SIDE + (columns - 1) * GAP
    inside = width - 2 * MARGIN
    note_lines = len(wrapped(note, inside, NOTE, lines=MOST_LINES))
    top = MARGIN + line_height(HEADING) + 4 + note_lines * line_height(NOTE) + GAP
    heights = [_band_height(band, words) for band in bands]
    canvas = Canvas(width, top + sum(heights) + MARGIN - GAP)
    canvas.text(MARGIN, MARGIN - 4, heading, width=inside, size=HEADING, bold=True)
    start = MARGIN + line_height(HEADING) + 4
    canvas.paragraph(MARGIN, start, note, width=inside, lines=note_lines, size=NOTE, colour=FAINT)
    for band, height in zip(bands, heights, strict=True):
        _draw_band(canvas, band, top, inside)
        top += height
    with replacing(path) as temporary:
        canvas.save(temporary)
    return canvas.size


def _band_height(band: Band, words: int) -> int:
    label = line_height(LABEL) + 4 if band.label else 0
    return label + line_height(TITLE) + 2 + SIDE + 3 + words * line_height(WORDS) + GAP


def _draw_band(canvas: Canvas, band: Band, top: int, inside: int) -> None:
    if band.label:
        canvas.text(MARGIN, top, band.label, width=inside, size=LABEL, bold=True)
        top += line_height(LABEL) + 4
    for place, cell in enumerate(band.cells):
        if cell is None:
            continue
        left = MARGIN + place * (SIDE + GAP)
        canvas.text(left, top, cell.title, width=SIDE, size=TITLE)
        below = top + line_height(TITLE) + 2
        if cell.pixels is None:
            canvas.cell(left, below, SIDE, "not made")
        else:
            canvas.picture(left, below, fitted(cell.pixels, SIDE, PAPER))
            canvas.frame(left, below, SIDE)
        line = below + SIDE + 3
        for words in cell.words:
            canvas.text(left, line, words, width=SIDE, size=WORDS, colour=FAINT)
            line += line_height(WORDS)

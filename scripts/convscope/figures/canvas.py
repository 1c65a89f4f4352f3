"""A sheet of fixed size to draw on, written as the same PNG bytes every time."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from convscope.figures.text import elided, font, line_height, wrapped

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

PAPER: Colour = (255, 255, 255)
INK: Colour = (24, 28, 32)
FAINT: Colour = (96, 104, 112)
LINE: Colour = (214, 216, 212)
EMPTY: Colour = (242, 242, 238)
BLUE: Colour = (16, 96, 255)
COMPRESSION = 6


class Canvas:
    """White paper; all places are pixels from its top left corner.

    Parameters
    ----------
    width, height
        In pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self._image.size

    def picture(self, left: int, top: int, pixels: np.ndarray) -> None:
        """Put RGB pixels uint8 ``(h, w, 3)`` on the paper."""
        self._image.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))

    def text(
        self,
        left: float,
        top: float,
        text: str,
        *,
        width: float,
        size: int = 11,
        bold: bool = False,
        colour: Colour = INK,
        centred: bool = False,
    ) -> None:
        """Write one line, cut to ``width``, at its beginning or in its middle."""
        shown = elided(text, width, size, bold=bold)
        letters = font(size, bold=bold)
        free = (width - letters.getlength(shown)) / 2 if centred else 0.0
        self._draw.text((round(left + free), top), shown, fill=colour, font=letters)

    def paragraph(
        self,
        left: float,
        top: float,
        text: str,
        *,
        width: float,
        lines: int,
        size: int = 11,
        colour: Colour = INK,
        centred: bool = False,
    ) -> float:
        """Write at most ``lines`` lines and return where the next line would start."""
        for line in wrapped(text, width, size, lines=lines):
            self.text(left, top, line, width=width, size=size, colour=colour, centred=centred)
            top += line_height(size)
        return top

    def cell(self, left: int, top: int, side: int, text: str) -> None:
        """Draw an empty square with words in place of a picture."""
        size = 9
        last = (left + side - 1, top + side - 1)
        self._draw.rectangle(((left, top), last), fill=EMPTY, outline=LINE)
        room = side // line_height(size)
        lines = len(wrapped(text, side - 6, size, lines=room))
        start = top + (side - lines * line_height(size)) / 2
        self.paragraph(
            left + 3,
            round(start),
            text,
            width=side - 6,
            lines=room,
            size=size,
            centred=True,
        )

    def frame(self, left: int, top: int, side: int) -> None:
        """Draw a thin line around a square, outside of it: on paper a white picture has no edge."""
        self._draw.rectangle((left - 1, top - 1, left + side, top + side), outline=LINE)

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Draw a thin line."""
        self._draw.line((start, end), fill=LINE)

    def save(self, path: Path) -> None:
        """Write a PNG without any time or name of software in it."""
        self._image.save(path, "PNG", compress_level=COMPRESSION)


def outlined(
    pixels: np.ndarray, boxes: list[Box], *, white: bool = True, least: int = 7
) -> np.ndarray:
    """Return a picture with blue outlines just inside boxes, two pixels wide.

    Parameters
    ----------
    pixels
        RGB uint8 ``(h, w, 3)``.
    boxes
        (top, left, bottom, right) in this picture's pixels, half-open; later ones lie on top.
    white
        Whether a white line inside keeps each outline visible on any ground.
    least
        The smallest outline in pixels; smaller boxes are outlined around their middle.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        (top, bottom), (left, right) = (
            _side(box[axis], box[axis + 2], least, pixels.shape[axis]) for axis in (0, 1)
        )
        inside = (left + 2, top + 2, right - 3, bottom - 3)
        if white and inside[2] - inside[0] > 4 and inside[3] - inside[1] > 4:
            draw.rectangle(inside, outline=PAPER)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=BLUE, width=2)
    return np.asarray(picture)


def _side(first: float, last: float, least: int, limit: int) -> tuple[int, int]:
    """Return whole ends of one side of an outline, at least so long, within the picture."""
    start, end = max(round(first), 0), min(round(last), limit)
    if end - start < least:
        start = round((first + last - least) / 2)
        start = min(max(start, 0), max(limit - least, 0))
        end = min(start + least, limit)
    return start, end

"""Text of figures: fonts that come with matplotlib, text cut to a width, short numbers."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageFont

ELLIPSIS = "…"
LEADING = 1.25
"""Height of a line, in sizes of its font."""


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, the same on every machine, ``size`` pixels high."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / name
    # The other layout engine is not installed everywhere, and places letters differently.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def line_height(size: int) -> int:
    """Return the pixels from one line to the next."""
    return round(LEADING * size)


def one_line(text: str) -> str:
    """Return the text with a space for everything that can't be printed, line ends included."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def elided(text: str, width: float, size: int, *, bold: bool = False) -> str:
    """Return the text, or its beginning with an ellipsis, at most ``width`` pixels long."""
    text, measure = one_line(text), font(size, bold=bold).getlength
    if measure(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = measure(text[:middle] + ELLIPSIS) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low] + ELLIPSIS


def wrapped(text: str, width: float, size: int, *, lines: int) -> list[str]:
    """Return the text in at most ``lines`` lines; words that are too long are broken."""
    measure = font(size).getlength
    result: list[str] = []
    for part, space in _parts(one_line(text), width, size):
        joined = f"{result[-1]}{space}{part}" if result else part
        if result and measure(joined) <= width:
            result[-1] = joined
        else:
            result.append(part)
    if len(result) > lines:
        result = [*result[: lines - 1], elided(" ".join(result[lines - 1 :]), width, size)]
    return result


def _parts(text: str, width: float, size: int) -> Iterator[tuple[str, str]]:
    """Yield pieces that fit, each with what joins it to the piece before on one line."""
    measure = font(size).getlength
    for word in text.split():
        rest, space = word, " "
        while measure(rest) > width and len(rest) > 1:
            end = next(e for e in range(len(rest), 0, -1) if measure(rest[:e]) <= width or e == 1)
            # Layers' names break best at their dots and underscores.
            mark = max(rest.rfind(sign, 0, end) for sign in "._/-") + 1
            end = mark or end
            yield rest[:end], space
            rest, space = rest[end:], ""
        yield rest, space


def number(value: float) -> str:
    """Return a number with three digits that count, short enough to stand under a picture."""
    text = f"{value:.3g}"
    if "e" in text:
        digits, exponent = text.split("e")
        text = f"{value:.0f}" if 3 <= int(exponent) <= 4 else f"{digits}e{int(exponent)}"
    return text.replace("-", "\N{MINUS SIGN}")


def two_places(value: float | None) -> str:
    """Return a correlation as printed; ``undefined`` for None."""
    if value is None:
        return "undefined"
    text = f"{value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", "\N{MINUS SIGN}")

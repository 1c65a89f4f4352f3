"""Small pictures of what an image looks like under some amounts of a transform; needs no torch."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from convscope.invariance.transforms import Transform
from convscope.variants.draw import draw_variant

EXTREMES = (0.0, 2 / 3, 1.0)
WITHIN_A_TURN = (1 / 8, 3 / 8, 3 / 4)
FRAME = 3
GAP = 3


def example_amounts(transform: Transform) -> list[float]:
    """Return up to three amounts that show a transform, none of them the identity."""
    amounts = [amount for amount in transform.amounts if not transform.is_identity(amount)]
    if not amounts:
        return []
    turn = transform.kind.whole_turn
    whole = turn and transform.amounts[-1] - transform.amounts[0] >= turn
    places = WITHIN_A_TURN if whole else EXTREMES
    return list(dict.fromkeys(amounts[round(place * (len(amounts) - 1))] for place in places))


def contact_sheet(
    pixels: Sequence[np.ndarray],
    transform: Transform,
    *,
    fill: str,
    mean_rgb: Sequence[float],
    colours: Sequence[str],
    side: int,
) -> np.ndarray:
    """Return thumbnails: a column an image, framed in its colour; a row an amount.

    The first row shows the images as they are.

    Parameters
    ----------
    pixels
        uint8 RGB ``(3, S, S)`` each.
    transform, fill, mean_rgb
        What is done to them.
    colours
        One an image.
    side
        Of a thumbnail with its frame, in pixels.

    Returns
    -------
    np.ndarray
        uint8 ``(H, W, 3)`` on white.
    """
    amounts = [transform.kind.neutral, *example_amounts(transform)]
    step = side + GAP
    sheet = np.full((len(amounts) * step - GAP, len(pixels) * step - GAP, 3), 255, np.uint8)
    for row, amount in enumerate(amounts):
        definition = transform.definition(amount, fill)
        for column, image in enumerate(pixels):
            drawn = draw_variant(image, definition, mean_rgb)
            framed = _framed(drawn, colours[column], side)
            sheet[row * step : row * step + side, column * step : column * step + side] = framed
    return sheet


def _framed(image: np.ndarray, colour: str, side: int) -> np.ndarray:
    framed = np.empty((side, side, 3), np.uint8)
    framed[:] = np.rint(255 * np.array(to_rgb(colour)))
    inner = side - 2 * FRAME
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    small = picture.resize((inner, inner), Image.Resampling.LANCZOS)
    framed[FRAME:-FRAME, FRAME:-FRAME] = np.asarray(small)
    return framed

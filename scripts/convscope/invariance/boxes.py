"""Random boxes beside the boxes of an image's parts; needs no torch."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from convscope.errors import UserError
from convscope.variants.definitions import SIDE

FEWEST_RANDOM = 10


def random_boxes(
    image: str, parts: Mapping[str, Sequence[int]], count: int, seed: int, side: int = SIDE
) -> np.ndarray:
    """Return boxes at random places, disjoint from all parts, with the parts' sizes in turn.

    The generator is keyed by seed and image id: other images change nothing.

    Parameters
    ----------
    image
        The image's id.
    parts
        Part names and boxes.
    count
        At least 10.
    seed
        Of the run.
    side
        Height and width of the image.

    Returns
    -------
    np.ndarray
        int64 ``(count, 4)``.

    Raises
    ------
    UserError
        If fewer than 10 are asked for, or the parts leave no room.
    """
    if count < FEWEST_RANDOM:
        raise UserError(
            f"{count} random boxes an image are too few",
            where="correspondence.random_boxes",
            remedy=f"Give at least {FEWEST_RANDOM}.",
        )
    key = int(hashlib.sha256(image.encode()).hexdigest()[:16], 16)
    generator = np.random.default_rng([seed, key])
    boxes = np.empty((count, 4), np.int64)
    sizes = [(box[2] - box[0], box[3] - box[1]) for box in parts.values()]
    for place in range(count):
        width, height = sizes[place % len(sizes)]
        free = _free(parts, width, height, side)
        if not len(free):
            raise UserError(
                f"the parts leave no room for another box of {width}x{height} pixels",
                where=f"parts of image {image}",
                remedy="Give smaller boxes.",
            )
        top, left = free[generator.integers(len(free))]
        boxes[place] = left, top, left + width, top + height
    return boxes


def _free(parts: Mapping[str, Sequence[int]], width: int, height: int, side: int) -> np.ndarray:
    """Return all (top, left) at which a box of that size meets no part, ``(n, 2)``."""
    free = np.ones((side - height + 1, side - width + 1), dtype=bool)
    for left, top, right, bottom in parts.values():
        free[max(top - height + 1, 0) : bottom, max(left - width + 1, 0) : right] = False
    return np.argwhere(free)

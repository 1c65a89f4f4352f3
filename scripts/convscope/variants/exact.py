"""Variants made by indexing alone, so that not a bit of a moved pixel changes; needs no torch.

All functions take numpy arrays and torch tensors alike, uint8 or floating in [0, 1], of shape
``(..., H, W)``, never change their input, and return the type that they were given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from convscope.variants.definitions import fill_levels, is_exact

Images = TypeVar("Images")  # a numpy array or a torch tensor


def apply_exact(
    images: Images, definition: Mapping[str, Any], mean_rgb: Sequence[float] | None = None
) -> Images:
    """Rotate by a multiple of 90 degrees, shift by whole pixels and occlude, in that order.

    Parameters
    ----------
    images
        ``(..., 3, H, W)``, H = W where rotated.
    definition
        As ``convscope.variants.definitions.definition_of`` returns it.
    mean_rgb
        For the fill ``mean``: three values in [0, 1].

    Returns
    -------
    array or tensor
        ``(..., 3, H, W)``; the input itself where nothing changes.

    Raises
    ------
    ValueError
        If the definition needs interpolation, or the mean is missing.
    """
    if not is_exact(definition):
        raise ValueError(f"this variant needs interpolation: {dict(definition)}")
    turned = rotated(images, int(definition["rotate"]) // 90)
    right, down = int(definition["right"]), int(definition["down"])
    if right or down:
        turned = shifted(turned, right, down, definition["fill"], mean_rgb)
    return occlude(turned, definition)


def rotated(images: Images, quarter_turns: int) -> Images:
    """Rotate anticlockwise by quarter turns, as ``torch.rot90(images, turns, (-2, -1))`` does."""
    turns = quarter_turns % 4
    if turns == 0:
        return images
    height, width = images.shape[-2:]
    if turns == 2:
        return images[..., _backwards(height), :][..., _backwards(width)]
    swapped = images.swapaxes(-2, -1)
    if turns == 1:
        return swapped[..., _backwards(width), :]
    return swapped[..., _backwards(height)]


def shifted(
    images: Images,
    right: int,
    down: int,
    fill: str,
    mean_rgb: Sequence[float] | None = None,
) -> Images:
    """Move images by whole pixels; negative amounts go left and up.

    Parameters
    ----------
    images
        ``(..., 3, H, W)``.
    right, down
        Pixels.
    fill
        What comes into view: black, grey, mean, edge (the border pixel goes on) or reflect (the
        image goes on mirrored about its border pixel, which is not repeated).
    mean_rgb
        For the fill ``mean``: three values in [0, 1].

    Raises
    ------
    ValueError
        If the fill is unknown, or the mean is missing.
    """
    levels = fill_levels(fill, mean_rgb)
    height, width = images.shape[-2:]
    rows = _origins(height, down, fill)
    columns = _origins(width, right, fill)
    moved = images[..., rows, :][..., columns]
    if levels is not None:
        for channel, level in enumerate(levels):
            plane = moved[..., channel, :, :]
            plane[..., _uncovered(height, down), :] = _level(images, level)
            plane[..., _uncovered(width, right)] = _level(images, level)
    return moved


def occlude(images: Images, definition: Mapping[str, Any]) -> Images:
    """Put the definition's grey square onto a copy of the images, if it has one.

    A square of ``size`` at the ``centre`` of side S covers rows and columns (S - size) // 2
    onwards (80 in 224: 72 to 151), at the ``corner`` 0 to size - 1, the top-left one.

    Raises
    ------
    ValueError
        If the square is larger than the image.
    """
    place, size = definition["occlude"], definition["size"]
    if place is None:
        return images
    height, width = images.shape[-2:]
    if size > min(height, width):
        raise ValueError(f"a square of {size} pixels does not fit into {height}x{width}")
    top, left = ((height - size) // 2, (width - size) // 2) if place == "centre" else (0, 0)
    covered = images.clone() if hasattr(images, "clone") else images.copy()
    covered[..., top : top + size, left : left + size] = _level(images, definition["grey"] / 255)
    return covered


def _backwards(length: int) -> list[int]:
    return list(range(length - 1, -1, -1))


def _origins(length: int, shift: int, fill: str) -> list[int]:
    places = range(-shift, length - shift)
    if fill != "reflect" or length == 1:
        return [min(max(place, 0), length - 1) for place in places]
    period = 2 * (length - 1)
    return [min(place % period, period - place % period) for place in places]


def _uncovered(length: int, shift: int) -> slice:
    return slice(0, min(shift, length)) if shift >= 0 else slice(max(length + shift, 0), length)


def _level(images: Any, level: float) -> int | float:
    return round(255 * level) if str(images.dtype).endswith("uint8") else level

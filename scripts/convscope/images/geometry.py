"""Resize and centre crop, bit for bit as torchvision's classification presets do; needs no torch.

The model is ``torchvision.transforms._presets.ImageClassification`` on a PIL image, up to but not
including the conversion to floating point.
"""

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from convscope.errors import UserError
from convscope.images.decode import MAXIMUM_PIXELS

SIDE = 224
INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")


def check_geometry(geometry: Mapping[str, Any], where: str = "preprocessing") -> None:
    """Refuse a geometry that can't be carried out.

    Parameters
    ----------
    geometry
        ``resize`` (pixels of the shorter side), ``crop`` (pixels), ``interpolation`` (one of
        ``INTERPOLATIONS``).
    where
        The config key, for messages.

    Raises
    ------
    UserError
        If a key is missing or unknown, or a value is out of range.
    """
    keys = {"resize", "crop", "interpolation"}
    if set(geometry) != keys:
        wrong = ", ".join(sorted(set(geometry) ^ keys))
        raise UserError(
            f"keys missing or unknown: {wrong}",
            where=where,
            remedy="Give resize, crop and interpolation.",
        )
    if geometry["crop"] != SIDE:
        raise UserError(
            f"a crop of {geometry['crop']!r} pixels is not supported",
            where=f"{where}: crop",
            remedy=f"Use {SIDE}: only networks with {SIDE}x{SIDE} inputs are treated.",
        )
    _check_scaling(geometry, where)


def resize_and_crop(
    image: Image.Image, geometry: Mapping[str, Any], where: str = "the image"
) -> np.ndarray:
    """Resize the shorter side and cut the centre out.

    Where the resized image is smaller than the crop it is padded with black, as in torchvision.

    Parameters
    ----------
    image
        An RGB image of any size.
    geometry
        As ``check_geometry`` takes it.
    where
        The image's name, for messages.

    Returns
    -------
    np.ndarray
        uint8, ``(3, 224, 224)``.

    Raises
    ------
    UserError
        If the geometry is not valid, or the image is so long and thin that its resized form would
        have more than ``MAXIMUM_PIXELS``.
    """
    check_geometry(geometry)
    size = resized_size(image.size, geometry["resize"])
    if size[0] * size[1] > MAXIMUM_PIXELS:
        raise UserError(
            f"an image of {image.width}x{image.height} pixels is too long and thin",
            where=where,
            remedy="Crop it to a less extreme shape.",
        )
    resampling = Image.Resampling[geometry["interpolation"].upper()]
    resized = image if size == image.size else image.resize(size, resampling)
    return np.asarray(_centre(resized, geometry["crop"])).transpose(2, 0, 1).copy()


def resized_size(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Return (width, height) with the shorter side set and the longer one in proportion, cut off.

    Parameters
    ----------
    size
        (width, height) in pixels.
    shorter
        The new length of the shorter side in pixels.
    """
    width, height = size
    longer = int(shorter * max(size) / min(size))
    return (shorter, longer) if width <= height else (longer, shorter)


def _centre(image: Image.Image, side: int) -> Image.Image:
    width, height = image.size
    # Pillow fills what a crop takes from outside with black. Padding puts the odd pixel at the
    # end, cropping rounds half to even: two rules, as torchvision has them.
    left = -((side - width) // 2) if width < side else round((width - side) / 2)
    top = -((side - height) // 2) if height < side else round((height - side) / 2)
    return image.crop((left, top, left + side, top + side))


def _check_scaling(geometry: Mapping[str, Any], where: str) -> None:
    resize = geometry["resize"]
    if isinstance(resize, bool) or not isinstance(resize, int) or not 1 <= resize <= 8192:
        raise UserError(
            f"{resize!r} is not a whole number of pixels from 1 to 8192",
            where=f"{where}: resize",
            remedy="Give the length of the shorter side, 256 for most networks.",
        )
    if geometry["interpolation"] not in INTERPOLATIONS:
        near = difflib.get_close_matches(str(geometry["interpolation"]), INTERPOLATIONS, n=1)
        raise UserError(
            f"unknown interpolation {geometry['interpolation']!r}",
            where=f"{where}: interpolation",
            remedy=f"Did you mean {near[0]}?" if near else f"Use {', '.join(INTERPOLATIONS)}.",
        )

"""Small pictures for pages: pixels from images.h5 as WebP data URIs."""

import base64
import io
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convscope.hdf5 import attribute, reading

IMAGES_SCHEMA = "images/1"
WIDTH = 160
"""Stored width of a thumbnail in pixels; shown at 112 it stays sharp on dense screens."""
QUALITY = 85

ImageKey = tuple[str, str]
"""A sample set and an image id."""


def thumbnail(pixels: NDArray[np.uint8], width: int = WIDTH) -> str:
    """Return RGB pixels (3, H, W) as a WebP data URI, ``width`` pixels wide."""
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    height = max(1, round(width * picture.height / picture.width))
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def read_pixels(
    files: Sequence[Mapping[str, str]], wanted: Collection[ImageKey]
) -> dict[ImageKey, NDArray[np.uint8]]:
    """Read the pixels (3, H, W) of some images.

    Parameters
    ----------
    files
        ``{"path", "sample_set"}`` of every images.h5; where several hold an image (networks with
        different preprocessing) the first one counts.
    wanted
        Sample set and id of the images to read; others stay on the disk.

    Raises
    ------
    ValueError
        If an image is in no file.
    """
    missing = set(wanted)
    found: dict[ImageKey, NDArray[np.uint8]] = {}
    for file in files:
        with reading(file["path"], IMAGES_SCHEMA) as stored:
            for place, image in enumerate(attribute(stored, "ids")):
                key = (file["sample_set"], image)
                if key in missing:
                    found[key] = stored["pixels"][place]
                    missing.remove(key)
    if missing:
        raise ValueError(f"no images.h5 holds {sorted(missing)}")
    return found

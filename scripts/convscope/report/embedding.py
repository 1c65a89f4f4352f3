"""Figures inside pages: PNG files as WebP data URIs, in full size."""

import base64
import io
from pathlib import Path

from PIL import Image

QUALITY = 90
"""Keeps the letters of a figure crisp, at less than half the bytes of its PNG."""
WEBP_SIDE = 16383
"""The largest side that WebP can hold."""


def embedded(path: Path) -> str:
    """Return a PNG file as a data URI of the same size in pixels.

    Parameters
    ----------
    path
        RGB. One that is too large for WebP stays a PNG.
    """
    data, kind = path.read_bytes(), "png"
    with Image.open(io.BytesIO(data)) as picture:
        if max(picture.size) <= WEBP_SIDE:
            stream = io.BytesIO()
            picture.save(stream, "WEBP", quality=QUALITY, method=2)
            data, kind = stream.getvalue(), "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"

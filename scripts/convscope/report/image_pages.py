"""Pages of single images in a folder: their places, the ways to them and between them."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.figures.names import safe_name
from convscope.report.embedding import embedded


def image_page(image: str) -> str:
    """Return the place of an image's page in the folder."""
    return f"images/{safe_name(image)}.html"


def image_tiles(small: Mapping[str, Path]) -> list[dict[str, str]]:
    """Return what ``parts.tiles`` shows: each image with its small picture, linked to its page."""
    return [
        {"name": image, "href": image_page(image), "thumbnail": embedded(picture)}
        for image, picture in small.items()
    ]


def neighbours(images: Sequence[str], position: int) -> dict[str, Any]:
    """Return what ``parts.images`` shows: the images before and after one, None at the ends."""
    return {"before": _way(images, position - 1), "after": _way(images, position + 1)}


def _way(images: Sequence[str], position: int) -> dict[str, str] | None:
    if not 0 <= position < len(images):
        return None
    name = images[position]
    return {"name": name, "href": posixpath.basename(image_page(name))}

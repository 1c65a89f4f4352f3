"""Images whose parts are known, and the boxes that scenes hold; needs no torch."""

from collections.abc import Mapping, Sequence

import numpy as np

from convscope.errors import UserError
from convscope.images.store import ImageBatch, read_images, read_index
from convscope.invariance.part_boxes import PARTS, Box
from convscope.scenes.store import read_scenes

Parts = Mapping[str, Mapping[str, Box]]
"""Boxes by image and part."""


def gather_images(paths: Sequence[str], ids: Sequence[str]) -> ImageBatch:
    """Return images from several files as one batch, in the order of ``ids``.

    Raises
    ------
    UserError
        If a file is damaged, or no file holds an image.
    """
    places: dict[str, tuple[ImageBatch, int]] = {}
    for path in paths:
        batch = read_images(path, [image for image in read_index(path).ids if image in ids])
        places |= {image: (batch, row) for row, image in enumerate(batch.ids)}
    missing = [image for image in ids if image not in places]
    if missing:
        raise UserError(
            f"no prepared images hold {missing[0]!r}",
            where=", ".join(paths) or "no file",
            remedy="Delete them and run snakemake again to rebuild them.",
        )
    found = [places[image] for image in ids]
    return ImageBatch(
        ids=tuple(ids),
        pixels=np.stack([batch.pixels[row] for batch, row in found]),
        source_sha256=tuple(batch.source_sha256[row] for batch, row in found),
        pixel_sha256=tuple(batch.pixel_sha256[row] for batch, row in found),
    )


def scene_parts(paths: Sequence[str], scenes: Mapping[str, str]) -> Parts:
    """Return the boxes of the parts of scenes, in the order of ``PARTS``.

    Parameters
    ----------
    paths
        Files of scenes.
    scenes
        ``{image: scene}``.

    Raises
    ------
    UserError
        If a file is damaged, or no file holds a scene.
    """
    boxes: dict[str, dict[str, Box]] = {}
    for path in paths:
        found = read_scenes(path)
        order = [found.part_names.index(part) for part in PARTS]
        for scene, of_parts in zip(found.ids, found.parts.tolist(), strict=True):
            boxes[scene] = {part: of_parts[k] for part, k in zip(PARTS, order, strict=True)}
    missing = [scene for scene in scenes.values() if scene not in boxes]
    if missing:
        raise UserError(
            f"no file holds the scene {missing[0]!r}",
            where=", ".join(paths) or "no file",
            remedy="Delete them and run snakemake again to rebuild them.",
        )
    return {image: boxes[scene] for image, scene in scenes.items()}

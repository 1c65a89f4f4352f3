"""The masks of scenes as a network sees them, and how well maps find the objects; no torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from convscope.images.geometry import resize_and_crop
from convscope.occlusion.maps import OcclusionMaps
from convscope.occlusion.scores import Localisation, localisation
from convscope.scenes.store import SCHEMA


def prepared_mask(mask: np.ndarray, geometry: Mapping[str, Any]) -> np.ndarray:
    """Return a scene's mask, resized and cropped as its image was, boolean ``(224, 224)``."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
    return resize_and_crop(picture, geometry)[0] >= 128


def localised(
    file: Mapping[str, Any], maps: Mapping[str, OcclusionMaps]
) -> dict[str, Localisation]:
    """Return how well maps find the objects of scenes, by image.

    Parameters
    ----------
    file
        ``scenes``: scenes.h5, or None; ``scene_of``: the scene of each image where it is called
        otherwise; ``geometry``: how the images were prepared.
    maps
        Of images; those without label are left out. A mask at a time is in memory.

    Raises
    ------
    UserError
        If an image is none of the scenes.
    """
    if file["scenes"] is None:
        return {}
    found = {}
    with reading(file["scenes"], SCHEMA) as scenes:
        places = {scene: place for place, scene in enumerate(attribute(scenes, "ids"))}
        for image, of_image in maps.items():
            scene = file["scene_of"].get(image, image)
            if scene not in places:
                raise UserError(
                    f"there is no scene {scene!r} in it",
                    where=str(file["scenes"]),
                    remedy="Run snakemake again, so that the scenes are made anew.",
                )
            if of_image.label is not None:
                mask = prepared_mask(scenes["masks"][places[scene]], file["geometry"])
                found[image] = localisation(of_image.drops(), of_image.grid, mask)
    return found

"""Prepares a batch of images: each decoded once, resized, cropped and streamed into images.h5."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convscope.errors import UserError
from convscope.images.geometry import check_geometry, resize_and_crop
from convscope.images.sources import SourceFiles, describe
from convscope.images.store import writing_images
from convscope.problems import together
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)


def prepare_images(
    sources: Mapping[str, Mapping[str, Any]],
    geometry: Mapping[str, Any],
    output: str | Path,
    packages: Mapping[str, str],
) -> None:
    """Write images.h5 (schema ``images/1``) for one batch; needs no torch.

    One image at a time is in memory, whatever the number of images.

    Parameters
    ----------
    sources
        Image id to source, as ``convscope.images.sources.SourceFiles`` takes it; the file holds
        the images in this order.
    geometry
        resize, crop (224), interpolation, as ``convscope.images.geometry`` takes them.
    output
        The file to write.
    packages
        Name and version of the packages that make the pixels.

    Raises
    ------
    UserError
        If the geometry is not valid or images can't be used: all of them are looked at, and up to
        10 are named in one message. Nothing is written then.
    """
    check_geometry(geometry)
    problems: list[UserError] = []
    work = progress(sources.items(), LOGGER, what="images", total=len(sources))
    with SourceFiles() as files, writing_images(output, list(sources), geometry, packages) as batch:
        for image_id, source in work:
            try:
                image, digest = files.read(image_id, source)
                batch.add(resize_and_crop(image, geometry, describe(image_id, source)), digest)
            except UserError as error:
                problems.append(error)
        if problems:
            raise together(problems, len(sources), "images can't be used", "images of the batch")

"""Occlude all images of a batch and write occlusion.h5."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convscope.images.store import ImageBatch
from convscope.occlusion.occlude import Occlusion
from convscope.occlusion.storage import MapsWriter, writing_maps
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)


def occlude_batch(
    occlusion: Occlusion,
    images: ImageBatch,
    labels: Sequence[int | None],
    output: str | Path,
    *,
    network: Mapping[str, Any],
    packages: Mapping[str, str],
) -> list[float]:
    """Write occlusion.h5 (schema ``occlusion/2``) of one batch by one network and one occluder.

    Parameters
    ----------
    occlusion
        The network, its transform, the occluder and the method.
    images
        The prepared images.
    labels
        The index of each image's class, or None where the network does not have it.
    output
        The file, written atomically.
    network, packages
        More facts for the file.

    Returns
    -------
    list of float
        The seconds that each image took; they are no part of the file.
    """
    facts = {
        "ids": list(images.ids),
        "source_sha256": list(images.source_sha256),
        "pixel_sha256": list(images.pixel_sha256),
    }
    method = {"name": occlusion.method.name}
    if occlusion.method.name == "coarse_to_fine":
        method |= asdict(occlusion.method.refinement) | {"compare": occlusion.method.compare}
    seconds: list[float] = []
    with writing_maps(
        output, facts, occlusion.occluder, occlusion.grid, method, network, packages
    ) as writer:
        work = _work(occlusion, images, labels, writer, seconds)
        total = len(images.ids) * occlusion.positions
        for _ in progress(work, LOGGER, what="positions", total=total):
            pass
    return seconds


def _work(
    occlusion: Occlusion,
    images: ImageBatch,
    labels: Sequence[int | None],
    writer: MapsWriter,
    seconds: list[float],
) -> Iterator[None]:
    """Yield once for every position."""
    for image, pixels, label in zip(images.ids, images.pixels, labels, strict=True):
        start = time.perf_counter()
        maps = yield from occlusion.steps(pixels, label)
        writer.add(maps)
        seconds.append(time.perf_counter() - start)
        for remark in maps.remarks():
            LOGGER.info("%s: %s", image, remark)

"""All figures of a file of occlusion maps, in a folder with an index; needs no torch."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.errors import UserError
from convscope.figures.canvas import PAPER, Canvas
from convscope.figures.contrast import fitted
from convscope.figures.indices import write_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.images.store import read_images
from convscope.occlusion.figures.sheet import draw_subject
from convscope.occlusion.figures.subject import Subject
from convscope.occlusion.figures.words import (
    answer_text,
    method_text,
    occluder_text,
    remarks,
)
from convscope.occlusion.maps import OcclusionMaps
from convscope.occlusion.score_files import read_feature, read_scores, scores_of
from convscope.occlusion.storage import OcclusionIndex, read_index, read_maps
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)
THUMBNAIL = 112
DIGITS = 4


def draw_occlusion(
    output: str | Path,
    *,
    occlusion: str | Path,
    images: str | Path,
    network: str,
    occluder: str,
    sigma: float,
    classes: Sequence[str],
    labels: Mapping[str, str | None],
    scores: str | Path | None = None,
) -> None:
    """Draw a figure of every image in occlusion.h5.

    Parameters
    ----------
    output
        A folder: ``<image>.png``, ``thumbnails/<image>.png`` and ``index.json``, which also holds
        the values of each cell.
    occlusion, images
        occlusion.h5 and the images.h5 of its batch.
    network, occluder
        Their names.
    sigma
        Of the smoothed map, in cells; 0 or above.
    classes
        The names of the network's classes.
    labels
        The class of each image as the sample sheet calls it, by id.
    scores
        scores.h5 of the maps, whose curves and projections are drawn; or None.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another layout, images lack one of the maps' or are
        other images, or the network has more classes than names.
    """
    index = read_index(occlusion)
    _check_images(index, images)
    measured = None if scores is None else read_scores(scores)
    with replacing_directory(output) as folder:
        (folder / "thumbnails").mkdir()
        entries = []
        for image in progress(index.ids, LOGGER, what="figures", total=len(index.ids)):
            maps = read_maps(occlusion, [image])[image]
            _check_classes(maps, classes, occlusion)
            subject = Subject(
                image=image,
                network=network,
                label=labels.get(image),
                pixels=read_images(images, [image]).pixels[0],
                maps=maps,
                occluder=index.occluder,
                names=classes,
                sigma=sigma,
                projection=None if scores is None else read_feature(scores, image),
                curves=measured and scores_of(measured, image, scores).curves,
                shares=measured and measured.shares,
            )
            entries.append(_write(folder, subject))
        write_index(folder, _facts(index, network, occluder) | {"images": entries})
    LOGGER.info("%d figures drawn", len(index.ids))


def _write(folder: Path, subject: Subject) -> dict[str, Any]:
    """Draw a figure and return its entry of the index."""
    canvas, boxes = draw_subject(subject)
    name = f"{safe_name(subject.image)}.png"
    canvas.save(folder / name)
    small = Canvas(THUMBNAIL, THUMBNAIL)
    small.picture(0, 0, fitted(subject.pixels, THUMBNAIL, PAPER))
    small.save(folder / "thumbnails" / name)
    return {
        "image": subject.image,
        "file": name,
        "thumbnail": f"thumbnails/{name}",
        "width": canvas.size[0],
        "height": canvas.size[1],
        "boxes": boxes,
        "answer": answer_text(subject),
        "method": method_text(subject.maps),
        "remarks": remarks(subject),
        **_values(subject),
    }


def _values(subject: Subject) -> dict[str, Any]:
    """Return what is said of each cell, rounded."""
    found = subject.classes()
    places = {entry.index: place for place, entry in enumerate(found)}
    maps = subject.maps
    return {
        "class": subject.name,
        "clean": round(subject.clean, DIGITS),
        "probabilities": _rounded(subject.probability),
        "classes": [{"name": e.name, "share": round(e.share, DIGITS)} for e in found],
        "class_map": [[places[index] for index in row] for row in maps.class_map.tolist()],
        "lowest": list(subject.lowest),
        "positions_evaluated": maps.positions_evaluated,
    }


def _rounded(values: np.ndarray) -> list[list[float]]:
    return [[round(value, DIGITS) for value in row] for row in values.tolist()]


def _facts(index: OcclusionIndex, network: str, occluder: str) -> dict[str, Any]:
    grid = index.grid
    return {
        "network": network,
        "occluder": occluder,
        "words": occluder_text(index.occluder, grid),
        "grid": {
            "image": list(grid.image),
            "patch": list(grid.patch),
            "rows": grid.starts(0).tolist(),
            "columns": grid.starts(1).tolist(),
        },
    }


def _check_images(index: OcclusionIndex, images: str | Path) -> None:
    batch = read_images(images, index.ids)
    expected = index.images.get("pixel_sha256", batch.pixel_sha256)
    if tuple(expected) != batch.pixel_sha256 or index.grid.image != batch.pixels.shape[2:]:
        raise UserError(
            "these are not the images that the maps were made of",
            where=str(images),
            remedy="Run snakemake again, so that the maps are made anew.",
        )


def _check_classes(maps: OcclusionMaps, classes: Sequence[str], path: str | Path) -> None:
    highest = max(int(maps.class_map.max()), maps.top, maps.label or 0)
    if highest >= len(classes):
        raise UserError(
            f"class {highest} has no name: {len(classes)} names are given",
            where=str(path),
            remedy="Give the class list of the network that made the maps.",
        )

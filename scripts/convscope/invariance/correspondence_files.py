"""The correspondence of all sample sets that a network looks at, from files to one table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from convscope.invariance.correspondence import measure_correspondence
from convscope.invariance.part_boxes import PARTS
from convscope.invariance.part_files import Parts, gather_images, scene_parts
from convscope.predictions.storage import write_parquet


def measure_sets(
    network: nn.Module,
    sets: Sequence[Mapping[str, Any]],
    output: str | Path,
    *,
    image_files: Sequence[str],
    scene_files: Sequence[str],
    **options: Any,
) -> None:
    """Write the fractions of sign change of every pair of images of each sample set.

    Parameters
    ----------
    network
        In eval mode, on the device of ``options``.
    sets
        Each ``{"sample_set", "boxes": {image: {part: box}}}`` or ``{"sample_set", "scenes": {image:
        scene}}``, whose boxes the scenes hold. Pairs are made within a set.
    output
        Parquet with the columns of ``convscope.invariance.signs.pair_table``, after ``sample_set``.
    image_files, scene_files
        Prepared images and scenes of all batches.
    options
        As ``convscope.invariance.correspondence.measure_correspondence`` takes them.

    Raises
    ------
    UserError
        If a file is damaged, an image or its boxes are missing, or as that function says.
    """
    tables = []
    for entry in sets:
        parts = _parts(entry, scene_files)
        images = gather_images(image_files, list(parts))
        table = measure_correspondence(network, images, parts, **options)
        table.insert(0, "sample_set", entry["sample_set"])
        tables.append(table)
    write_parquet(pd.concat(tables, ignore_index=True), output)


def _parts(entry: Mapping[str, Any], scene_files: Sequence[str]) -> Parts:
    if "scenes" in entry:
        return scene_parts(scene_files, entry["scenes"])
    # Params are sorted by key: here the parts stand in the order of Table 1 again.
    return {
        image: {part: boxes[part] for part in PARTS if part in boxes}
        for image, boxes in entry["boxes"].items()
    }

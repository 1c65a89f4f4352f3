"""The images of a page: thumbnails of every variant, and under each what the networks said."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from convscope.predictions.titles import variant_title
from convscope.report.pictures import ImageKey, read_pixels, thumbnail

DrawVariant = Callable[[NDArray[np.uint8], Mapping[str, Any]], NDArray[np.uint8]]
"""Draws the variant of one image: pixels uint8 (3, H, W) and a definition give uint8 (3, H, W)."""


def gallery(
    table: pd.DataFrame,
    files: Sequence[Mapping[str, str]],
    definitions: Mapping[str, Mapping[str, Any]],
    draw_variant: DrawVariant,
) -> dict[str, list[dict[str, Any]]]:
    """Gather the images of a table of predictions for the page.

    Parameters
    ----------
    table
        Rows of ``tabulate_predictions`` for the images to show, in its order.
    files
        ``{"path", "sample_set"}`` of every images.h5.
    definitions
        ``{variant: definition}``.
    draw_variant
        Draws a variant.

    Returns
    -------
    dict
        By sample set, a list of ``{"image", "label", "figures"}``; a figure is ``{"title",
        "source", "said"}`` with the thumbnail's data URI and one entry a network.
    """
    records = table.to_dict("records")
    pixels = read_pixels(files, {_key(record) for record in records})
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, of_image in groupby(records, _key):
        rows = list(of_image)
        figures = [
            {
                "title": variant_title(variant),
                "source": thumbnail(draw_variant(pixels[key], definitions[variant])),
                "said": [_said(record) for record in found],
            }
            for variant, found in groupby(rows, lambda record: record["variant"])
        ]
        label = next((row["label"] for row in rows if not pd.isna(row["label"])), "")
        sample_set, image = key
        groups.setdefault(sample_set, []).append(
            {"image": image, "label": label, "figures": figures}
        )
    return groups


def _key(record: Mapping[str, Any]) -> ImageKey:
    return record["sample_set"], record["image"]


def _said(record: Mapping[str, Any]) -> dict[str, Any]:
    rank = record["label_rank"]
    return {
        "network": record["network"],
        "predicted": record["predicted"],
        "probability": f"{record['probability']:.4f}",
        "percent": f"{100 * record['probability']:.1f}",
        "verdict": "none" if pd.isna(rank) else "right" if rank == 1 else "wrong",
    }

"""The report's pages of inverted layers: what they can show, errors by layer, and each image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from convscope.figures.indices import read_index
from convscope.files import replacing_directory
from convscope.predictions.storage import read_parquet
from convscope.report.folder_pages import FolderPages
from convscope.report.image_pages import image_page, image_tiles, neighbours
from convscope.report.synthesis_tables import inversion_tables

DATA_FILES = ("inversion.html.j2", "inversion_image.html.j2", "inversion_parts.html.j2")

Drawn = tuple[str, Path, Mapping[str, Any]]
"""A network, the folder of its figures, and the entry of one image in the folder's index."""


def build_inversion_pages(
    output: str | Path,
    *,
    figures: Sequence[str | Path],
    table: str | Path,
    downloads: Sequence[Mapping[str, str]],
    settings: Mapping[str, Any],
) -> None:
    """Write the pages that show what is left of images, layer by layer.

    Parameters
    ----------
    output
        The folder ``inversion`` of the report: ``index.html`` and ``images/<image>.html``.
    figures
        Folders that ``convscope.synthesis.figures.files.draw_inversions`` made, in the order of
        networks.
    table
        Parquet of ``convscope.synthesis.figures.inversion_table``.
    downloads
        Files to link to, ``{"title", "path"}``.
    settings
        ``pages``, ``imagenet_terms``: see ``FolderPages``.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    rows = read_parquet(table)
    images: dict[str, list[Drawn]] = {}
    for folder in map(Path, figures):
        index = read_index(folder)
        for entry in index["images"]:
            images.setdefault(entry["image"], []).append((index["network"], folder, entry))
    images = dict(sorted(images.items()))
    with replacing_directory(output) as folder:
        pages = FolderPages(folder, Path(output), settings)
        names = list(images)
        for position, name in enumerate(names):
            _write_image(pages, names, position, images[name], rows[rows["image"] == name])
        small = {name: made / entry["small"] for name, [(_, made, entry), *_] in images.items()}
        context = {
            "images": image_tiles(small),
            "tables_of": inversion_tables(rows),
            "downloads": [pages.linked(entry) for entry in downloads],
        }
        pages.write("index.html", "Inverted layers", DATA_FILES[0], context)


def _write_image(
    pages: FolderPages,
    names: Sequence[str],
    position: int,
    drawn: Sequence[Drawn],
    rows: pd.DataFrame,
) -> None:
    name = names[position]
    place = image_page(name)
    context = {
        "image": name,
        **neighbours(names, position),
        "figures": [
            {"network": network, **pages.figure(place, entry, folder / entry["file"])}
            for network, folder, entry in drawn
        ],
        "tables_of": inversion_tables(rows),
    }
    pages.write(place, f"Inverted layers: {name}", DATA_FILES[1], context)

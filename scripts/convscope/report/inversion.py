"""The report's pages of inverted layers: what they can show, errors by layer, and each image."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from convscope.figures.indices import read_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.predictions.storage import read_parquet
from convscope.report.embedding import embedded
from convscope.report.folder_pages import FolderPages
from convscope.report.maximisation import linked
from convscope.report.synthesis_tables import inversion_tables

DATA_FILES = (
    "inversion.html.j2",
    "inversion_image.html.j2",
    "inversion_parts.html.j2",
    "projections_parts.html.j2",
)

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
        for place, name in enumerate(names):
            _write_image(pages, names, place, images[name], rows[rows["image"] == name])
        context = {
            "images": [
                {"name": name, "href": _place(name), "thumbnail": embedded(file / entry["small"])}
                for name, [(_, file, entry), *_] in images.items()
            ],
            "tables_of": inversion_tables(rows),
            "downloads": [linked(pages, entry) for entry in downloads],
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
    place = _place(name)
    context = {
        "image": name,
        "before": _neighbour(names, position - 1),
        "after": _neighbour(names, position + 1),
        "figures": [
            {"network": network, **pages.figure(place, entry, folder / entry["file"])}
            for network, folder, entry in drawn
        ],
        "tables_of": inversion_tables(rows),
    }
    pages.write(place, f"Inverted layers: {name}", DATA_FILES[1], context)


def _place(image: str) -> str:
    return f"images/{safe_name(image)}.html"


def _neighbour(names: Sequence[str], place: int) -> dict[str, str] | None:
    if not 0 <= place < len(names):
        return None
    return {"name": names[place], "href": posixpath.basename(_place(names[place]))}

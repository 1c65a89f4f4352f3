"""The report's pages of maximised classes: what they can show, transfer, and each class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from convscope.figures.indices import read_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.predictions.storage import read_parquet
from convscope.report.embedding import embedded
from convscope.report.folder_pages import FolderPages
from convscope.report.pages import own_file
from convscope.report.synthesis_tables import transfer_rows, transfer_summary

DATA_FILES = ("curves.js", "maximisation.html.j2", "maximisation_class.html.j2")


def build_maximisation_pages(
    output: str | Path,
    *,
    figures: Sequence[str | Path],
    together: str | Path | None,
    table: str | Path,
    downloads: Sequence[Mapping[str, str]],
    settings: Mapping[str, Any],
) -> None:
    """Write the pages that show images of classes.

    Parameters
    ----------
    output
        The folder ``maximisation`` of the report: ``index.html`` and ``classes/<class>.html``.
    figures
        Folders that ``convscope.synthesis.figures.files.draw_maximisation`` made, in the order of
        networks.
    together
        The folder that ``draw_networks_of_classes`` made, or None.
    table
        Parquet of ``convscope.synthesis.figures.table``.
    downloads
        Files to link to, ``{"title", "path"}``.
    settings
        ``pages``: see ``FolderPages``. No photograph is shown, so nothing is said of terms.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    made = [_Made(Path(folder), read_index(folder)) for folder in figures]
    beside = {} if together is None else read_index(together)["classes"]
    rows = read_parquet(table)
    classes: dict[str, list[_Made]] = {}
    for own in made:
        classes.setdefault(own.index["class"], []).append(own)
    with replacing_directory(output) as folder:
        pages = FolderPages(folder, Path(output), {**settings, "imagenet_terms": False})
        for key, group in classes.items():
            drawn = None if together is None else (Path(together), beside.get(key, []))
            _write_class(pages, key, group, drawn, rows)
        context = {
            "classes": [_tile(key, group) for key, group in classes.items()],
            "rows": transfer_summary(rows),
            "downloads": [pages.linked(entry) for entry in downloads],
        }
        pages.write("index.html", "Images that maximise a class", DATA_FILES[1], context)


@dataclass(frozen=True)
class _Made:
    """A folder of figures of one network and class, and its index."""

    folder: Path
    index: Mapping[str, Any]


def _tile(key: str, group: Sequence[_Made]) -> dict[str, str]:
    first = group[0]
    return {
        "name": first.index["name"],
        "href": _place(key),
        "thumbnail": embedded(first.folder / first.index["small"]),
    }


def _place(key: str) -> str:
    return f"classes/{safe_name(key)}.html"


def _write_class(
    pages: FolderPages,
    key: str,
    group: Sequence[_Made],
    together: tuple[Path, Sequence[Mapping[str, Any]]] | None,
    table: pd.DataFrame,
) -> None:
    place = _place(key)
    name = group[0].index["name"]
    folder, entries = together or (Path(), ())
    files = {(own.index["network"], own.index["class_index"]) for own in group}
    context = {
        "name": name,
        "together": [
            {"seed": entry["seed"], **pages.figure(place, entry, folder / entry["file"])}
            for entry in entries
        ],
        "networks": [
            {
                "name": own.index["network"],
                "objective": own.index["objective"],
                "seeds": [_seed(pages, place, own.folder, entry) for entry in own.index["seeds"]],
            }
            for own in group
        ],
        "rows": transfer_rows(table, files),
        "script": own_file("curves.js"),
    }
    pages.write(place, f"Images that maximise “{name}”", DATA_FILES[2], context)


def _seed(pages: FolderPages, place: str, folder: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    ladder, curves, course = entry["ladder"], entry["curves"], entry.get("course")
    return {
        "seed": entry["seed"],
        "ladder": pages.figure(place, ladder, folder / ladder["file"]),
        "curves": pages.curves(place, curves, folder / curves["file"], _words),
        "course": None if course is None else pages.link(place, folder / course["file"]),
    }


def _words(plot: Mapping[str, Any]) -> tuple[str, str]:
    return plot["ordinate"], plot["abscissa"]

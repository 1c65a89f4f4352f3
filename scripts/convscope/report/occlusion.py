"""The report's pages of occlusion: all images, each image, and what patches and strides cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.figures.indices import read_index
from convscope.files import replacing_directory
from convscope.occlusion.figures.trade_off import draw_trade_off
from convscope.occlusion.score_table import read_context_rows, read_score_rows
from convscope.occlusion.trade_off import read_trade_off
from convscope.report.embedding import embedded
from convscope.report.folder_pages import FolderPages
from convscope.report.image_pages import image_page, image_tiles, neighbours
from convscope.report.occlusion_scores import Key, by_image, context_rows, score_cells
from convscope.report.pages import own_file

DATA_FILES = (
    "occlusion.html.j2",
    "occlusion_image.html.j2",
    "occlusion_trade_off.html.j2",
    "occlusion.js",
    "occlusion_context.html.j2",
)
TRADE_OFF = "trade_off.html"
CONTEXT = "context.html"
TRADE_OFF_PICTURE = "trade_off.png"
POINTED = ("probability", "smoothed", "overlay", "log_odds", "activity", "classes")
"""Panels that tell the values of their cells; the first can also be reached with the keyboard."""
OUTLINED = ("image", "overlay")
"""Panels on which the patch of the cell is outlined."""


def build_occlusion_pages(
    output: str | Path,
    *,
    figures: Sequence[str],
    trade_off: str | Path | None,
    scores: str | Path | None = None,
    context: str | Path | None = None,
    settings: Mapping[str, Any],
) -> None:
    """Write the pages that show maps of occlusion.

    Parameters
    ----------
    output
        The folder ``occlusion`` of the report: ``index.html``, ``images/<image>.html``, and
        ``trade_off.html`` with ``trade_off.png`` where there is a table, ``context.html`` where
        there are scenes.
    figures
        Folders that ``convscope.occlusion.figures.files.draw_occlusion`` made, in the order of
        occluders and networks.
    trade_off
        The table that ``convscope.occlusion.trade_off.write_trade_off`` wrote, or None.
    scores, context
        Those that ``convscope.occlusion.score_table.write_score_tables`` wrote, or None.
    settings
        ``pages``, ``imagenet_terms``: see ``FolderPages``.

    Raises
    ------
    UserError
        If an index or a table is missing or damaged.
    """
    images = _by_image(figures, {} if scores is None else by_image(read_score_rows(scores)))
    rows = None if trade_off is None else read_trade_off(trade_off)
    by_network = [] if context is None else context_rows(read_context_rows(context))
    with replacing_directory(output) as folder:
        pages = FolderPages(folder, Path(output), settings)
        names = list(images)
        for place in range(len(names)):
            _write_image(pages, names, place, images[names[place]])
        if rows is not None:
            _write_trade_off(pages, folder, Path(output), rows)
        if by_network:
            said = {"rows": by_network, "table": pages.link(CONTEXT, Path(scores))}
            pages.write(CONTEXT, "Occlusion: object or context", DATA_FILES[4], said)
        first = {
            "images": image_tiles({image: found[0].small for image, found in images.items()}),
            "occluders": _occluders(images.values()),
            "trade_off": None if rows is None else TRADE_OFF,
            "context": CONTEXT if by_network else None,
        }
        pages.write("index.html", "Occlusion", DATA_FILES[0], first)


@dataclass(frozen=True)
class _Figure:
    """A figure, its files, what its folder says of all its figures, and its row of scores."""

    index: Mapping[str, Any]
    entry: Mapping[str, Any]
    picture: Path
    small: Path
    scores: Mapping[str, str] | None


def _by_image(
    folders: Iterable[str], scores: Mapping[Key, Mapping[str, str]]
) -> dict[str, list[_Figure]]:
    found: dict[str, list[_Figure]] = {}
    for folder in map(Path, folders):
        index = read_index(folder)
        for entry in index["images"]:
            files = folder / entry["file"], folder / entry["thumbnail"]
            row = scores.get((index["network"], index["occluder"], entry["image"]))
            found.setdefault(entry["image"], []).append(_Figure(index, entry, *files, row))
    return dict(sorted(found.items()))


def _occluders(images: Iterable[Sequence[_Figure]]) -> list[dict[str, str]]:
    """Return each occluder's name and words once."""
    found = {f.index["occluder"]: f.index["words"] for figures in images for f in figures}
    return [{"name": name, "words": words} for name, words in found.items()]


def _write_image(
    pages: FolderPages, names: Sequence[str], position: int, figures: Sequence[_Figure]
) -> None:
    image = names[position]
    place = image_page(image)
    context = {
        "image": image,
        **neighbours(names, position),
        "occluders": [
            {
                **occluder,
                "figures": [
                    _described(pages, place, figure)
                    for figure in figures
                    if figure.index["occluder"] == occluder["name"]
                ],
            }
            for occluder in _occluders([figures])
        ],
        "script": own_file("occlusion.js"),
    }
    pages.write(place, f"Occlusion: {image}", DATA_FILES[1], context)


def _described(pages: FolderPages, place: str, figure: _Figure) -> dict[str, Any]:
    entry = figure.entry
    row, column = entry["lowest"]
    return {
        **pages.figure(place, entry, figure.picture),
        "network": figure.index["network"],
        "class": entry["class"],
        "answer": entry["answer"],
        "method": entry["method"],
        "remarks": entry["remarks"],
        "scores": score_cells(figure.scores),
        "lowest": f"{entry['probabilities'][row][column]:.4f}",
        "clean": f"{entry['clean']:.4f}",
        "legend": [{"name": c["name"], "share": f"{c['share']:.1%}"} for c in entry["classes"]],
        "values": {
            "width": entry["width"],
            "height": entry["height"],
            "grid": figure.index["grid"],
            "network": figure.index["network"],
            "name": entry["class"],
            "clean": entry["clean"],
            "probabilities": entry["probabilities"],
            "classes": [c["name"] for c in entry["classes"]],
            "classMap": entry["class_map"],
            "lowest": entry["lowest"],
            "pointed": [entry["boxes"][n] for n in POINTED if n in entry["boxes"]],
            "outlined": [entry["boxes"][n] for n in OUTLINED],
        },
    }


def _write_trade_off(
    pages: FolderPages, folder: Path, final: Path, rows: Sequence[Mapping[str, str]]
) -> None:
    figure = None
    if rows:
        width, height = draw_trade_off(rows, folder / TRADE_OFF_PICTURE)
        figure = {
            "source": embedded(folder / TRADE_OFF_PICTURE),
            "width": width,
            "height": height,
            "file": pages.link(TRADE_OFF, final / TRADE_OFF_PICTURE),
        }
    context = {"rows": rows, "figure": figure}
    pages.write(TRADE_OFF, "Occlusion: what a finer grid costs", DATA_FILES[2], context)

"""The report's pages of invariance: networks side by side and ranked, and each on its own."""

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.figures.indices import read_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.predictions.storage import read_parquet
from convscope.report.folder_pages import FolderPages
from convscope.report.invariance_tables import correspondence_tables, rank_tables
from convscope.report.pages import own_file

DATA_FILES = ("curves.js", "invariance.html.j2", "invariance_network.html.j2")


def build_invariance_pages(
    output: str | Path,
    *,
    figures: str | Path,
    summary: str | Path,
    correspondence: str | Path | None,
    downloads: Sequence[Mapping[str, str]],
    settings: Mapping[str, Any],
) -> None:
    """Write the pages that show curves, ranks and correspondence.

    Parameters
    ----------
    output
        The folder ``invariance`` of the report: ``index.html`` and ``<sample set>/<network>.html``.
    figures
        The folder that ``convscope.invariance.figure_files.draw_figures`` made.
    summary
        Parquet of ``convscope.invariance.summary.summarise_invariance``.
    correspondence
        Parquet of ``convscope.invariance.correspondence_table.tabulate_correspondence``'s summary,
        or None.
    downloads
        Files to link to, ``{"title", "path"}``.
    settings
        ``networks``: ``[{"name", "weights"}]`` in order, weights in words. ``pages``,
        ``imagenet_terms``: see ``FolderPages``. ``notes``: sentences on the correspondence.

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    index = read_index(figures)
    networks = settings["networks"]
    table = read_parquet(summary)
    found = [] if correspondence is None else correspondence_tables(read_parquet(correspondence))
    with replacing_directory(output) as folder:
        pages = FolderPages(folder, Path(output), settings)
        for entry in index["sample_sets"]:
            _write_networks(pages, Path(figures), entry)
        context = {
            "sets": [
                {
                    "name": entry["sample_set"],
                    "networks": [_link(entry, network) for network in entry["networks"]],
                    "figure": _figure(pages, "index.html", Path(figures), entry["together"]),
                    "tables": rank_tables(table, entry["sample_set"], networks),
                }
                for entry in index["sample_sets"]
            ],
            "fills": sorted({entry["fill"] for entry in index["sample_sets"]}),
            "correspondence": found,
            "downloads": [pages.linked(entry) for entry in downloads],
            "notes": settings["notes"],
            "script": own_file("curves.js"),
        }
        pages.write("index.html", "Invariance", DATA_FILES[1], context)


def _write_networks(pages: FolderPages, figures: Path, entry: Mapping[str, Any]) -> None:
    for network in entry["networks"]:
        place = _place(entry, network)
        drawn = {
            kind: _figure(pages, place, figures, network[kind]) if kind in network else None
            for kind in ("panel", "summary")
        }
        links = [
            {
                "name": other["network"],
                "href": posixpath.basename(_place(entry, other)),
                "current": other is network,
            }
            for other in entry["networks"]
        ]
        context = {
            "network": network["network"],
            "sample_set": entry["sample_set"],
            "networks": links,
            "script": own_file("curves.js"),
            **drawn,
        }
        title = f"Invariance: {network['network']}, {entry['sample_set']}"
        pages.write(place, title, DATA_FILES[2], context)


def _figure(
    pages: FolderPages, place: str, figures: Path, entry: Mapping[str, Any]
) -> dict[str, Any]:
    plots = entry["plots"]

    def words(plot: Mapping[str, Any]) -> tuple[str, str]:
        # Only the first of a column and row are labelled.
        title = next((p["title"] for p in plots if p["left"] == plot["left"] and p["title"]), "")
        unit = next((p["abscissa"] for p in plots if p["top"] == plot["top"] and p["abscissa"]), "")
        return title, unit

    return pages.curves(place, entry, figures / entry["file"], words)


def _place(entry: Mapping[str, Any], network: Mapping[str, Any]) -> str:
    return f"{safe_name(entry['sample_set'])}/{safe_name(network['network'])}.html"


def _link(entry: Mapping[str, Any], network: Mapping[str, Any]) -> dict[str, str]:
    return {"name": network["network"], "href": _place(entry, network)}

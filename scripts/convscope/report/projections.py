"""The report's pages of projections: by image, by layer, and through the training."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convscope.figures.indices import read_index
from convscope.figures.names import safe_name
from convscope.figures.text import number, two_places
from convscope.files import replacing_directory
from convscope.predictions.titles import variant_title
from convscope.report.folder_pages import FolderPages
from convscope.report.image_pages import image_page, image_tiles, neighbours
from convscope.variants.definitions import NORMAL

DATA_FILES = (
    "projections.html.j2",
    "projections_image.html.j2",
    "projections_layer.html.j2",
    "projections_evolution.html.j2",
    "projections_parts.html.j2",
)


def build_projection_pages(
    output: str | Path,
    *,
    sheets: Sequence[str],
    mosaics: Sequence[str],
    strips: Sequence[str],
    settings: Mapping[str, Any],
) -> None:
    """Write the pages that show the figures of projections.

    Parameters
    ----------
    output
        The folder ``projections`` of the report: ``index.html``, ``images/<image>.html``,
        ``layers/<network>/<place>.html``, and ``evolution.html`` where there are strips.
    sheets, mosaics, strips
        Folders of figures, in the order of the networks.
    settings
        ``pages``: the report's navigation, ``[{"title", "href"}]``, from the report's folder.
        ``imagenet_terms``: whether images of ImageNet are shown.

    Raises
    ------
    UserError
        If the index of a folder is missing or damaged.
    """
    images = _by_image(sheets)
    layers = _by_network(mosaics, "mosaics")
    evolution = _by_network(strips, "strips")
    with replacing_directory(output) as folder:
        pages = FolderPages(folder, Path(output), settings)
        _write_images(pages, images)
        _write_layers(pages, layers, images)
        if evolution:
            _write_evolution(pages, evolution, images)
        context = {
            "images": image_tiles({image: found[0].small for image, found in images.items()}),
            "networks": [
                {"name": network, "layers": _layer_links(network, found)}
                for network, found in layers.items()
            ],
            "evolution": list(evolution),
        }
        pages.write("index.html", "Projections", "projections.html.j2", context)


@dataclass(frozen=True)
class _Sheet:
    """A sheet, its picture and the image's small one, and the titles of its controls."""

    network: str
    entry: Mapping[str, Any]
    picture: Path
    small: Path
    layers: Mapping[str, str]
    controls: Sequence[str]


@dataclass(frozen=True)
class _Figure:
    """A figure of a layer and its picture."""

    entry: Mapping[str, Any]
    picture: Path


def _by_image(folders: Iterable[str]) -> dict[str, list[_Sheet]]:
    """Return the sheets of each image, in the order of networks and variants."""
    found: dict[str, list[_Sheet]] = {}
    for folder in map(Path, folders):
        index = read_index(folder)
        titles = {layer["name"]: layer["common_name"] for layer in index["layers"]}
        for entry in index["sheets"]:
            files = folder / entry["file"], folder / entry["thumbnail"]
            sheet = _Sheet(index["network"], entry, *files, titles, index["controls"])
            found.setdefault(entry["image"], []).append(sheet)
    return dict(sorted(found.items()))


def _by_network(folders: Iterable[str], kind: str) -> dict[str, list[_Figure]]:
    """Return each network's figures, a figure a layer."""
    found = {}
    for folder in map(Path, folders):
        index = read_index(folder)
        found[index["network"]] = [_Figure(e, folder / e["file"]) for e in index[kind]]
    return found


def _write_images(pages: FolderPages, images: Mapping[str, Sequence[_Sheet]]) -> None:
    names = list(images)
    for position, (image, sheets) in enumerate(images.items()):
        place = image_page(image)
        variants = dict.fromkeys(sheet.entry["variant"] for sheet in sheets)
        context = {
            "image": image,
            **neighbours(names, position),
            "variants": [
                {
                    "title": variant_title(variant),
                    "sheets": [
                        {
                            **pages.figure(place, sheet.entry, sheet.picture),
                            "network": sheet.network,
                            "controls": sheet.controls,
                            "rows": _control_rows(sheet),
                        }
                        for sheet in sheets
                        if sheet.entry["variant"] == variant
                    ],
                }
                for variant in sorted(variants, key=lambda name: name != NORMAL)
            ],
        }
        pages.write(place, f"Projections: {image}", "projections_image.html.j2", context)


def _write_layers(
    pages: FolderPages, layers: Mapping[str, Sequence[_Figure]], images: Mapping[str, Any]
) -> None:
    for network, figures in layers.items():
        links = _layer_links(network, figures)
        for position, figure in enumerate(figures):
            place = _layer_page(network, figure)
            context = {
                "network": network,
                "layer": _layer_title(figure),
                "figure": pages.figure(place, figure.entry, figure.picture),
                "channels": _channel_rows(figure, images, "../../"),
                "layers": [
                    {**link, "href": posixpath.basename(link["href"]), "current": n == position}
                    for n, link in enumerate(links)
                ],
            }
            title = f"{network}, {_layer_title(figure)}"
            pages.write(place, title, "projections_layer.html.j2", context)


def _write_evolution(
    pages: FolderPages, evolution: Mapping[str, Sequence[_Figure]], images: Mapping[str, Any]
) -> None:
    networks = [
        {
            "name": network,
            "layers": [
                {
                    "title": _layer_title(figure),
                    "figure": pages.figure("evolution.html", figure.entry, figure.picture),
                    "channels": _channel_rows(figure, images, ""),
                }
                for figure in figures
            ],
        }
        for network, figures in evolution.items()
    ]
    title = "Projections through the training"
    pages.write("evolution.html", title, "projections_evolution.html.j2", {"networks": networks})


def _control_rows(sheet: _Sheet) -> list[dict[str, Any]]:
    """Return what a sheet says of each layer's strongest unit, as text."""
    rows = []
    for layer in sheet.entry["layers"]:
        common = sheet.layers[layer["layer"]]
        channel, peak = layer["channel"], layer["peak"]
        rows.append(
            {
                "layer": layer["layer"] if common == layer["layer"] else common,
                "channel": "–" if channel is None else "all" if channel < 0 else str(channel),
                "peak": "–" if peak is None else number(peak),
                "silent": f"{layer['silent']} of {layer['units']}",
                "agreement": [
                    f"{two_places(a['ssim'])} / {two_places(a['spearman'])}"
                    for a in layer["agreement"]
                ]
                or ["not computed"] * len(sheet.controls),
            }
        )
    return rows


def _channel_rows(figure: _Figure, images: Mapping[str, Any], up: str) -> list[dict[str, Any]]:
    """Return the units of each channel as text, with links to pages of images that have one."""
    return [
        {
            "channel": channel["channel"],
            "units": [
                {
                    "image": unit["image"],
                    "href": up + image_page(unit["image"]) if unit["image"] in images else None,
                    "epoch": unit.get("epoch"),
                    "peak": number(unit["peak"]),
                    "words": unit["words"],
                }
                for unit in channel["units"]
            ],
        }
        for channel in figure.entry["channels"]
    ]


def _layer_page(network: str, figure: _Figure) -> str:
    return f"layers/{safe_name(network)}/{figure.entry['place']:02d}.html"


def _layer_links(network: str, figures: Sequence[_Figure]) -> list[dict[str, Any]]:
    return [{"title": _layer_title(f), "href": _layer_page(network, f)} for f in figures]


def _layer_title(figure: _Figure) -> str:
    name, common = figure.entry["layer"]["name"], figure.entry["layer"]["common_name"]
    return name if name == common else f"{name} ({common})"

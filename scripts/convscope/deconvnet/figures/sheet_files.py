"""All sheets of a file of projections, in a folder with an index of what is there."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.deconvnet.control_table import ControlTable, reading_controls
from convscope.deconvnet.figures.cells import Classes, read_unit, ways_of
from convscope.deconvnet.figures.control_rows import Agreement, control_titles, find_controls
from convscope.deconvnet.figures.sheets import LayerRow, Sheet, draw_sheet
from convscope.deconvnet.table import ProjectionTable, Row, grouped, reading_projections
from convscope.figures.canvas import Canvas
from convscope.figures.contrast import fitted
from convscope.figures.indices import write_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.images.store import read_images
from convscope.predictions.titles import variant_title
from convscope.progress import progress
from convscope.variants.draw import draw_variant

LOGGER = logging.getLogger(__name__)
THUMBNAIL = 112


def draw_sheets(
    output: str | Path,
    *,
    projections: str | Path,
    controls: str | Path,
    images: str | Path,
    network: str,
    mean: Sequence[float],
    classes: Classes,
) -> None:
    """Draw a sheet of every image and variant in a file of projections.

    Parameters
    ----------
    output
        A folder: ``<image>/<variant>.png``, ``<image>/thumbnail.png`` and ``index.json``.
    projections, controls, images
        deconv.h5, controls.h5 and images.h5 of one network and batch.
    network
        Its name.
    mean
        RGB in [0, 1]: of the network's transform, for variants that are filled with it.
    classes
        The class names of layers that have a channel a class.

    Raises
    ------
    UserError
        If a file is missing, damaged, or of another layout, or lacks an image.
    """
    with (
        reading_projections(projections) as table,
        reading_controls(controls) as controlled,
        replacing_directory(output) as folder,
    ):
        groups = grouped(table.rows, "image", "variant")
        ids = table.attribute("images")["ids"]
        order = sorted(groups)
        pixels = _pixels(images, [ids[image] for image, _ in order])
        work = progress(order, LOGGER, what="sheets", total=len(order))
        maker = _Maker(table, controlled, network, mean, classes)
        entries = [
            maker.write(folder, ids[image], variant, pixels[ids[image]], groups[image, variant])
            for image, variant in work
        ]
        index = {
            "network": network,
            "layers": table.attribute("layers"),
            "controls": control_titles(controlled),
            "sheets": entries,
        }
        write_index(folder, index)
    LOGGER.info("%d sheets drawn", len(entries))


class _Maker:
    """Draws sheets from open files."""

    def __init__(
        self,
        table: ProjectionTable,
        controls: ControlTable,
        network: str,
        mean: Sequence[float],
        classes: Classes,
    ) -> None:
        self._table = table
        self._controls = controls
        self._network = network
        self._layers = table.attribute("layers")
        self._variants = table.attribute("variants")
        self._mean = mean
        self._classes = classes
        self._made = table.attribute("settings")
        self._top = 1 + max((row.rank for row in table.rows), default=0)

    def write(
        self, folder: Path, image: str, variant: int, pixels: np.ndarray, rows: Sequence[Row]
    ) -> dict[str, Any]:
        """Draw a sheet and return its entry of the index."""
        name = self._variants[variant]["name"]
        layers = self._layer_rows(image, name, rows)
        sheet = Sheet(
            image=image,
            network=self._network,
            about=f"{variant_title(name)}, {ways_of(self._made)}",
            pixels=draw_variant(pixels, self._variants[variant]["definition"], self._mean),
            select=self._made["select"],
            top=self._top,
            layers=layers,
            controls=control_titles(self._controls),
            seeds=self._controls.attribute("settings")["seeds"],
        )
        canvas = draw_sheet(sheet)
        place = folder / safe_name(image)
        place.mkdir(exist_ok=True)
        canvas.save(place / f"{safe_name(name)}.png")
        _save_thumbnail(place, pixels)
        return {
            "image": image,
            "variant": name,
            "file": f"{place.name}/{safe_name(name)}.png",
            "thumbnail": f"{place.name}/thumbnail.png",
            "width": canvas.size[0],
            "height": canvas.size[1],
            "layers": [_facts(layer) for layer in layers],
        }

    def _layer_rows(self, image: str, variant: str, rows: Sequence[Row]) -> list[LayerRow]:
        found = grouped(rows, "layer")
        result = []
        for place, layer in enumerate(self._layers):
            ordered = sorted(found.get((place,), []), key=lambda row: row.rank)
            units = [read_unit(self._table, row) for row in ordered]
            controls = find_controls(self._controls, image, variant, layer["name"])
            names = self._classes.get(layer["name"], ())
            result.append(LayerRow(layer["name"], layer["common_name"], names, units, controls))
        return result


def _facts(layer: LayerRow) -> dict[str, Any]:
    """Return what a page says in words about a row of the sheet."""
    found = [] if layer.controls is None else layer.controls.agreements
    strongest = layer.units[0].row if layer.units else None
    return {
        "layer": layer.name,
        "channel": None if strongest is None else strongest.channel,
        "peak": None if strongest is None else strongest.peak,
        "box": None if strongest is None else list(strongest.box),
        "silent": sum(unit.words is not None for unit in layer.units),
        "units": len(layer.units),
        "agreement": [_agreement(agreement) for agreement in found],
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "ssim": agreement.median.ssim,
        "spearman": agreement.median.spearman,
        "defined": agreement.defined,
        "seeds": agreement.seeds,
    }


def _pixels(path: str | Path, ids: Sequence[str]) -> dict[str, np.ndarray]:
    unique = list(dict.fromkeys(ids))
    batch = read_images(path, unique)
    return dict(zip(unique, batch.pixels, strict=True))


def _save_thumbnail(place: Path, pixels: np.ndarray) -> None:
    canvas = Canvas(THUMBNAIL, THUMBNAIL)
    canvas.picture(0, 0, fitted(pixels, THUMBNAIL, (255, 255, 255)))
    canvas.save(place / "thumbnail.png")

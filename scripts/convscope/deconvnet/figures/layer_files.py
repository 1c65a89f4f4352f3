"""All mosaics or strips of a network, a figure a layer, in a folder with an index of them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.deconvnet.figures.cells import Classes, DrawnUnit, read_unit, unit_name, ways_of
from convscope.deconvnet.figures.mosaics import ChannelBlock, draw_mosaic
from convscope.deconvnet.figures.strips import Change, draw_strip, epoch_title
from convscope.deconvnet.table import ProjectionTable, Row, grouped, reading_projections
from convscope.figures.canvas import Canvas
from convscope.figures.indices import write_index
from convscope.figures.names import safe_name
from convscope.files import replacing_directory
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)


def draw_mosaics(
    output: str | Path, projections: str | Path, *, network: str, classes: Classes
) -> None:
    """Draw the channels of every layer with the images that excite them most.

    Parameters
    ----------
    output
        A folder: ``<place>_<layer>.png`` and ``index.json``.
    projections
        A file of projections whose ``rank`` is the place among a channel's strongest images.
    network
        The network's name.
    classes
        The class names of layers that have a channel a class.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another layout.
    """
    _draw_layers(output, projections, network, classes, "mosaics", _mosaic)


def draw_strips(
    output: str | Path, projections: str | Path, *, network: str, classes: Classes
) -> None:
    """Draw how channels of every layer changed in training.

    Parameters
    ----------
    output
        A folder: ``<place>_<layer>.png`` and ``index.json``.
    projections
        A file of projections with an ``epoch`` a row.
    network
        The network's name.
    classes
        The class names of layers that have a channel a class.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another layout.
    """
    _draw_layers(output, projections, network, classes, "strips", _strip)


def _draw_layers(
    output: str | Path,
    projections: str | Path,
    network: str,
    classes: Classes,
    kind: str,
    draw: Any,
) -> None:
    with reading_projections(projections) as table, replacing_directory(output) as folder:
        layers = table.attribute("layers")
        groups = sorted(grouped(table.rows, "layer").items())
        entries = []
        for (place,), rows in progress(groups, LOGGER, what=kind, total=len(groups)):
            layer = layers[place]
            names = classes.get(layer["name"], ())
            canvas, facts = draw(table, rows, f"{network}, {_layer_title(layer)}", names)
            file = f"{place:02d}_{safe_name(layer['name'])}.png"
            canvas.save(folder / file)
            width, height = canvas.size
            size = {"width": width, "height": height}
            entries.append({"place": place, "layer": layer, "file": file, **size, **facts})
        write_index(folder, {"network": network, kind: entries})
    LOGGER.info("%d %s drawn", len(entries), kind)


def _mosaic(
    table: ProjectionTable, rows: Sequence[Row], title: str, names: Sequence[str]
) -> tuple[Canvas, dict[str, Any]]:
    top = 1 + max(row.rank for row in table.rows)
    blocks = []
    for (channel,), found in sorted(grouped(rows, "channel").items()):
        units = [read_unit(table, row) for row in sorted(found, key=lambda row: row.rank)]
        name = names[channel] if names else f"channel {channel}"
        blocks.append(ChannelBlock(name, channel, units))
    ids = table.attribute("images")["ids"]
    facts = [
        {"channel": block.channel, "units": [_facts(unit, ids) for unit in block.units]}
        for block in blocks
    ]
    about = f"the images that excite channels most, {ways_of(table.attribute('settings'))}"
    canvas = draw_mosaic(title, about, blocks, top)
    return canvas, {"channels": facts}


def _strip(
    table: ProjectionTable, rows: Sequence[Row], title: str, names: Sequence[str]
) -> tuple[Canvas, dict[str, Any]]:
    ids = table.attribute("images")["ids"]
    # The network's own weights, which have no epoch, come last.
    epochs = sorted({row.epoch for row in table.rows}, key=lambda epoch: (epoch < 0, epoch))
    changes = []
    for (channel,), found in sorted(grouped(rows, "channel").items()):
        units = {row.epoch: read_unit(table, row) for row in found}
        images = {row.epoch: ids[row.image] for row in found}
        changes.append(Change(unit_name(found[0], "unit", names), channel, units, images))
    facts = [
        {
            "channel": change.channel,
            "units": [
                {"epoch": epoch_title(epoch), **_facts(change.units[epoch], ids)}
                for epoch in epochs
                if epoch in change.units
            ],
        }
        for change in changes
    ]
    about = f"evolution in training, {ways_of(table.attribute('settings'))}"
    canvas = draw_strip(title, about, changes, epochs)
    return canvas, {"channels": facts}


def _facts(unit: DrawnUnit, ids: Sequence[str]) -> dict[str, Any]:
    """Return what a page says in words about a unit."""
    return {
        "image": ids[unit.row.image],
        "peak": unit.row.peak,
        "scale": unit.scale,
        "words": unit.words,
    }


def _layer_title(layer: Mapping[str, str]) -> str:
    name, common = layer["name"], layer["common_name"]
    return name if name == common else f"{name} ({common})"

"""Project the strongest units of a batch's images, one image at a time, into deconv.h5."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.deconvnet.batch_rows import (
    Inputs,
    Place,
    check_recorded,
    columns_of,
    refuse_infinite,
    seen_by,
)
from convscope.deconvnet.choice import Chosen, Selection, check_selection, choose
from convscope.deconvnet.peaks_table import PeaksTable, reading_peaks
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.table import NOWHERE, ProjectionWriter, writing_projections
from convscope.errors import UserError
from convscope.images.store import ImageBatch
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)
FACTS = ("name", "common_name", "kind", "channels", "height", "width")


def project_features(
    network: nn.Module,
    images: ImageBatch,
    features: str | Path,
    output: str | Path,
    *,
    layers: Sequence[str],
    image_ids: Sequence[str],
    variants: Mapping[str, Mapping[str, Any]],
    mean: Sequence[float],
    std: Sequence[float],
    select: str,
    top: int,
    unpooling: str,
    rule: str,
    storage: str,
    attributes: Mapping[str, Any],
    device: torch.device,
    explained_from: Mapping[str, str] | None = None,
) -> None:
    """Write deconv.h5 (schema ``projections/1``): rows by image, variant, layer and rank.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    images
        The prepared images.
    features
        The features.h5 of this network and these images: its peaks decide what is projected.
    output
        The file, written atomically.
    layers
        Module names, in the order of the rows.
    image_ids
        The images to project; rows follow the order of ``images``.
    variants
        ``{name: {"definition": ..., "images": [ids]}}``, in the order of the rows.
    mean, std
        RGB in [0, 1], applied on the device after the variant.
    select, top, explained_from
        See ``Selection``. A row of a class layer that is explained from another keeps the class
        layer, its channel and its peak; position, activation and box are those of the other.
    unpooling, rule
        See ``Projector``.
    storage
        ``float16`` or ``float32``.
    attributes
        ``network`` (with ``weights_sha256``) and ``packages``, for the file.
    device
        Where the network runs.

    Raises
    ------
    UserError
        If a layer is unknown or has too few channels, or if the peaks are not those of this
        network, these images and these variants.
    """
    selection = Selection(tuple(layers), select, top, dict(explained_from or {}))
    projector = Projector(
        network.to(memory_format=torch.channels_last), rule=rule, unpooling=unpooling
    )
    inputs = Inputs(images, mean, std, device)
    ids = _in_order(image_ids, images)
    with reading_peaks(features) as table:
        _check(table, projector, inputs, ids, variants, attributes)
        fewer = check_selection(table, selection)
        for layer, channels in fewer.items():
            LOGGER.info("layer %s: all %d classes, fewer than top %d", layer, channels, top)
        facts = {
            **attributes,
            **_facts(table, selection, inputs, ids, variants),
            "fewer_than_top": fewer,
            "settings": {"select": select, "top": top, "unpooling": unpooling, "rule": rule},
        }
        batch = _Batch(projector, table, selection, inputs)
        with writing_projections(output, facts, storage) as writer:
            count = sum(batch.write(writer, pair) for pair in _pairs(ids, variants))
    LOGGER.info("%d projections, %d layers, %d images", count, len(layers), len(ids))


def _check(
    table: PeaksTable,
    projector: Projector,
    inputs: Inputs,
    ids: Sequence[str],
    variants: Mapping[str, Mapping[str, Any]],
    attributes: Mapping[str, Any],
) -> None:
    """Refuse peaks that are not those of this network, these images and these variants."""
    layers = [step.layer for step in projector.program.steps if step.layer is not None]
    table.check_network(attributes["network"]["weights_sha256"], layers)
    table.check_images(inputs.images, ids)
    definitions = {name: variant["definition"] for name, variant in variants.items()}
    table.check_inputs(definitions, inputs.mean, inputs.std)


def _in_order(image_ids: Sequence[str], images: ImageBatch) -> list[str]:
    wanted = set(image_ids)
    unknown = sorted(wanted.difference(images.ids))
    if unknown:
        raise UserError(
            f"the batch has no image {unknown[0]!r}",
            where="deconvnet.images",
            remedy=f"It has {', '.join(images.ids)}.",
        )
    return [image for image in images.ids if image in wanted]


def _facts(
    table: PeaksTable,
    selection: Selection,
    inputs: Inputs,
    ids: Sequence[str],
    variants: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    digests = dict(zip(inputs.images.ids, inputs.images.pixel_sha256, strict=True))
    layers = [table.layer(layer) for layer in selection.layers]
    return {
        "images": {"ids": list(ids), "pixel_sha256": [digests[image] for image in ids]},
        "layers": [{fact: layer[fact] for fact in FACTS} for layer in layers],
        "network_layers": list(table.layers),
        "variants": [
            {"name": name, "definition": dict(variant["definition"])}
            for name, variant in variants.items()
        ],
        "controls": [],
        "transform": {"mean": list(inputs.mean), "std": list(inputs.std)},
        "explained_from": {
            layer: selection.start(layer)
            for layer in selection.layers
            if layer in selection.explained_from
        },
    }


@dataclass(frozen=True)
class _Pair:
    """An image under a variant, with the places of both in the file's attributes."""

    image: str
    variant: str
    definition: Mapping[str, Any]
    columns: Mapping[str, int]


def _pairs(ids: Sequence[str], variants: Mapping[str, Mapping[str, Any]]) -> Iterator[_Pair]:
    pairs = [
        _Pair(image, name, variant["definition"], {"image": place, "variant": number})
        for place, image in enumerate(ids)
        for number, (name, variant) in enumerate(variants.items())
        if image in variant["images"]
    ]
    return progress(pairs, LOGGER, what="images and variants", total=len(pairs))


@dataclass(frozen=True, eq=False)
class _Batch:
    """What all images have in common."""

    projector: Projector
    table: PeaksTable
    selection: Selection
    inputs: Inputs

    def write(self, writer: ProjectionWriter, pair: _Pair) -> int:
        """Project all units of an image in one way down; return how many rows that made."""
        where = f"{self.table.path}, image {pair.image}, variant {pair.variant}"
        peaks = self.table.peaks(pair.variant, pair.image)
        chosen = list(choose(peaks, self.selection, where))
        normalised, picture = self.inputs.of(pair.image, pair.definition)
        tape = self.projector.record(normalised, self.selection.starts())
        places = [Place(c.start, c.channel, c.row, c.column) for c in chosen]
        check_recorded(tape, places, [entry.value for entry in chosen], where)
        units = [unit_of(entry, self.selection.select) for entry in chosen]
        projections = self.projector.project(tape, units)
        for entry, projection in zip(chosen, projections, strict=True):
            refuse_infinite(projection, where)
            writer.add(
                projection.pixels,
                seen_by(projection, picture),
                **pair.columns,
                **self._columns(entry),
                **columns_of(projection, list(self.table.layers)),
            )
        return len(chosen)

    def _columns(self, entry: Chosen) -> dict[str, Any]:
        whole_layer = self.selection.select == "layer"
        return {
            "layer": self.selection.layers.index(entry.layer),
            "epoch": NOWHERE,
            "control": NOWHERE,
            "rank": entry.rank,
            "channel": NOWHERE if whole_layer else entry.channel,
            "row": entry.row,
            "column": entry.column,
            "peak": entry.peak,
        }


def unit_of(entry: Chosen, select: str) -> Unit:
    """Return what the engine projects of a chosen channel."""
    if select == "layer":
        return Unit(entry.start)
    if select == "map":
        return Unit(entry.start, entry.channel)
    return Unit(entry.start, entry.channel, entry.row, entry.column)

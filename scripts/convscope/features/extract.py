"""Extract the features of a batch: one forward pass per image and variant, streamed to HDF5."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from convscope.batching import BatchSize
from convscope.features.collect import Collected, collecting
from convscope.hdf5 import create_maps, create_table, writing
from convscope.images.store import ImageBatch
from convscope.progress import progress
from convscope.variants.network_input import network_input, variant_rgb

LOGGER = logging.getLogger(__name__)
SCHEMA = "features/1"
IMAGES_AT_ONCE = {"cpu": 8, "cuda": 64}
"""Images in one forward pass: on a CPU, more than 8 only leave its caches."""


@dataclass(frozen=True)
class LayerEntry:
    """A layer in the table of features.h5; its channels start at ``offset`` in the peaks."""

    name: str
    common_name: str
    kind: str
    channels: int
    height: int
    width: int
    offset: int


def layer_entries(layers: Sequence[Mapping[str, Any]]) -> list[LayerEntry]:
    """Return the layer table with the place of each layer's channels among all peaks.

    Parameters
    ----------
    layers
        Dicts with name, common_name, kind and shape ``(C,)`` or ``(C, H, W)``.
    """
    entries = []
    offset = 0
    for layer in layers:
        channels, height, width = (*layer["shape"], 1, 1)[:3]
        entries.append(
            LayerEntry(
                layer["name"], layer["common_name"], layer["kind"], channels, height, width, offset
            )
        )
        offset += channels
    return entries


def extract_features(
    network: nn.Module,
    images: ImageBatch,
    output: str | Path,
    *,
    layers: Sequence[LayerEntry],
    variants: Mapping[str, Mapping[str, Any]],
    mean: Sequence[float],
    std: Sequence[float],
    stored_layers: Sequence[str],
    activations: str,
    attributes: Mapping[str, Any],
    device: torch.device,
) -> None:
    """Write features.h5 (schema ``features/1``) of one batch by one network.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    images
        The prepared images.
    output
        The file, written atomically.
    layers
        Every layer of the network.
    variants
        ``{name: {"definition": ..., "images": [ids]}}``, in the order of the file.
    mean, std
        RGB in [0, 1], applied on the device after the variant.
    stored_layers
        Layers whose activations are kept.
    activations
        ``"float16"`` or ``"float32"``.
    attributes
        More facts for the file: the network, the versions.
    device
        Where the network runs.
    """
    network = network.to(memory_format=torch.channels_last)
    total = sum(len(variant["images"]) for variant in variants.values())
    looking = collecting(
        network,
        layers=[layer.name for layer in layers],
        stored=stored_layers,
        dtype=getattr(torch, activations),
    )
    facts = {**attributes, **_facts(images, layers, variants, mean, std)}
    with writing(output, SCHEMA, facts) as file, looking as collect:
        size = BatchSize(IMAGES_AT_ONCE[device.type])
        steps = list(_steps(images, variants, size.at_once))
        for name, start, indices in progress(steps, LOGGER, what="passes", total=len(steps)):
            definition = variants[name]["definition"]
            group = file.require_group(f"variants/{name}")
            for rows in size.over(len(indices)):
                chosen = indices[rows]
                with size.fitting():
                    rgb = variant_rgb(images.pixels[chosen], definition, mean, device)
                    collected = collect(network_input(rgb, mean, std))
                    if "logits" not in group:
                        _create(group, collected, len(variants[name]["images"]))
                    _write(group, collected, chosen, start + rows.start)
    LOGGER.info("%d images and variants pushed through the network once each", total)


def _facts(
    images: ImageBatch,
    layers: Sequence[LayerEntry],
    variants: Mapping[str, Mapping[str, Any]],
    mean: Sequence[float],
    std: Sequence[float],
) -> dict[str, Any]:
    return {
        "images": {
            "ids": list(images.ids),
            "source_sha256": list(images.source_sha256),
            "pixel_sha256": list(images.pixel_sha256),
        },
        "layers": [asdict(layer) for layer in layers],
        "variants": {name: variant["definition"] for name, variant in variants.items()},
        "transform": {"mean": list(mean), "std": list(std)},
    }


Step = tuple[str, int, np.ndarray]


def _steps(
    images: ImageBatch, variants: Mapping[str, Mapping[str, Any]], at_once: int
) -> Iterator[Step]:
    """Yield variant, first row in its datasets, and the indices of the images to push through."""
    places = {image: index for index, image in enumerate(images.ids)}
    for name, variant in variants.items():
        indices = np.array([places[image] for image in variant["images"]], dtype=np.int64)
        for start in range(0, len(indices), at_once):
            yield name, start, indices[start : start + at_once]


def _create(group: h5py.Group, collected: Collected, count: int) -> None:
    create_table(group, "image_index", (count,), np.int32)
    create_table(group, "logits", (count, *collected.logits.shape[1:]), np.float32)
    # Peaks hardly compress, and are written with every image.
    create_maps(group, "peak_value", (count, *collected.values.shape[1:]), np.float32, level=1)
    create_maps(group, "peak_position", (count, *collected.positions.shape[1:]), np.int16, level=1)
    for layer, values in sorted(collected.activations.items()):
        create_maps(group, f"activations/{layer}", (count, *values.shape[1:]), values.dtype)


def _write(group: h5py.Group, collected: Collected, chosen: np.ndarray, start: int) -> None:
    rows = slice(start, start + len(chosen))
    group["image_index"][rows] = chosen
    group["logits"][rows] = collected.logits
    group["peak_value"][rows] = collected.values
    group["peak_position"][rows] = collected.positions
    for layer, values in collected.activations.items():
        group[f"activations/{layer}"][rows] = values

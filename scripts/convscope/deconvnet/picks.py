"""Units picked from several images, projected image by image into one file of projections."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from convscope.deconvnet.batch_rows import (
    Place,
    check_recorded,
    columns_of,
    refuse_infinite,
    seen_by,
)
from convscope.deconvnet.project import Projector
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.table import NOWHERE, ProjectionWriter
from convscope.deconvnet.units import StrongImage, Units
from convscope.errors import UserError
from convscope.images.store import read_images, read_index
from convscope.progress import progress
from convscope.variants.definitions import NORMAL, definition_of
from convscope.variants.network_input import network_input, variant_rgb

LOGGER = logging.getLogger(__name__)
DEFINITION = definition_of(NORMAL, {})


@dataclass(frozen=True)
class Pick:
    """A unit of an image with the value that it was picked for.

    ``epoch`` is that of the training; -1 for the network's own weights.
    """

    layer: str
    channel: int
    strong: StrongImage
    epoch: int = NOWHERE

    @property
    def unit(self) -> Unit:
        """What the engine projects."""
        return Unit(self.layer, self.channel, self.strong.row, self.strong.column)

    @property
    def place(self) -> Place:
        """Where the value is found in a forward pass."""
        return Place(self.layer, self.channel, self.strong.row, self.strong.column)

    def columns(self) -> dict[str, Any]:
        """Return what the pick says of its row of the table."""
        return {
            "variant": 0,
            "epoch": self.epoch,
            "control": NOWHERE,
            "rank": self.strong.rank,
            "channel": self.channel,
            "row": self.strong.row,
            "column": self.strong.column,
            "peak": self.strong.value,
        }


class PreparedImages:
    """The images of several images.h5, found by id and read when they are asked for.

    Parameters
    ----------
    paths
        The files.
    mean, std
        Of the network's transform, RGB in [0, 1].
    device
        Where the network runs.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
    ) -> None:
        self._mean, self._std, self._device = mean, std, device
        self._files: dict[str, tuple[str | Path, str]] = {}
        for path in paths:
            index = read_index(path)
            for image, digest in zip(index.ids, index.pixel_sha256, strict=True):
                self._files.setdefault(image, (path, digest))

    def digest(self, image: str) -> str:
        """Return the SHA-256 of an image's pixels."""
        return self._files[image][1]

    def check(self, ids: Iterable[str], digests: Iterable[str], where: str) -> None:
        """Refuse images that are missing or other than those that were ranked."""
        for image, digest in zip(ids, digests, strict=True):
            found = self._files.get(image, (None, None))[1]
            if found != digest:
                what = "is in none of the files" if found is None else "has other pixels by now"
                raise UserError(
                    f"image {image} {what}",
                    where=where,
                    remedy="Delete this file and run snakemake again to rebuild it.",
                )

    def pixels(self, ids: Sequence[str]) -> np.ndarray:
        """Return images of one file, uint8 RGB ``(n, 3, 224, 224)``."""
        return read_images(self._files[ids[0]][0], ids).pixels

    def blocks(self, ids: Sequence[str], size: int) -> list[list[str]]:
        """Return ids in blocks of at most ``size`` that lie in one file each."""
        together: dict[str | Path, list[str]] = defaultdict(list)
        for image in ids:
            together[self._files[image][0]].append(image)
        return [
            names[start : start + size]
            for names in together.values()
            for start in range(0, len(names), size)
        ]

    def inputs(self, pixels: np.ndarray) -> torch.Tensor:
        """Return pixels ``(n, 3, 224, 224)`` as the network is fed with them."""
        rgb = variant_rgb(pixels, DEFINITION, self._mean, self._device)
        return network_input(rgb, self._mean, self._std)


def project_picks(
    projector: Projector,
    picks: Sequence[Pick],
    writer: ProjectionWriter,
    *,
    units: Units,
    layers: Sequence[str],
    images: PreparedImages,
    ids: Sequence[str],
    where: str,
) -> None:
    """Project picked units and append them to a file, by image id; each image goes up once.

    Parameters
    ----------
    projector
        Of the network.
    picks
        What to project.
    writer
        Of the file.
    units
        The layer table, and each layer's largest value.
    layers, ids
        What the file's rows count layers and images by.
    images
        The images.
    where
        The file of the peaks, for messages.

    Raises
    ------
    UserError
        If the network no longer computes the peaks.
    """
    together: dict[str, list[Pick]] = defaultdict(list)
    for pick in picks:
        together[pick.strong.image].append(pick)
    places = {name: place for place, name in enumerate(ids)}
    names = [layer["name"] for layer in units.layers]
    for image in progress(sorted(together), LOGGER, what="images", total=len(together)):
        chosen = together[image]
        pixels = images.pixels([image])
        tape = projector.record(images.inputs(pixels), sorted({pick.layer for pick in chosen}))
        values = [pick.strong.value for pick in chosen]
        check_recorded(tape, [pick.place for pick in chosen], values, f"{where}, image {image}")
        projections = projector.project(tape, [pick.unit for pick in chosen])
        for pick, projection in zip(chosen, projections, strict=True):
            refuse_infinite(projection, f"{where}, image {image}")
            writer.add(
                projection.pixels,
                seen_by(projection, pixels[0]),
                image=places[image],
                layer=layers.index(pick.layer),
                **pick.columns(),
                **columns_of(projection, names),
            )


def projection_attributes(
    units: Units,
    layers: Sequence[str],
    ids: Sequence[str],
    images: PreparedImages,
    **others: Any,
) -> dict[str, Any]:
    """Return the attributes of a file of picked units; ``others`` come as they are."""
    keys = ("name", "common_name", "kind", "channels", "height", "width")
    return {
        "network": dict(units.network),
        "images": {"ids": list(ids), "pixel_sha256": [images.digest(image) for image in ids]},
        "layers": [{key: units.layer(layer)[key] for key in keys} for layer in layers],
        "network_layers": [layer["name"] for layer in units.layers],
        "variants": [{"name": NORMAL, "definition": DEFINITION}],
        "controls": [],
        **others,
    }


def refuse_other_weights(units: Units, attributes: Mapping[str, Any], where: str) -> None:
    """Refuse a network whose weights are not those of the ranking.

    Parameters
    ----------
    units
        The ranking.
    attributes
        ``network`` with ``weights_sha256``.
    where
        The ranking's file.

    Raises
    ------
    UserError
        If they differ.
    """
    if attributes["network"]["weights_sha256"] != units.network["weights_sha256"]:
        raise UserError(
            "peaks do not match the network: the weights changed underneath",
            where=where,
            remedy="Delete this file and run snakemake again, so that the peaks are made anew.",
        )

"""The file units.h5 (``units/1``): the images that excite each channel most; needs no torch.

The file of one batch of images and that of all batches have the same layout.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import hdf5plugin
import numpy as np

from convscope.errors import UserError
from convscope.hdf5 import attribute, reading, writing

SCHEMA = "units/1"
TOP = 9
"""Images a channel, after Zeiler & Fergus (2013), Fig. 2."""
CHUNK = 4096
"""Channels that are compressed together."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The strongest images of K channels, the strongest first.

    Parameters
    ----------
    value
        float32 ``(K, top)``: the channel's largest value in the image; 0 where there is no image.
    image
        int32 ``(K, top)``: places in ``ids``; -1 where there are fewer images.
    position
        int16 ``(K, top, 2)``: row and column of the value; (0, 0) where there is no image.
    ids, pixel_sha256
        Of the images, sorted by id.
    """

    value: np.ndarray
    image: np.ndarray
    position: np.ndarray
    ids: tuple[str, ...]
    pixel_sha256: tuple[str, ...]

    def images_of(self, channel: int) -> Iterator["StrongImage"]:
        """Yield the images of a channel, the strongest first."""
        for rank, image in enumerate(self.image[channel].tolist()):
            if image >= 0:
                row, column = self.position[channel, rank].tolist()
                value = float(self.value[channel, rank])
                yield StrongImage(rank, self.ids[image], value, row, column)


@dataclass(frozen=True)
class StrongImage:
    """An image among the strongest of a channel: its rank from 0, the peak and where that is."""

    rank: int
    image: str
    value: float
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Units:
    """A ranking of all channels of a network.

    Parameters
    ----------
    network
        ``architecture`` and ``weights_sha256``.
    layers
        The layer table: dicts with name, common_name, kind, channels, height, width and offset,
        the place of the layer's first channel in the ranking.
    ranking
        Of the channels of all layers, one after the other.
    """

    network: Mapping[str, Any]
    layers: Sequence[Mapping[str, Any]]
    ranking: Ranking

    def layer(self, name: str) -> Mapping[str, Any]:
        """Return a layer's entry.

        Raises
        ------
        UserError
            If there is no such layer.
        """
        entries = {layer["name"]: layer for layer in self.layers}
        if name not in entries:
            near = get_close_matches(name, entries, n=3)
            raise UserError(
                "the network has no such layer",
                where=name,
                remedy=f"Near it: {', '.join(near)}." if near else f"It has {', '.join(entries)}.",
            )
        return entries[name]

    def rows(self, name: str) -> slice:
        """Return the place of a layer's channels in the ranking; otherwise as ``layer``."""
        entry = self.layer(name)
        return slice(entry["offset"], entry["offset"] + entry["channels"])

    def largest(self, name: str) -> float:
        """Return the largest absolute value of a layer that the ranking knows."""
        return float(np.abs(self.ranking.value[self.rows(name)]).max(initial=0))


def write_units(path: str | Path, units: Units, packages: Mapping[str, str]) -> None:
    """Write units.h5, whole or not at all.

    Parameters
    ----------
    path
        The final name.
    units
        What to write.
    packages
        Versions of what made it.
    """
    ranking = units.ranking
    attributes = {
        "network": dict(units.network),
        "layers": [dict(layer) for layer in units.layers],
        "images": {"ids": list(ranking.ids), "pixel_sha256": list(ranking.pixel_sha256)},
        "packages": dict(packages),
    }
    with writing(path, SCHEMA, attributes) as file:
        for name, dtype in (("value", "float32"), ("image", "int32"), ("position", "int16")):
            values = getattr(ranking, name)
            file.create_dataset(
                name,
                data=values.astype(dtype, copy=False),
                chunks=(min(CHUNK, len(values)), *values.shape[1:]),
                fletcher32=True,
                compression=hdf5plugin.Zstd(clevel=3),
            )


def read_units(path: str | Path) -> Units:
    """Read units.h5.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        images = attribute(file, "images")
        ranking = Ranking(
            file["value"][:],
            file["image"][:],
            file["position"][:],
            tuple(images["ids"]),
            tuple(images["pixel_sha256"]),
        )
        return Units(attribute(file, "network"), attribute(file, "layers"), ranking)

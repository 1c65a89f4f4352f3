"""The peaks of features.h5, and whether they belong to this network and to these images; no torch.

They decide which units are projected without another look at any activation.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convscope.digests import normalised
from convscope.errors import UserError
from convscope.hdf5 import attribute, reading
from convscope.images.store import ImageBatch

SCHEMA = "features/1"


class Peaks:
    """The peaks of one image under one variant."""

    def __init__(
        self, values: np.ndarray, positions: np.ndarray, layers: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._values = values
        self._positions = positions
        self._layers = layers

    def of(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the values ``(C,)`` and positions ``(C, 2)`` of a layer's channels."""
        entry = self._layers[layer]
        channels = slice(entry["offset"], entry["offset"] + entry["channels"])
        return self._values[channels], self._positions[channels]


class PeaksTable:
    """An open features.h5.

    Parameters
    ----------
    file
        Of the schema ``features/1``.
    path
        Its name, for messages.
    """

    def __init__(self, file: h5py.File, path: str | Path) -> None:
        self._file = file
        self.path = str(path)
        self.layers: dict[str, dict[str, Any]] = {
            layer["name"]: layer for layer in attribute(file, "layers")
        }
        self.ids: list[str] = attribute(file, "images")["ids"]
        self._rows: dict[str, dict[str, int]] = {}

    def layer(self, name: str) -> dict[str, Any]:
        """Return a layer's entry: name, common_name, kind, channels, height, width, offset.

        Raises
        ------
        UserError
            If there is no such layer.
        """
        if name not in self.layers:
            near = get_close_matches(name, self.layers, n=3)
            raise UserError(
                f"the network has no layer {name!r}",
                where="deconvnet.layers",
                remedy=f"Near it: {', '.join(near or self.layers)}.",
            )
        return self.layers[name]

    def class_layers(self) -> list[str]:
        """Return the layers at the network's end that have one channel a class."""
        names = list(self.layers)
        classes = self.layers[names[-1]]["channels"]
        found: list[str] = []
        while names and self.layers[names[-1]]["channels"] == classes:
            found.insert(0, names.pop())
        return found

    def peaks(self, variant: str, image: str) -> Peaks:
        """Return the peaks of an image under a variant.

        Raises
        ------
        UserError
            If the file does not hold them.
        """
        group = self._file.get(f"variants/{variant}")
        if group is not None and variant not in self._rows:
            members = [self.ids[index] for index in group["image_index"][:]]
            self._rows[variant] = {member: row for row, member in enumerate(members)}
        row = self._rows.get(variant, {}).get(image)
        if row is None:
            raise self.mismatch(f"it holds no variant {variant!r} of image {image!r}")
        return Peaks(group["peak_value"][row], group["peak_position"][row], self.layers)

    def check_network(self, weights_sha256: str, layers: Sequence[str]) -> None:
        """Refuse peaks of other weights or of a network with other layers."""
        found = attribute(self._file, "network")["weights_sha256"]
        if found != weights_sha256:
            raise self.mismatch(
                "the weights changed underneath: its peaks are those of "
                f"{found[:16]}, the network's weights are {weights_sha256[:16]}"
            )
        if list(layers) != list(self.layers):
            raise self.mismatch("its layers are not the network's")

    def check_images(self, images: ImageBatch, wanted: Sequence[str]) -> None:
        """Refuse peaks of other images than those that will be projected."""
        refuse_other_pixels(attribute(self._file, "images"), images, wanted, self.path)

    def check_inputs(
        self,
        definitions: Mapping[str, Mapping[str, Any]],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """Refuse peaks of other variants of the same names, or of another normalisation."""
        stored = attribute(self._file, "variants")
        for name, definition in definitions.items():
            if name in stored and normalised(stored[name]) != normalised(dict(definition)):
                raise self.mismatch(f"its variant {name!r} is defined otherwise")
        transform = {"mean": list(mean), "std": list(std)}
        if normalised(attribute(self._file, "transform")) != normalised(transform):
            raise self.mismatch("its images were normalised otherwise")

    def mismatch(self, what: str) -> UserError:
        """Return the error for a file that does not fit the rest of the run."""
        return outdated(what, self.path)


@contextmanager
def reading_peaks(path: str | Path) -> Iterator[PeaksTable]:
    """Open a features.h5.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another layout.
    """
    with reading(path, SCHEMA) as file:
        yield PeaksTable(file, path)


def refuse_other_pixels(
    facts: Mapping[str, Sequence[str]], images: ImageBatch, wanted: Sequence[str], path: str
) -> None:
    """Refuse a file that was made from other pixels than those in images.h5.

    Parameters
    ----------
    facts
        The file's ``ids`` and ``pixel_sha256``.
    images
        The prepared images.
    wanted
        Ids of the images that matter.
    path
        The file, for the message.
    """
    known = dict(zip(facts["ids"], facts["pixel_sha256"], strict=True))
    prepared = dict(zip(images.ids, images.pixel_sha256, strict=True))
    for image in wanted:
        if image not in prepared:
            raise outdated(f"the prepared images hold no {image!r}", path)
        if known.get(image) != prepared[image]:
            what = "is not in it" if image not in known else "had other pixels when it was made"
            raise outdated(f"image {image!r} {what}", path)


def outdated(what: str, path: str) -> UserError:
    """Return the error for a file that does not fit what it should have been made from."""
    return UserError(what, where=path, remedy="Delete this file and run snakemake again.")

"""The file images.h5: a batch of prepared images with what identifies them; needs no torch."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convscope.errors import UserError
from convscope.hdf5 import attribute, create_maps, reading, set_attribute, writing
from convscope.images.geometry import SIDE

SCHEMA = "images/1"
SHAPE = (3, SIDE, SIDE)


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Prepared images and what identifies them.

    Parameters
    ----------
    ids
        The image ids, N of them, in the order of the pixels.
    pixels
        uint8 RGB, ``(N, 3, 224, 224)``.
    source_sha256
        Of each source's bytes.
    pixel_sha256
        Of each image's prepared pixels.
    """

    ids: tuple[str, ...]
    pixels: np.ndarray
    source_sha256: tuple[str, ...]
    pixel_sha256: tuple[str, ...]


@dataclass(frozen=True)
class ImageIndex:
    """What images.h5 says about its images, without their pixels."""

    ids: tuple[str, ...]
    source_sha256: tuple[str, ...]
    pixel_sha256: tuple[str, ...]
    geometry: Mapping[str, Any]
    packages: Mapping[str, str]


class ImageWriter:
    """Takes prepared images one by one, so that no more than one is in memory."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self.source_sha256: list[str] = []
        self.pixel_sha256: list[str] = []

    def add(self, pixels: np.ndarray, source_sha256: str) -> None:
        """Write the next image: uint8 ``(3, 224, 224)``.

        Raises
        ------
        ValueError
            If shape or type are others.
        """
        if pixels.shape != SHAPE or pixels.dtype != np.uint8:
            raise ValueError(f"expected uint8 {SHAPE}, not {pixels.dtype} {pixels.shape}")
        self._dataset[len(self.pixel_sha256)] = pixels
        self.source_sha256.append(source_sha256)
        self.pixel_sha256.append(pixel_digest(pixels))


@contextmanager
def writing_images(
    path: str | Path,
    ids: Sequence[str],
    geometry: Mapping[str, Any],
    packages: Mapping[str, str],
) -> Iterator[ImageWriter]:
    """Yield a writer for a new images.h5, which appears whole when the block ends, or not at all.

    Parameters
    ----------
    path
        The final name.
    ids
        The ids of the images in the order in which they will be added.
    geometry
        resize, crop, interpolation.
    packages
        Name and version of the packages that made the pixels.

    Raises
    ------
    ValueError
        If ids repeat, or if not as many images as ids were added.
    """
    if len(set(ids)) != len(ids):
        raise ValueError("image ids repeat")
    attributes = {"ids": list(ids), "geometry": dict(geometry), "packages": dict(packages)}
    with writing(path, SCHEMA, attributes) as file:
        writer = ImageWriter(create_maps(file, "pixels", (len(ids), *SHAPE), np.uint8))
        yield writer
        if len(writer.pixel_sha256) != len(ids):
            raise ValueError(f"{len(writer.pixel_sha256)} images were added for {len(ids)} ids")
        # Known only now that the last image is in.
        set_attribute(file, "source_sha256", writer.source_sha256)
        set_attribute(file, "pixel_sha256", writer.pixel_sha256)


def read_index(path: str | Path) -> ImageIndex:
    """Read ids and digests without touching a pixel.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        return _index(file)


def read_images(path: str | Path, ids: Sequence[str] | None = None) -> ImageBatch:
    """Read the images named in ``ids``, in that order, or all; others are not read from the disk.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout, or has no image of that name.
    """
    with reading(path, SCHEMA) as file:
        index = _index(file)
        wanted = index.ids if ids is None else tuple(ids)
        rows = _rows(index.ids, wanted, path)
        pixels = np.empty((len(rows), *SHAPE), np.uint8)
        for place, row in enumerate(rows):
            file["pixels"].read_direct(pixels, np.s_[row], np.s_[place])
    return ImageBatch(
        ids=wanted,
        pixels=pixels,
        source_sha256=tuple(index.source_sha256[row] for row in rows),
        pixel_sha256=tuple(index.pixel_sha256[row] for row in rows),
    )


def pixel_digest(pixels: np.ndarray) -> str:
    """Return the SHA-256 of pixels ``(3, 224, 224)`` in row-major order."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _index(file: h5py.File) -> ImageIndex:
    return ImageIndex(
        ids=tuple(attribute(file, "ids")),
        source_sha256=tuple(attribute(file, "source_sha256")),
        pixel_sha256=tuple(attribute(file, "pixel_sha256")),
        geometry=attribute(file, "geometry"),
        packages=attribute(file, "packages"),
    )


def _rows(ids: tuple[str, ...], wanted: tuple[str, ...], path: str | Path) -> list[int]:
    row_of = {image_id: row for row, image_id in enumerate(ids)}
    for image_id in wanted:
        if image_id not in row_of:
            raise UserError(
                f"there is no image {image_id!r} in it",
                where=str(path),
                remedy="Run snakemake again, so that the batch is made anew.",
            )
    return [row_of[image_id] for image_id in wanted]

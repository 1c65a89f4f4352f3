"""The file occlusion.h5: the maps of a batch by one network and one occluder; needs no torch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from convscope.errors import UserError
from convscope.hdf5 import attribute, create_maps, create_table, reading, set_attribute, writing
from convscope.occlusion.grid import Grid
from convscope.occlusion.maps import Comparison, OcclusionMaps
from convscope.occlusion.occluders import Occluder

SCHEMA = "occlusion/2"
NONE = -1
"""Stands for no label and no channel."""
MAPS = {
    "logits": (2, np.float32),
    "probabilities": (2, np.float32),
    "log_odds": (2, np.float32),
    "class_map": (0, np.int32),
    "margin": (0, np.float32),
    "activity": (0, np.float32),
    "evaluated": (0, np.bool_),
}
"""Datasets with a map an image: ``(N, 2, rows, columns)`` of label and top class, or
``(N, rows, columns)``."""
TABLES = {
    "label": (0, np.int32),
    "top": (0, np.int32),
    "channel": (0, np.int32),
    "clean_logits": (2, np.float32),
    "clean_probabilities": (2, np.float32),
    "clean_log_odds": (2, np.float32),
    "clean_activity": (0, np.float32),
}
"""Datasets with a number an image, ``(N,)``, or one for label and top class, ``(N, 2)``."""


@dataclass(frozen=True)
class OcclusionIndex:
    """What occlusion.h5 says about its maps.

    Parameters
    ----------
    ids
        The image ids, in the order of the maps.
    occluder
        Its settings, as ``Occluder.settings`` gives them.
    grid
        Where the patches lie.
    method
        What was asked for: ``auto``, ``exact``, ``plain`` or ``coarse_to_fine``.
    network, images, packages
        As in the file.
    """

    ids: tuple[str, ...]
    occluder: Mapping[str, Any]
    grid: Grid
    method: str
    network: Mapping[str, Any]
    images: Mapping[str, Any]
    packages: Mapping[str, str]


class MapsWriter:
    """Takes the maps of one image after the other, so that only one is in memory."""

    def __init__(self, file: h5py.File, grid: Grid) -> None:
        self._file, self._grid = file, grid
        self.methods: list[str] = []
        self.comparisons: list[dict[str, float | None] | None] = []

    def add(self, maps: OcclusionMaps) -> None:
        """Write the maps of the next image.

        Raises
        ------
        ValueError
            If they have another grid.
        """
        if maps.grid != self._grid:
            raise ValueError(f"expected maps on {self._grid}, not {maps.grid}")
        row = len(self.methods)
        for name in MAPS:
            self._file[name][row] = getattr(maps, name)
        for name in ("label", "channel"):
            value = getattr(maps, name)
            self._file[name][row] = NONE if value is None else value
        for name in TABLES:
            if name not in ("label", "channel"):
                self._file[name][row] = getattr(maps, name)
        self.methods.append(maps.method)
        comparison = maps.comparison
        self.comparisons.append(
            comparison and {"ssim": comparison.ssim, "largest_error": comparison.largest_error}
        )


@contextmanager
def writing_maps(
    path: str | Path,
    images: Mapping[str, Any],
    occluder: Occluder,
    grid: Grid,
    method: Mapping[str, Any],
    network: Mapping[str, Any],
    packages: Mapping[str, str],
) -> Iterator[MapsWriter]:
    """Yield a writer for a new occlusion.h5, which appears whole when the block ends, or not.

    Parameters
    ----------
    path
        The final name.
    images
        ``ids``, ``source_sha256`` and ``pixel_sha256`` of the images, in the order in which their
        maps will be added.
    occluder
        The patch; its name is left out, so that equal occluders give equal files.
    grid
        Where the patches lie.
    method
        What was asked for: ``name`` and, of ``coarse_to_fine``, ``every``, ``share``, ``compare``.
    network
        Whatever identifies it.
    packages
        Name and version of the packages that made the numbers.

    Raises
    ------
    ValueError
        If not as many maps as ids were added.
    """
    count, shape = len(images["ids"]), grid.shape
    attributes = {
        "images": dict(images),
        "occluder": occluder.settings(),
        "grid": {"image": grid.image, "rows": shape[0], "columns": shape[1]},
        "method": dict(method),
        "network": dict(network),
        "packages": dict(packages),
    }
    with writing(path, SCHEMA, attributes) as file:
        for name, (values, dtype) in MAPS.items():
            create_maps(file, name, (count, *([values] if values else []), *shape), dtype)
        for name, (values, dtype) in TABLES.items():
            create_table(file, name, (count, *([values] if values else [])), dtype)
        writer = MapsWriter(file, grid)
        yield writer
        if len(writer.methods) != count:
            raise ValueError(f"maps of {len(writer.methods)} images were added for {count} ids")
        # Known only now that the last maps are in.
        set_attribute(file, "methods", writer.methods)
        set_attribute(file, "comparisons", writer.comparisons)


def read_index(path: str | Path) -> OcclusionIndex:
    """Read what a file says about its maps, without a map.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout.
    """
    with reading(path, SCHEMA) as file:
        return _index(file)


def read_maps(path: str | Path, ids: Sequence[str] | None = None) -> dict[str, OcclusionMaps]:
    """Read the maps of the images named in ``ids``, or all, by id.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another layout, or has no image of that name.
    """
    with reading(path, SCHEMA) as file:
        index = _index(file)
        wanted = index.ids if ids is None else tuple(ids)
        for image in wanted:
            if image not in index.ids:
                raise UserError(
                    f"there is no image {image!r} in it",
                    where=str(path),
                    remedy="Run snakemake again, so that the maps are made anew.",
                )
        methods, comparisons = attribute(file, "methods"), attribute(file, "comparisons")
        found = {}
        for image in wanted:
            row = index.ids.index(image)
            comparison = comparisons[row] and Comparison(**comparisons[row])
            found[image] = _maps(file, row, index.grid, methods[row], comparison)
        return found


def _index(file: h5py.File) -> OcclusionIndex:
    images, occluder = attribute(file, "images"), attribute(file, "occluder")
    side = attribute(file, "grid")["image"]
    grid = Grid(tuple(side), tuple(occluder["patch"]), tuple(occluder["stride"]))
    return OcclusionIndex(
        ids=tuple(images["ids"]),
        occluder=occluder,
        grid=grid,
        method=attribute(file, "method")["name"],
        network=attribute(file, "network"),
        images=images,
        packages=attribute(file, "packages"),
    )


def _maps(
    file: h5py.File, row: int, grid: Grid, method: str, comparison: Comparison | None
) -> OcclusionMaps:
    label, channel = int(file["label"][row]), int(file["channel"][row])
    return OcclusionMaps(
        grid=grid,
        label=None if label == NONE else label,
        top=int(file["top"][row]),
        channel=None if channel == NONE else channel,
        clean_logits=tuple(file["clean_logits"][row].tolist()),
        clean_probabilities=tuple(file["clean_probabilities"][row].tolist()),
        clean_log_odds=tuple(file["clean_log_odds"][row].tolist()),
        clean_activity=float(file["clean_activity"][row]),
        method=method,
        comparison=comparison,
        **{name: file[name][row] for name in MAPS},
    )

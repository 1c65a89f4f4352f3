"""Projections on disk: one table of units and one stream of pixels (``projections/1``); no torch.

Boxes differ in size from unit to unit, so pixels lie one after the other: a unit's projection
``(3, h, w)`` and the patch of the image that it sees begin at the same place of two streams.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from convscope.deconvnet.storage import restore, store
from convscope.hdf5 import attribute, reading, set_attribute, writing

SCHEMA = "projections/1"
CHUNK = 1 << 18
"""Values of a stream that are compressed together."""
NOWHERE = -1
"""No place: a whole layer's channel, the epoch of the network's own weights, and so on."""


@dataclass(frozen=True)
class Row:
    """What is stored of one unit beside its pixels; the columns of the table.

    Parameters
    ----------
    image, layer, variant
        Places in the file's attributes ``images`` (``ids``), ``layers`` and ``variants``.
    epoch
        Of the training; -1 for the network's own weights.
    control
        Place in the attribute ``controls``; -1 for the unit's own projection.
    rank
        Among the units chosen together, from 0.
    channel
        -1 for a whole layer.
    row, column
        The place of the channel's peak; (0, 0) in a vector layer.
    peak
        The channel's largest value.
    activation
        What the signal started from.
    top, left, bottom, right
        The box of projection and patch in pixels, half-open.
    zero_at
        Place in the attribute ``network_layers`` of the layer where rectification left nothing;
        -1 if something arrived.
    scale
        The factor that restores stored pixels; see ``convscope.deconvnet.storage``.
    start
        Where projection and patch begin in their streams.
    """

    image: int
    layer: int
    variant: int
    epoch: int
    control: int
    rank: int
    channel: int
    row: int
    column: int
    peak: float
    activation: float
    top: int
    left: int
    bottom: int
    right: int
    zero_at: int
    scale: float
    start: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right in pixels, half-open."""
        return self.top, self.left, self.bottom, self.right

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the projection and of the patch."""
        return 3, self.bottom - self.top, self.right - self.left


TYPES = {field.name: np.dtype("int32") for field in fields(Row)} | {
    "peak": np.dtype("float32"),
    "activation": np.dtype("float32"),
    "scale": np.dtype("float32"),
    "start": np.dtype("int64"),
}


class ProjectionWriter:
    """Takes units one by one, so that no more than one is in memory."""

    def __init__(self, file: h5py.File, dtype: str) -> None:
        self._dtype = dtype
        self._rows: list[Row] = []
        self._file = file
        self._end = 0
        self._projections = _stream(file, "projections", np.dtype(dtype))
        self._patches = _stream(file, "patches", np.dtype("uint8"))

    def add(self, projection: np.ndarray, patch: np.ndarray, **columns: Any) -> None:
        """Append a unit.

        Parameters
        ----------
        projection
            ``(3, h, w)`` in the unit's box.
        patch
            uint8 RGB ``(3, h, w)``, what the unit sees.
        columns
            All columns of ``Row`` but scale and start.

        Raises
        ------
        ValueError
            If the shapes do not fit the box, or the projection is not finite.
        """
        stored, scale = store(projection, self._dtype)
        row = Row(**columns, scale=float(scale), start=self._end)
        if stored.shape != row.shape or patch.shape != row.shape:
            raise ValueError(f"{stored.shape} and {patch.shape} do not fit the box {row.box}")
        end = self._end + stored.size
        for stream, values in ((self._projections, stored), (self._patches, patch)):
            stream.resize((end,))
            stream[self._end : end] = values.reshape(-1)
        self._end = end
        self._rows.append(row)

    def close(self) -> None:
        """Write the table."""
        for name, dtype in TYPES.items():
            values = np.array([getattr(row, name) for row in self._rows], dtype)
            self._file.create_dataset(f"units/{name}", data=values, fletcher32=bool(len(values)))


@contextmanager
def writing_projections(
    path: str | Path, attributes: Mapping[str, Any], dtype: str
) -> Iterator[ProjectionWriter]:
    """Open a new file of projections that takes its final name when the block ends well.

    Parameters
    ----------
    path
        The final name.
    attributes
        ``network``, ``images`` (``ids``, ``pixel_sha256``), ``layers`` (a list of dicts with name,
        common_name, kind), ``network_layers`` (names of all layers), ``variants`` (a list of dicts
        with name and definition), ``settings``, ``transform``, ``packages``, and more.
    dtype
        ``float16`` or ``float32``, of the stored projections.
    """
    with writing(path, SCHEMA, attributes) as file:
        set_attribute(file, "stored_as", dtype)
        writer = ProjectionWriter(file, dtype)
        yield writer
        writer.close()


class ProjectionTable:
    """An open file of projections: its facts, its rows, and the pixels of any row."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        columns = {name: file[f"units/{name}"][:].tolist() for name in TYPES}
        self.rows = [Row(*values) for values in zip(*columns.values(), strict=True)]

    def attribute(self, name: str) -> Any:
        """Return an attribute of the file."""
        return attribute(self._file, name)

    def projection(self, row: Row) -> np.ndarray:
        """Return a row's projection, float32 ``(3, h, w)``."""
        return restore(self._read("projections", row), row.scale)

    def patch(self, row: Row) -> np.ndarray:
        """Return what a row's unit sees, uint8 RGB ``(3, h, w)``."""
        return self._read("patches", row)

    def _read(self, stream: str, row: Row) -> np.ndarray:
        end = row.start + int(np.prod(row.shape))
        return self._file[stream][row.start : end].reshape(row.shape)


@contextmanager
def reading_projections(path: str | Path) -> Iterator[ProjectionTable]:
    """Open a file of projections.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another layout.
    """
    with reading(path, SCHEMA) as file:
        yield ProjectionTable(file)


def grouped(rows: Sequence[Row], *columns: str) -> dict[tuple[int, ...], list[Row]]:
    """Return rows by the values of some columns, groups and rows in the file's order."""
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in columns), []).append(row)
    return groups


def _stream(file: h5py.File, name: str, dtype: np.dtype) -> h5py.Dataset:
    return file.create_dataset(
        name,
        shape=(0,),
        maxshape=(None,),
        dtype=dtype,
        chunks=(CHUNK,),
        fletcher32=True,
        compression=hdf5plugin.Zstd(clevel=3),
    )

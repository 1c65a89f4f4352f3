"""What controls.h5 says of each unit: medians of similarities, and examples; needs no torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from convscope.deconvnet.similarity import Similarity
from convscope.deconvnet.table import SCHEMA, ProjectionTable, Row
from convscope.hdf5 import reading

Key = tuple[str, str, str]
"""Image id, variant's name, layer's name."""


@dataclass(frozen=True)
class ControlledRow:
    """The strongest unit of a layer of an image under a variant.

    Parameters
    ----------
    row
        Of its own projection, from 1.
    examples
        Rows of the controls' projections of the first seed, by control; one that does not exist
        (another channel where there is one only) is left out.
    similarities
        Of every control, an entry a seed.
    """

    row: Row
    examples: dict[str, Row]
    similarities: dict[str, list[Similarity]]


class ControlTable(ProjectionTable):
    """An open controls.h5; ``units`` by image, variant and layer, in the file's order.

    Pixels are read when they are asked for: ``table.projection(unit.examples[control])``.
    """

    def __init__(self, file: h5py.File) -> None:
        super().__init__(file)
        self.controls: list[str] = self.attribute("controls")
        self.units: dict[Key, ControlledRow] = {}
        ids = self.attribute("images")["ids"]
        variants = [variant["name"] for variant in self.attribute("variants")]
        layers = [layer["name"] for layer in self.attribute("layers")]
        starts = file["similarity/row"][:].tolist()
        measured = {name: file[f"similarity/{name}"][:] for name in ("ssim", "spearman")}
        for unit, (start, end) in enumerate(pairwise([*starts, len(self.rows)])):
            row, *examples = self.rows[start:end]
            self.units[ids[row.image], variants[row.variant], layers[row.layer]] = ControlledRow(
                row,
                {self.controls[example.control]: example for example in examples},
                {
                    name: _similarities(measured["ssim"][unit, c], measured["spearman"][unit, c])
                    for c, name in enumerate(self.controls)
                },
            )


@contextmanager
def reading_controls(path: str | Path) -> Iterator[ControlTable]:
    """Open a controls.h5.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of another layout.
    """
    with reading(path, SCHEMA) as file:
        yield ControlTable(file)


def _similarities(ssim: np.ndarray, spearman: np.ndarray) -> list[Similarity]:
    pairs = zip(ssim.tolist(), spearman.tolist(), strict=True)
    return [Similarity(*(None if np.isnan(v) else v for v in pair)) for pair in pairs]

"""Compare the strongest units of deconv.h5 with their controls, and write controls.h5."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
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
from convscope.deconvnet.controls import (
    CONTROLS,
    Controlled,
    Subject,
    add_controls,
    refuse_few_seeds,
    subject_of,
)
from convscope.deconvnet.peaks_table import outdated, refuse_other_pixels
from convscope.deconvnet.project import Projection, Projector
from convscope.deconvnet.record import Tape
from convscope.deconvnet.seeds import Unit
from convscope.deconvnet.similarity import Similarity
from convscope.deconvnet.table import (
    NOWHERE,
    SCHEMA,
    ProjectionTable,
    ProjectionWriter,
    Row,
    grouped,
    reading_projections,
)
from convscope.hdf5 import set_attribute, writing
from convscope.images.store import ImageBatch
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)
CHUNK_BYTES = 300 << 20
"""Of projections and what they are compared by, of the images that share random weights."""
COPIES = 7
"""A unit's own projection, three examples, and about three times as much to compare it by."""
COPIED = ("images", "layers", "network_layers", "variants", "transform", "explained_from")


def measure_batch_controls(
    network: nn.Module,
    images: ImageBatch,
    deconv: str | Path,
    output: str | Path,
    *,
    seeds: int,
    storage: str,
    attributes: Mapping[str, Any],
    device: torch.device,
    chunk_bytes: int = CHUNK_BYTES,
) -> None:
    """Write controls.h5: the strongest unit of each layer, image and variant, and its controls.

    Of every unit there is a row with its own projection from 1, then one with an example of each
    control, of the first seed; ``control`` points into the attribute ``controls``. The datasets
    ``similarity/ssim`` and ``similarity/spearman``, float32 ``(units, controls, seeds)``, are NaN
    where undefined; ``similarity/row`` is the place of each unit's own row. Another channel's
    largest value is not known: its ``peak`` is NaN.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    images
        The prepared images.
    deconv
        The deconv.h5 of this network and these images; it decides units, rule and unpooling.
        Where it projects maps or whole layers, the unit is the one at the peak.
    output
        The file, written atomically.
    seeds
        How many; at least 9.
    storage
        ``float16`` or ``float32``.
    attributes
        ``network`` (with ``weights_sha256``) and ``packages``, for the file.
    device
        Where the network runs.
    chunk_bytes
        How much memory the images that share random weights may take; it changes no number.

    Raises
    ------
    UserError
        If there are too few seeds, or the file is not of this network and these images.
    """
    refuse_few_seeds(seeds)
    network = network.to(memory_format=torch.channels_last)
    with reading_projections(deconv) as table:
        batch = _Batch(table, str(deconv), network, images, device)
        batch.check(images, attributes)
        cases = batch.cases()
        facts = {
            **attributes,
            **{name: table.attribute(name) for name in COPIED},
            "controls": list(CONTROLS),
            "settings": {**batch.settings, "seeds": seeds},
            "no_other_channel": batch.lonely_layers(),
        }
    for layer in facts["no_other_channel"]:
        LOGGER.warning("layer %s has one channel: there is no other to compare it with", layer)
    with writing(output, SCHEMA, facts) as file:
        set_attribute(file, "stored_as", storage)
        writer = ProjectionWriter(file, storage)
        found = _measured(batch, _chunks(cases, chunk_bytes), range(seeds), writer)
        writer.close()
        _write_similarities(file, found, seeds)
    LOGGER.info("%d units compared with %d controls each", len(found), len(CONTROLS) * seeds)


@dataclass(frozen=True, eq=False)
class _Case:
    """An image under a variant, and its strongest unit in every layer."""

    image: str
    variant: int
    rows: list[Row]

    @property
    def size(self) -> int:
        """How much memory its projections take, in bytes."""
        return COPIES * sum(4 * int(np.prod(row.shape)) for row in self.rows)


Similarities = Mapping[str, Sequence[Similarity]]
"""Of a unit, by control, an entry a seed."""


class _Batch:
    """A deconv.h5 with the network that made it."""

    def __init__(
        self,
        table: ProjectionTable,
        path: str,
        network: nn.Module,
        images: ImageBatch,
        device: torch.device,
    ) -> None:
        self.table = table
        self.path = path
        self.settings = {name: table.attribute("settings")[name] for name in ("rule", "unpooling")}
        self.projector = Projector(network, **self.settings)
        self.inputs = Inputs(images, **table.attribute("transform"), device=device)
        self.ids: list[str] = table.attribute("images")["ids"]
        self.variants: list[dict[str, Any]] = table.attribute("variants")
        self.layers: list[dict[str, Any]] = table.attribute("layers")
        self.network_layers: list[str] = table.attribute("network_layers")
        explained = table.attribute("explained_from")
        self.starts = [explained.get(layer["name"], layer["name"]) for layer in self.layers]

    def check(self, images: ImageBatch, attributes: Mapping[str, Any]) -> None:
        """Refuse a file of other weights or images."""
        made_by = self.table.attribute("network")["weights_sha256"]
        if made_by != attributes["network"]["weights_sha256"]:
            raise outdated(
                "the weights changed underneath: its projections are another network's", self.path
            )
        refuse_other_pixels(self.table.attribute("images"), images, self.ids, self.path)

    def cases(self) -> list[_Case]:
        """Return what is measured, in the order of the file."""
        strongest = [row for row in self.table.rows if row.rank == 0]
        return [
            _Case(self.ids[image], variant, rows)
            for (image, variant), rows in grouped(strongest, "image", "variant").items()
        ]

    def lonely_layers(self) -> list[str]:
        """Return the layers that have one channel only."""
        return [layer["name"] for layer in self.layers if layer["channels"] == 1]

    def subject(self, case: _Case) -> tuple[Subject, np.ndarray]:
        """Project a case's units from 1; return the variant as uint8 ``(3, S, S)`` beside it."""
        variant = self.variants[case.variant]
        where = f"{self.path}, image {case.image}, variant {variant['name']}"
        image, picture = self.inputs.of(case.image, variant["definition"])
        tape = self.projector.record(image, sorted(set(self.starts)))
        places = [self._place(row, tape) for row in case.rows]
        check_recorded(tape, places, [row.activation for row in case.rows], where)
        units = [Unit(p.layer, p.channel, p.row, p.column) for p in places]
        return subject_of(self.projector, image, tape, units), picture

    def _place(self, row: Row, tape: Tape) -> Place:
        start = self.starts[row.layer]
        channel = row.channel
        if channel == NOWHERE:
            # Of a whole layer the table has the place of the peak only.
            values = tape.activations[start][0]
            at_peak = values if values.dim() == 1 else values[:, row.row, row.column]
            channel = int(at_peak.cpu().numpy().argmax())
        return Place(start, channel, row.row, row.column)


def _chunks(cases: Sequence[_Case], limit: int) -> list[list[_Case]]:
    """Return cases in runs that fit the limit, or of one case."""
    chunks: list[list[_Case]] = []
    taken = 0
    for case in cases:
        if not chunks or taken + case.size > limit:
            chunks.append([])
            taken = 0
        chunks[-1].append(case)
        taken += case.size
    return chunks


def _measured(
    batch: _Batch, chunks: Sequence[Sequence[_Case]], seeds: Sequence[int], writer: ProjectionWriter
) -> dict[int, Similarities]:
    """Measure and write chunk by chunk, each with all seeds; return similarities by own row."""
    rounds = [(chunk, seed) for chunk in chunks for seed in seeds]
    found: dict[int, Similarities] = {}
    rows = 0
    subjects: list[tuple[Subject, np.ndarray]] = []
    for chunk, seed in progress(rounds, LOGGER, what="rounds of controls", total=len(rounds)):
        if seed == seeds[0]:
            subjects = [batch.subject(case) for case in chunk]
        add_controls(batch.projector, [subject for subject, _ in subjects], seed)
        if seed != seeds[-1]:
            continue
        for case, (subject, picture) in zip(chunk, subjects, strict=True):
            for row, controlled in zip(case.rows, subject.controlled, strict=True):
                found[rows] = controlled.similarities
                for columns, projection in _columns(row, controlled, batch):
                    writer.add(projection.pixels, seen_by(projection, picture), **columns)
                    rows += 1
        subjects.clear()
    return found


def _columns(
    row: Row, controlled: Controlled, batch: _Batch
) -> Iterator[tuple[dict[str, Any], Projection]]:
    own = controlled.projection
    kept = {name: getattr(row, name) for name in ("image", "variant", "layer", "epoch", "rank")}
    for control, name in enumerate(("own", *CONTROLS), start=NOWHERE):
        projection = own if control == NOWHERE else controlled.examples.get(name)
        if projection is None:
            continue
        refuse_infinite(projection, batch.path)
        same = projection.unit == own.unit
        yield (
            {
                **kept,
                "control": control,
                "channel": projection.unit.channel,
                "row": row.row,
                "column": row.column,
                "peak": row.peak if same else np.nan,
                **columns_of(projection, batch.network_layers),
            },
            projection,
        )


def _write_similarities(file: h5py.File, found: Mapping[int, Similarities], seeds: int) -> None:
    shape = (len(found), len(CONTROLS), seeds)
    for name in ("ssim", "spearman"):
        values = [
            [
                [np.nan if value is None else value for value in (getattr(s, name) for s in past)]
                for past in unit.values()
            ]
            for unit in found.values()
        ]
        _write(file, name, np.array(values, np.float32).reshape(shape))
    _write(file, "row", np.array(list(found), np.int32))


def _write(file: h5py.File, name: str, values: np.ndarray) -> None:
    file.create_dataset(f"similarity/{name}", data=values, fletcher32=bool(values.size))

"""Correspondence: whether the same parts of different images change features in the same way.

Zeiler & Fergus (2013), section 4.3 and Table 1; ``convscope.invariance.signs`` says how the paper's
formula is read.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from convscope.batching import BatchSize
from convscope.errors import UserError
from convscope.images.store import ImageBatch
from convscope.invariance.boxes import random_boxes
from convscope.invariance.compare import Segment
from convscope.invariance.engine import IMAGES_AT_ONCE
from convscope.invariance.part_boxes import check_box
from convscope.invariance.passes import segments, spans
from convscope.invariance.signs import SignBits, pair_table
from convscope.networks.layers import observing
from convscope.progress import progress
from convscope.variants.definitions import FILLS, fill_levels
from convscope.variants.network_input import network_input

LOGGER = logging.getLogger(__name__)
ROUNDING = 1e-6
"""Changes up to this share of the layer's largest clean value are rounding, and count as zero."""


@dataclass
class _Signs:
    """Packs the signs of clean minus masked features, layer by layer, as they are computed.

    A batch counts once it is accepted; one that failed half-way leaves no trace.
    """

    segments: Sequence[Segment] = ()
    clean: dict[str, Tensor] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    positive: dict[str, list[np.ndarray]] = field(default_factory=dict)
    negative: dict[str, list[np.ndarray]] = field(default_factory=dict)
    _clean: dict[str, Tensor] = field(default_factory=dict)
    _packed: list[tuple[str, np.ndarray, np.ndarray]] = field(default_factory=list)

    def expect(self, segments: Sequence[Segment]) -> None:
        """Say which rows the next batch has, or the one before, tried again with fewer."""
        self.segments = segments
        self._clean = dict(self.clean)
        self._packed.clear()

    def accept(self) -> None:
        """Keep what the batch gave."""
        self.clean = self._clean
        for layer, positive, negative in self._packed:
            self.positive.setdefault(layer, []).append(positive)
            self.negative.setdefault(layer, []).append(negative)

    def __call__(self, layer: str, output: Tensor) -> None:
        self.units[layer] = output[0].numel()
        for segment in self.segments:
            rows = output[segment.start : segment.stop]
            if segment.fresh:
                self._clean[layer], rows = rows[0].clone(), rows[1:]
            clean = self._clean[layer]
            change = clean - rows
            change[change.abs() <= ROUNDING * clean.abs().max()] = 0
            signs = [
                np.packbits(signs.flatten(1).cpu().numpy(), axis=1)
                for signs in (change > 0, change < 0)
            ]
            self._packed.append((layer, *signs))

    def bits(self, layer: str, images: int) -> SignBits:
        """Return all that was packed, ``(N, M, bytes)``."""
        positive, negative = (
            np.concatenate(kept[layer]) for kept in (self.positive, self.negative)
        )
        shape = (images, len(positive) // images, positive.shape[1])
        return SignBits(positive.reshape(shape), negative.reshape(shape), self.units[layer])


def measure_correspondence(
    network: nn.Module,
    images: ImageBatch,
    parts: Mapping[str, Mapping[str, Sequence[int]]],
    *,
    layers: Sequence[Mapping[str, Any]],
    fill: str,
    mean: Sequence[float],
    std: Sequence[float],
    seed: int,
    random_count: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    at_once: int | None = None,
) -> pd.DataFrame:
    """Mask parts and random boxes and compare the signs of the changes between images.

    Kept until the end is a quarter of a byte for each unit, mask and image.

    Parameters
    ----------
    network
        In eval mode, on ``device``, of type ``dtype``.
    images
        At least two prepared images.
    parts
        ``{image id: {part: (left, top, right, bottom)}}``, the same parts for every image.
    layers
        Dicts with name and common_name.
    fill
        What a masked box shows: black, grey or mean. The box itself is a thing in the image: one
        far from all colours around it (black) changes features alike wherever it lies, so that
        random boxes correspond too.
    mean, std
        RGB in [0, 1], applied after masking.
    seed, random_count
        Of the random boxes, and how many an image (at least 10).
    device, dtype
        Where the network runs, and in which floating type.
    at_once
        Most images in a pass; by default what suits the device. Fewer if the memory is too small.

    Returns
    -------
    pandas.DataFrame
        A row for every pair of images, part (``random`` last), layer and kind of sign, with the
        fraction of sign change; ``convscope.invariance.signs.summarise_pairs`` makes Table 1.

    Raises
    ------
    UserError
        If there are too few images, parts are missing or lie outside, a layer is unknown, or the
        fill is not one colour.
    """
    names = _part_names(images, parts)
    side = images.pixels.shape[-1]
    boxes = [
        _boxes(image, {name: parts[image][name] for name in names}, seed, random_count, side)
        for image in images.ids
    ]
    make = _Inputs(images.pixels, np.stack(boxes), _colour(fill, mean), mean, std, device, dtype)
    size = BatchSize(at_once or IMAGES_AT_ONCE[device.type], what="masked images")
    steps = spans(len(boxes) * make.rows, size.at_once)
    signs = _Signs()
    network = network.to(memory_format=torch.channels_last)
    with observing(network, signs, [layer["name"] for layer in layers]), torch.inference_mode():
        for step in progress(steps, LOGGER, what="passes", total=len(steps)):
            for part in size.over(len(step)):
                batch = segments(step[part], make.rows)
                signs.expect(batch)
                with size.fitting():
                    network(make(batch, step[part].start % make.rows))
                    signs.accept()
    tables = [
        pair_table(
            signs.bits(layer["name"], len(boxes)),
            layer=layer["name"],
            common_name=layer["common_name"],
            images=images.ids,
            parts=names,
        )
        for layer in layers
    ]
    return pd.concat(tables, ignore_index=True)


class _Inputs:
    """Makes normalised batches of masked images; row 0 of an image is the image itself.

    ``boxes`` is ``(N, M, 4)``; ``rows`` is M + 1.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        boxes: np.ndarray,
        colour: Sequence[float],
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.rows = boxes.shape[1] + 1
        self._pixels = pixels
        self._boxes = boxes
        self._mean = mean
        self._std = std
        self._colour = torch.tensor(colour, dtype=dtype, device=device).view(3, 1, 1)

    def __call__(self, segments: Sequence[Segment], first: int) -> Tensor:
        """Return a batch ``(n, 3, S, S)`` that begins with the row ``first`` of its image."""
        images, row = [], first
        for segment in segments:
            pixels = torch.from_numpy(self._pixels[segment.image]).to(self._colour.device)
            rgb = pixels.to(self._colour.dtype) / 255
            for _ in range(segment.start, segment.stop):
                images.append(self._masked(rgb, segment.image, row))
                row = (row + 1) % self.rows
        return network_input(torch.stack(images), self._mean, self._std)

    def _masked(self, rgb: Tensor, image: int, row: int) -> Tensor:
        if row == 0:
            return rgb
        left, top, right, bottom = self._boxes[image, row - 1].tolist()
        masked = rgb.clone()
        masked[:, top:bottom, left:right] = self._colour
        return masked


def _part_names(images: ImageBatch, parts: Mapping[str, Mapping[str, Sequence[int]]]) -> list[str]:
    if len(images.ids) < 2:
        raise UserError(
            f"correspondence compares images, and there is {len(images.ids)}",
            where="correspondence",
            remedy="Give the boxes of parts for at least two images.",
        )
    names = list(parts.get(images.ids[0], {}))
    for image in images.ids:
        missing = sorted(set(names) ^ set(parts.get(image, {})))
        if missing or not names:
            raise UserError(
                f"the boxes of {', '.join(missing) or 'all parts'} are missing",
                where=f"parts of image {image}",
                remedy="Give the same parts for every image of the analysis.",
            )
    return names


def _boxes(
    image: str, parts: Mapping[str, Sequence[int]], seed: int, random_count: int, side: int
) -> np.ndarray:
    """Return the boxes to mask: the parts in order, then the random ones, ``(M, 4)``."""
    for name, box in parts.items():
        check_box(box, f"part {name} of image {image}", side)
    own = np.array(list(parts.values()), np.int64)
    return np.concatenate([own, random_boxes(image, parts, random_count, seed, side)])


def _colour(fill: str, mean: Sequence[float]) -> tuple[float, float, float]:
    levels = None if fill not in FILLS else fill_levels(fill, mean)
    if levels is None:
        raise UserError(
            f"a box can't be masked with {fill!r}",
            where="correspondence.fill",
            remedy="Use black, grey or mean.",
        )
    return levels

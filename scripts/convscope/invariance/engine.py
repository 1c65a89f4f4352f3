"""Pushes images and all their transforms through a network once and yields what was measured."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.batching import BatchSize
from convscope.errors import UserError
from convscope.images.store import ImageBatch
from convscope.invariance.compare import Comparison, Segment
from convscope.invariance.passes import Inputs, rows_of, segments, spans
from convscope.invariance.transforms import Transform, check_fill
from convscope.networks.layers import layer_calls, observing
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)
IMAGES_AT_ONCE = {"cpu": 8, "cuda": 64}
"""Images in one forward pass: on a CPU, more than 8 only leave its caches."""
ITEMS = "transformed images"
ORDER_SEED = 0
"""Of the order in which images meet: neighbours serve as the reference for each other."""


@dataclass(frozen=True, eq=False)
class ImageMeasures:
    """What was measured on one image, a row a distinct transform; row 0 is the image itself.

    Parameters
    ----------
    image
        The image's place in the batch.
    squared_distance, squared_norm
        ``(R, L)``: to the clean feature, and of the transformed one.
    label_probability, clean_class_probability
        ``(R,)``: of the label (NaN without one) and of the image's own top-1 class.
    predicted
        ``(R,)``: the index of the top-1 class; among equal logits the first.
    """

    image: int
    squared_distance: np.ndarray
    squared_norm: np.ndarray
    label_probability: np.ndarray
    clean_class_probability: np.ndarray
    predicted: np.ndarray


@dataclass
class Measurer:
    """Measures images; what it keeps on the device does not grow with their number.

    Parameters
    ----------
    network
        In eval mode, on ``device``, of type ``dtype``.
    layers
        Names of the layers to compare, L of them.
    transforms
        What is done to each image.
    fill
        What comes into view.
    mean, std
        RGB in [0, 1], applied after the transform.
    device, dtype
        Where the network runs, and in which floating type.
    at_once
        Most images in a pass; by default what suits the device. Fewer if the memory is too small.
    """

    network: nn.Module
    layers: Sequence[str]
    transforms: Sequence[Transform]
    fill: str
    mean: Sequence[float]
    std: Sequence[float]
    device: torch.device
    dtype: torch.dtype = torch.float32
    at_once: int | None = None
    reference: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, init=False)
    """Squared distances ``(L,)`` between unrelated images, complete once ``run`` has ended."""
    classes: int = field(default=0, init=False)
    """The number of the network's classes, known once ``run`` has ended."""

    def __post_init__(self) -> None:
        check_fill(self.fill)
        self.rows = rows_of(self.transforms)
        self._make = Inputs(
            self.rows,
            fill=self.fill,
            mean=self.mean,
            std=self.std,
            device=self.device,
            dtype=self.dtype,
        )

    def run(self, images: ImageBatch, labels: Sequence[int | None]) -> Iterator[ImageMeasures]:
        """Yield the measures of each image, in a seeded order.

        Parameters
        ----------
        images
            The prepared images.
        labels
            The class index of each image, or None.

        Raises
        ------
        UserError
            If a layer is unknown, a label is no class, or the network computes NaN.
        """
        order = np.random.default_rng(ORDER_SEED).permutation(len(images.ids))
        comparison = Comparison(self.layers, _Unrelated(images, labels, order))
        predictions = _Predictions([labels[place] for place in order])
        network = self.network.to(memory_format=torch.channels_last)
        gathered = _Gathered(len(self.rows))
        self.reference.clear()
        with observing(network, comparison, self.layers, layer_calls(network)):
            for batch, columns in self._passes(network, comparison, images.pixels, order):
                logits = columns.pop("logits")
                self.classes = logits.shape[1]
                columns |= predictions(logits, batch)
                self._note(comparison, order)
                for segment in batch:
                    whole = gathered.add(columns, segment)
                    if whole is not None:
                        image = int(order[segment.image])
                        self._refuse_nan(whole, images.ids[image])
                        yield ImageMeasures(image, **whole)

    def _passes(
        self, network: nn.Module, comparison: Comparison, pixels: np.ndarray, order: np.ndarray
    ) -> Iterator[tuple[list[Segment], dict[str, Any]]]:
        """Yield the segments of each pass with its logits, squared distances and norms."""
        size = BatchSize(self.at_once or IMAGES_AT_ONCE[self.device.type], what=ITEMS)
        steps = spans(len(order) * len(self.rows), size.at_once)
        for step in progress(steps, LOGGER, what="passes", total=len(steps)):
            for part in size.over(len(step)):
                batch, columns = segments(step[part], len(self.rows)), None
                members = pixels[order[[segment.image for segment in batch]]]
                with size.fitting():
                    comparison.expect(batch)
                    columns = self._measured(network, comparison, members, step[part].start)
                if columns is not None:
                    yield batch, columns

    @torch.inference_mode()
    def _measured(
        self, network: nn.Module, comparison: Comparison, pixels: np.ndarray, start: int
    ) -> dict[str, Any]:
        """Measure one pass; ``start`` is its first row, counted over all images."""
        inputs = self._make(pixels, comparison.segments, start % len(self.rows))
        logits = network(inputs).cpu()
        distances, norms = (found.cpu().numpy() for found in comparison.sums())
        return {"logits": logits, "squared_distance": distances, "squared_norm": norms}

    def _note(self, comparison: Comparison, order: np.ndarray) -> None:
        for (one, other), found in comparison.pairs().items():
            self.reference[int(order[one]), int(order[other])] = found.cpu().numpy()

    def _refuse_nan(self, whole: Mapping[str, np.ndarray], name: str) -> None:
        bad = ~np.isfinite(whole["squared_norm"]).all(axis=0)
        layer = f"layer {self.layers[int(bad.argmax())]}" if bad.any() else "the logits"
        if bad.any() or not np.isfinite(whole["clean_class_probability"]).all():
            raise UserError(
                "it computes NaN or infinity",
                where=f"{layer}, image {name}",
                remedy="The weights or the preprocessing do not fit this network: check both.",
            )


class _Unrelated:
    """Whether two images, by their places in the order, may be the reference for each other."""

    def __init__(self, images: ImageBatch, labels: Sequence[int | None], order: np.ndarray) -> None:
        self._pixels = [images.pixel_sha256[place] for place in order]
        self._labels = [labels[place] for place in order]

    def __call__(self, one: int, other: int) -> bool:
        label = self._labels[one]
        same_class = label is not None and label == self._labels[other]
        return not same_class and self._pixels[one] != self._pixels[other]


class _Predictions:
    """Reduces logits to the classes of interest; remembers the last image's own class."""

    def __init__(self, labels: Sequence[int | None]) -> None:
        self._labels = labels
        self._clean_class = -1

    def __call__(self, logits: torch.Tensor, segments: Sequence[Segment]) -> dict[str, np.ndarray]:
        """Return the columns of a batch's rows from logits ``(n, K)``."""
        predicted = logits.max(dim=1).indices.numpy().astype(np.int32)
        probability = logits.double().softmax(dim=1)
        of_label = np.full(len(predicted), np.nan)
        of_clean = np.empty(len(predicted))
        for segment in segments:
            rows = slice(segment.start, segment.stop)
            if segment.fresh:
                self._clean_class = int(predicted[segment.start])
            of_clean[rows] = probability[rows, self._clean_class].numpy()
            label = self._labels[segment.image]
            if label is not None:
                _check_label(label, probability.shape[1])
                of_label[rows] = probability[rows, label].numpy()
        return {
            "label_probability": of_label,
            "clean_class_probability": of_clean,
            "predicted": predicted,
        }


class _Gathered:
    """Gathers rows, batch after batch, until those of an image are complete."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._parts: list[dict[str, np.ndarray]] = []
        self.filled = 0

    def add(
        self, columns: Mapping[str, np.ndarray], segment: Segment
    ) -> dict[str, np.ndarray] | None:
        """Return all rows of an image with its last segment, else None."""
        part = {name: column[segment.start : segment.stop] for name, column in columns.items()}
        self._parts.append(part)
        self.filled += segment.stop - segment.start
        if self.filled < self._rows:
            return None
        parts, self._parts, self.filled = self._parts, [], 0
        return {name: np.concatenate([p[name] for p in parts]) for name in part}


def _check_label(label: int, classes: int) -> None:
    if not 0 <= label < classes:
        raise UserError(
            f"the label is class {label}, but the network has {classes}",
            where="labels",
            remedy="Correct the label, or the classes of the network.",
        )

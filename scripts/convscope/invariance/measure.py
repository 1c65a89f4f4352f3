"""Measure invariance: distances of features and probabilities over all amounts of all transforms.

Zeiler & Fergus (2013), section 3.2 and Fig. 5.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.images.store import ImageBatch
from convscope.invariance.engine import Measurer
from convscope.invariance.storage import writing_invariance
from convscope.invariance.transforms import Transform, notes_on

LOGGER = logging.getLogger(__name__)


def measure_invariance(
    network: nn.Module,
    images: ImageBatch,
    output: str | Path,
    *,
    layers: Sequence[Mapping[str, Any]],
    transforms: Sequence[Transform],
    fill: str,
    labels: Sequence[int | None],
    mean: Sequence[float],
    std: Sequence[float],
    attributes: Mapping[str, Any],
    device: torch.device,
    at_once: int | None = None,
) -> None:
    """Write invariance.h5 (schema ``invariance/1``) of one batch by one network.

    Memory does not grow with the number of amounts or images: features become distances on the
    device, and each image is written when its last amount is measured.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    images
        The prepared images.
    output
        The file, written atomically.
    layers
        As ``convscope.invariance.layers.chosen_layers`` returns them.
    transforms, fill
        What is done to each image, and what comes into view.
    labels
        The class index of each image in this network, or None.
    mean, std
        RGB in [0, 1], applied on the device after the transform.
    attributes
        More facts for the file: the network, the versions.
    device
        Where the network runs.
    at_once
        Images in a pass; by default what suits the device.

    Raises
    ------
    UserError
        If a layer or the fill is unknown, a label is no class, or the network computes NaN.
    """
    for note in notes_on(transforms):
        LOGGER.warning("%s", note)
    measurer = Measurer(
        network,
        [layer["name"] for layer in layers],
        transforms,
        fill,
        mean,
        std,
        device=device,
        at_once=at_once,
    )
    facts = {**attributes, "transform": {"mean": list(mean), "std": list(std)}}
    with writing_invariance(
        output,
        images=images,
        layers=layers,
        transforms=transforms,
        fill=fill,
        labels=labels,
        attributes=facts,
    ) as writer:
        for measures in measurer.run(images, labels):
            writer.add(measures, measurer.rows.places)
        writer.finish(measurer.reference, measurer.classes)
    LOGGER.info("%d images, each through the network %d times", len(images.ids), len(measurer.rows))

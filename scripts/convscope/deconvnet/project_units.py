"""The strongest images of chosen channels, projected (Zeiler & Fergus, 2013, Fig. 2)."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.deconvnet.channels import Channels, choose_channels
from convscope.deconvnet.picks import (
    Pick,
    PreparedImages,
    project_picks,
    projection_attributes,
    refuse_other_weights,
)
from convscope.deconvnet.project import Projector
from convscope.deconvnet.table import writing_projections
from convscope.deconvnet.units import TOP, Units, read_units
from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)


def project_units(
    network: nn.Module,
    units: str | Path,
    images: Sequence[str | Path],
    output: str | Path,
    *,
    layers: Sequence[str],
    channels: Channels,
    seed: int,
    top: int = TOP,
    mean: Sequence[float],
    std: Sequence[float],
    unpooling: str,
    rule: str,
    storage: str,
    attributes: Mapping[str, Any],
    device: torch.device,
) -> None:
    """Write the projections of chosen channels from their strongest images.

    Parameters
    ----------
    network
        In eval mode, on ``device``.
    units
        The network's units.h5 over all batches.
    images
        The images.h5 that hold its images.
    output
        The file of projections (``projections/1``); ``rank`` is the place among the strongest.
    layers, channels, seed
        As for ``choose_channels``.
    top
        Images a channel, at most 9.
    mean, std
        Of the network's transform, RGB in [0, 1].
    unpooling, rule
        As for ``Projector``.
    storage
        ``float16`` or ``float32``.
    attributes
        More facts for the file: the network (with ``weights_sha256``), the versions.
    device
        Where the network runs.

    Raises
    ------
    UserError
        If a layer, a channel or an image does not exist, or the network no longer computes the
        peaks.
    """
    if not 1 <= top <= TOP:
        raise UserError(f"{top} images a channel", where="top", remedy=f"Choose from 1 to {TOP}.")
    ranked = read_units(units)
    refuse_other_weights(ranked, attributes, str(units))
    network = network.to(memory_format=torch.channels_last)
    projector = Projector(network, rule=rule, unpooling=unpooling)
    picks = _picks(ranked, choose_channels(ranked, layers, channels, seed), top)
    digests = dict(zip(ranked.ranking.ids, ranked.ranking.pixel_sha256, strict=True))
    ids = sorted({pick.strong.image for pick in picks})
    prepared = PreparedImages(images, mean, std, device)
    prepared.check(ids, [digests[image] for image in ids], str(units))
    facts = projection_attributes(
        ranked,
        layers,
        ids,
        prepared,
        settings={"rule": rule, "unpooling": unpooling, "select": "unit", "top": top, "seed": seed},
        transform={"mean": list(mean), "std": list(std)},
        **attributes,
    )
    with writing_projections(output, facts, storage) as writer:
        project_picks(
            projector,
            picks,
            writer,
            units=ranked,
            layers=layers,
            images=prepared,
            ids=ids,
            where=str(units),
        )
    LOGGER.info("%d units of %d images projected", len(picks), len(ids))


def _picks(units: Units, channels: Mapping[str, Sequence[int]], top: int) -> list[Pick]:
    return [
        Pick(layer, channel, strong)
        for layer, chosen in channels.items()
        for channel in chosen
        for strong in units.ranking.images_of(units.rows(layer).start + channel)
        if strong.rank < top
    ]

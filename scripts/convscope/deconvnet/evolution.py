"""How units changed while a network was trained (Zeiler & Fergus, 2013, Fig. 4).

At each kept epoch a channel is projected from the image that excites it most at that epoch.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from convscope.deconvnet.channels import Channels, choose_channels
from convscope.deconvnet.peak_checks import check_peaks
from convscope.deconvnet.picks import (
    Pick,
    PreparedImages,
    project_picks,
    projection_attributes,
    refuse_other_weights,
)
from convscope.deconvnet.project import Projector
from convscope.deconvnet.rank import merged, no_ranking
from convscope.deconvnet.table import writing_projections
from convscope.deconvnet.units import Ranking, Units, read_units
from convscope.features.collect import Collected, collecting
from convscope.features.extract import IMAGES_AT_ONCE
from convscope.progress import progress

LOGGER = logging.getLogger(__name__)


def project_evolution(
    networks: Callable[[int], nn.Module],
    epochs: Sequence[int],
    units: str | Path,
    images: Sequence[str | Path],
    output: str | Path,
    *,
    layers: Sequence[str],
    channels: Channels,
    seed: int,
    ids: Collection[str],
    final_epoch: int,
    mean: Sequence[float],
    std: Sequence[float],
    unpooling: str,
    rule: str,
    storage: str,
    attributes: Mapping[str, Any],
    device: torch.device,
) -> None:
    """Write the projections of chosen channels from their strongest image at each epoch.

    The networks of all epochs are in memory together, so that each image is read once.

    Parameters
    ----------
    networks
        Gives the network of an epoch: another module for each, in eval mode, on ``device``.
    epochs
        The kept epochs.
    units
        The trained network's units.h5 over all batches: channels are chosen among those that are
        not silent at the end.
    images
        The images.h5 that hold its images.
    output
        The file of projections (``projections/1``); a row an epoch and channel, ``rank`` 0.
    layers, channels, seed
        As for ``choose_channels``.
    ids
        The images that have the normal variant; no others are looked at.
    final_epoch
        The training's last epoch; if it was kept, its peaks must be those of ``units``.
    mean, std
        Of the network's transform, RGB in [0, 1].
    unpooling, rule
        As for ``Projector``.
    storage
        ``float16`` or ``float32``.
    attributes
        More facts for the file: the network (with ``weights_sha256``), the versions.
    device
        Where the networks run.

    Raises
    ------
    UserError
        If a layer, a channel or an image does not exist, a network computes NaN, or the last
        network does not compute the peaks of ``units``.
    """
    ranked = read_units(units)
    refuse_other_weights(ranked, attributes, str(units))
    chosen = choose_channels(ranked, layers, channels, seed)
    prepared = PreparedImages(images, mean, std, device)
    prepared.check(ranked.ranking.ids, ranked.ranking.pixel_sha256, str(units))
    kept = {epoch: networks(epoch) for epoch in sorted(epochs)}
    at_once = IMAGES_AT_ONCE[device.type]
    found = strongest_images(kept, chosen, ranked, prepared, sorted(ids), at_once)
    picks = {epoch: _picks(found[epoch], chosen, epoch) for epoch in kept}
    _refuse_another_ending(ranked, picks.get(final_epoch, []), str(units))
    shown = sorted({pick.strong.image for some in picks.values() for pick in some})
    facts = projection_attributes(
        ranked,
        layers,
        shown,
        prepared,
        epochs=list(kept),
        settings={"rule": rule, "unpooling": unpooling, "select": "unit", "top": 1, "seed": seed},
        transform={"mean": list(mean), "std": list(std)},
        **attributes,
    )
    with writing_projections(output, facts, storage) as writer:
        for epoch, network in kept.items():
            LOGGER.info("epoch %d", epoch)
            project_picks(
                Projector(network, rule=rule, unpooling=unpooling),
                picks[epoch],
                writer,
                units=ranked,
                layers=layers,
                images=prepared,
                ids=shown,
                where=f"{units}, epoch {epoch}",
            )


def strongest_images(
    networks: Mapping[int, nn.Module],
    chosen: Mapping[str, Sequence[int]],
    units: Units,
    images: PreparedImages,
    ids: Sequence[str],
    at_once: int,
) -> dict[int, Ranking]:
    """Return for each network the strongest image of chosen channels; the smallest id among equals.

    Parameters
    ----------
    networks
        By epoch; in eval mode.
    chosen
        The channels of each layer.
    units
        For the layer table.
    images
        The images.
    ids
        Those to look at.
    at_once
        Images in a forward pass.

    Returns
    -------
    dict
        Rankings with one column; the channels of all layers one after the other are their rows.
    """
    columns, end = [], 0
    for layer, channels in chosen.items():
        columns += [end + channel for channel in channels]
        end += units.layer(layer)["channels"]
    best = dict.fromkeys(networks, no_ranking(len(columns), 1))
    with ExitStack() as stack:
        collectors = {
            epoch: stack.enter_context(_collecting(network, list(chosen)))
            for epoch, network in networks.items()
        }
        blocks = images.blocks(ids, at_once)
        for names in progress(blocks, LOGGER, what="passes", total=len(blocks)):
            digests = tuple(images.digest(name) for name in names)
            inputs = images.inputs(images.pixels(names))
            for epoch, collect in collectors.items():
                peaks = collect(inputs)
                values = peaks.values[:, columns].T
                positions = peaks.positions[:, columns].transpose(1, 0, 2)
                places = np.broadcast_to(np.arange(len(names)), values.shape)
                block = Ranking(values, places, positions, tuple(names), digests)
                best[epoch] = merged(best[epoch], block, 1)
    return best


def _collecting(
    network: nn.Module, layers: Sequence[str]
) -> AbstractContextManager[Callable[[torch.Tensor], Collected]]:
    network = network.to(memory_format=torch.channels_last)
    return collecting(network, layers=layers, stored=(), dtype=torch.float32)


def _picks(ranking: Ranking, chosen: Mapping[str, Sequence[int]], epoch: int) -> list[Pick]:
    units = [(layer, channel) for layer, channels in chosen.items() for channel in channels]
    return [
        Pick(layer, channel, strong, epoch)
        for row, (layer, channel) in enumerate(units)
        for strong in ranking.images_of(row)
    ]


def _refuse_another_ending(units: Units, picks: Sequence[Pick], where: str) -> None:
    """Refuse a last epoch whose peaks are not those of the trained network."""
    for layer in dict.fromkeys(pick.layer for pick in picks):
        own = [pick for pick in picks if pick.layer == layer]
        rows = [units.rows(layer).start + pick.channel for pick in own]
        found = np.array([pick.strong.value for pick in own])
        check_peaks(found, units.ranking.value[rows, 0], layer, units.largest(layer), where)

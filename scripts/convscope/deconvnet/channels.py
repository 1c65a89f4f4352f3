"""Which channels of a layer are shown: those named, or a random subset; needs no torch."""

import logging
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from convscope.deconvnet.units import Units
from convscope.errors import UserError

LOGGER = logging.getLogger(__name__)


Channels = Mapping[str, Sequence[int] | int] | int
"""The channels of each layer, or how many; one number for all layers."""


def choose_channels(
    units: Units, layers: Sequence[str], channels: Channels, seed: int
) -> dict[str, list[int]]:
    """Return the channels of each layer that are shown, in the order of the layers.

    A random subset, as in Fig. 2 of Zeiler & Fergus (2013), comes from an order of the layer's
    channels that depends on the seed, the layer's name and its number of channels alone, so that
    a larger subset holds the smaller one. Silent channels, which no image makes positive, are
    passed over.

    Parameters
    ----------
    units
        The strongest images of each channel.
    layers
        The layers' names.
    channels
        For each layer its channels, silent ones too, or how many; one number for all layers.
    seed
        Of the random subsets.

    Raises
    ------
    UserError
        If a layer or a channel does not exist, or a layer has no entry in ``channels``.
    """
    asked = dict.fromkeys(layers, channels) if isinstance(channels, int) else channels
    for layer in sorted(set(asked).symmetric_difference(layers)):
        raise UserError(
            "channels and layers do not name the same layers",
            where=f"layer {layer}",
            remedy="Give channels, or their number, for each layer and for no other.",
        )
    chosen: dict[str, list[int]] = {}
    for layer in layers:
        wanted = asked[layer]
        if isinstance(wanted, int):
            chosen[layer] = _random(units, layer, wanted, seed)
        else:
            chosen[layer] = _named(units, layer, wanted)
    return chosen


def _named(units: Units, layer: str, channels: Sequence[int]) -> list[int]:
    count = units.layer(layer)["channels"]
    for channel in channels:
        if not 0 <= channel < count:
            raise UserError(
                f"there is no channel {channel}",
                where=f"layer {layer}",
                remedy=f"Choose from 0 to {count - 1}.",
            )
    return list(dict.fromkeys(channels))


def _random(units: Units, layer: str, number: int, seed: int) -> list[int]:
    count = units.layer(layer)["channels"]
    if number < 1:
        raise UserError(
            f"{number} channels are asked for",
            where=f"layer {layer}",
            remedy="Give a number of at least 1.",
        )
    order = np.random.default_rng([seed, zlib.crc32(layer.encode()), count]).permutation(count)
    strongest = units.ranking.value[units.rows(layer), 0]
    alive = order[strongest[order] > 0]
    if len(alive) < number:
        LOGGER.info("layer %s: %d of %d channels are not silent", layer, len(alive), count)
    return alive[:number].tolist()

"""Which units of an image are projected: by the peaks of its layers; needs no torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from convscope.deconvnet.peaks_table import Peaks, PeaksTable
from convscope.deconvnet.select import StrongChannel, strongest
from convscope.errors import UserError

SELECTS = ("unit", "map", "layer")
KEY = "deconvnet"


@dataclass(frozen=True)
class Selection:
    """What is projected of every image.

    Parameters
    ----------
    layers
        In the order of the file.
    select
        ``unit`` (a channel's strongest position), ``map`` (a whole channel) or ``layer`` (all of
        it, once).
    top
        How many channels of each layer; class layers with fewer classes give all that they have.
    explained_from
        Class layers, each with the layer from whose strongest position its channels are explained
        (the last convolution before a global pooling).
    """

    layers: tuple[str, ...]
    select: str
    top: int
    explained_from: Mapping[str, str] = field(default_factory=dict)

    def start(self, layer: str) -> str:
        """Return the layer in which the signal starts."""
        return self.explained_from.get(layer, layer)

    def starts(self) -> list[str]:
        """Return all layers in which signals start, each once."""
        return list(dict.fromkeys(self.start(layer) for layer in self.layers))


@dataclass(frozen=True)
class Chosen:
    """A channel to project, and where it is strongest.

    Parameters
    ----------
    layer
        The layer by whose peaks it was chosen.
    start
        The layer in which the signal starts.
    rank
        From 0, the strongest.
    channel, row, column
        The peak's place in ``start``.
    peak
        The channel's largest value in ``layer``.
    value
        Its largest value in ``start``.
    """

    layer: str
    start: str
    rank: int
    channel: int
    row: int
    column: int
    peak: float
    value: float


def check_selection(table: PeaksTable, selection: Selection) -> dict[str, int]:
    """Refuse what cannot be projected before anything is computed.

    Returns
    -------
    dict
        Class layers with fewer channels than ``top``, and how many they have.

    Raises
    ------
    UserError
        If a layer is unknown or has fewer channels than ``top``, or a setting is.
    """
    if selection.select not in SELECTS:
        raise UserError(
            f"{selection.select!r} is no way to select",
            where=f"{KEY}.select",
            remedy=f"Choose one of {', '.join(SELECTS)}.",
        )
    classes = table.class_layers()
    fewer: dict[str, int] = {}
    for layer in selection.layers:
        channels = table.layer(layer)["channels"]
        if table.layer(selection.start(layer))["channels"] != channels:
            start = selection.start(layer)
            raise ValueError(f"{layer} cannot be explained from {start}: channels differ in number")
        if selection.select == "layer" or 1 <= selection.top <= channels:
            continue
        if selection.top < 1 or layer not in classes:
            raise UserError(
                f"{selection.top} strongest channels are asked for, and layer {layer} "
                f"has {channels}",
                where=f"{KEY}.top",
                remedy=f"Set it to a number from 1 to {channels}, or leave this layer out of "
                f"{KEY}.layers.",
            )
        fewer[layer] = channels
    return fewer


def choose(peaks: Peaks, selection: Selection, where: str) -> Iterator[Chosen]:
    """Yield what is projected of an image, by layer and rank.

    Of a whole layer, its strongest channel stands for it.

    Parameters
    ----------
    where
        The file and image, for messages.

    Raises
    ------
    UserError
        If a peak is NaN.
    """
    for layer in selection.layers:
        values, positions = peaks.of(layer)
        top = 1 if selection.select == "layer" else min(selection.top, len(values))
        channels = strongest(values, positions, top, f"{layer} of {where}")
        for rank, strong in enumerate(channels):
            start = selection.start(layer)
            place = strong if start == layer else _place(*peaks.of(start), strong.channel)
            yield Chosen(
                layer, start, rank, strong.channel, place.row, place.column, strong.peak, place.peak
            )


def _place(values: np.ndarray, positions: np.ndarray, channel: int) -> StrongChannel:
    row, column = (int(place) for place in positions[channel])
    return StrongChannel(channel, float(values[channel]), row, column)

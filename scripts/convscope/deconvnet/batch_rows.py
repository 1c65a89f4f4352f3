"""What rows of projections of a batch have in common: inputs, patches, columns and checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convscope.deconvnet.peak_checks import check_peaks
from convscope.deconvnet.project import Projection
from convscope.deconvnet.record import Tape
from convscope.deconvnet.table import NOWHERE
from convscope.errors import UserError
from convscope.images.store import ImageBatch
from convscope.variants.network_input import network_input, variant_rgb


@dataclass(frozen=True, eq=False)
class Inputs:
    """The images of a batch as a network is fed with them.

    Parameters
    ----------
    images
        The prepared images.
    mean, std
        Of the network's own transform, RGB in [0, 1].
    device
        Where the network runs.
    """

    images: ImageBatch
    mean: Sequence[float]
    std: Sequence[float]
    device: torch.device

    def of(self, image: str, definition: Mapping[str, Any]) -> tuple[Tensor, np.ndarray]:
        """Return an image's variant, normalised ``(1, 3, S, S)`` and as uint8 ``(3, S, S)``."""
        pixels = self.images.pixels[[self.images.ids.index(image)]]
        rgb = variant_rgb(pixels, definition, self.mean, self.device)
        seen = (rgb[0] * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        return network_input(rgb, self.mean, self.std), seen


@dataclass(frozen=True)
class Place:
    """A unit's place in a layer; (0, 0) in a vector layer."""

    layer: str
    channel: int
    row: int
    column: int


def check_recorded(
    tape: Tape, places: Sequence[Place], values: Sequence[float], where: str
) -> None:
    """Refuse a network that no longer computes the values by which units were chosen.

    Parameters
    ----------
    tape
        Of this image.
    places
        Of the units.
    values
        What they were, one a place.
    where
        The file that holds them, and the image, for the message.

    Raises
    ------
    UserError
        If one differs by more than 1e-3 of the layer's largest absolute value.
    """
    together: dict[str, list[tuple[float, float]]] = {}
    for place, value in zip(places, values, strict=True):
        activations = tape.activations[place.layer][0, place.channel]
        now = activations[place.row, place.column] if activations.dim() else activations
        together.setdefault(place.layer, []).append((now.item(), value))
    for layer, pairs in together.items():
        recorded, expected = np.array(pairs).T
        largest = tape.activations[layer].abs().max().item()
        check_peaks(recorded, expected, layer, largest, where)


def columns_of(projection: Projection, network_layers: Sequence[str]) -> dict[str, Any]:
    """Return what a projection itself says of its row of the table.

    Parameters
    ----------
    network_layers
        The file's attribute, which ``zero_at`` points into.
    """
    lost = projection.rectified_to_zero_at
    return {
        "activation": projection.activation,
        **dict(zip(("top", "left", "bottom", "right"), projection.box, strict=True)),
        "zero_at": NOWHERE if lost is None else network_layers.index(lost),
    }


def seen_by(projection: Projection, picture: np.ndarray) -> np.ndarray:
    """Return the part of a picture ``(3, S, S)`` within a projection's box."""
    top, left, bottom, right = projection.box
    return picture[:, top:bottom, left:right]


def refuse_infinite(projection: Projection, where: str) -> None:
    """Refuse a projection that left the range of float32.

    Raises
    ------
    UserError
        If a value is NaN or infinite.
    """
    if not np.isfinite(projection.pixels).all():
        raise UserError(
            f"a projection from layer {projection.unit.layer}, channel "
            f"{projection.unit.channel} is not finite",
            where=where,
            remedy="The weights are too large for float32 on the way down: leave this layer out "
            "of deconvnet.layers.",
        )
